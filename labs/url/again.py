"""The second visit: what was remembered, and what each memory saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labctl.events import Event, Measure, Row, Rows, Step
from labctl.fetch.legs import Leg, Visit
from labctl.fetch.phases import Kind, last_way_ms, phases, spent
from labs.url.words import less, listed, ms, sentence
from labs.words import count


def had(visit: Visit) -> list[str]:
    """What this visit found remembered, in words."""
    found = []
    if any(leg.cache == "hit" for leg in visit.legs):
        found.append("fresh copy")
    elif any(leg.cache == "validated" for leg in visit.legs):
        found.append("copy still good")
    if any(leg.reused for leg in visit.legs):
        found.append("open connection")
    elif any(leg.lookup is not None and leg.lookup.source == "memory" for leg in visit.legs):
        found.append("cached name")
    if any(leg.upgraded for leg in visit.legs):
        found.append("HSTS")
    return found


def second_visit(first: Visit, second: Visit, command: str) -> Iterator[Event]:
    """The line that compares the two, and the numbers; `command` shows the second one drawn, "" when it was."""
    found = ", ".join(had(second)) or "nothing was remembered"
    took, change = ms(second.elapsed_ms), less(first.elapsed_ms, second.elapsed_ms)
    words = f"Second visit ({found}): {took}, {change}."
    title = f"Second visit ({found}): **{took}**, {change}."
    yield Measure(
        f"The second visit took {ms(second.elapsed_ms)}.", "url.again", round(second.elapsed_ms, 1), "ms"
    )
    yield Measure(
        f"It made {count(second.connections, 'new connection')}.", "url.again.connections", second.connections
    )
    yield Step(text=words, role="result", title=title, hue="ok" if had(second) else "mute")
    if command:
        yield Step(text=f"See it: {command}", role="command", label="see it", title=command)


def saved(first: Visit, second: Visit) -> Rows | None:
    """A row for each memory that helped: what it saved, by what the first visit had to pay for it."""
    rows = [
        row for row in (_hsts(first, second), _cache(first, second), *_kept(first, second)) if row is not None
    ]
    if not rows:
        return None
    return Rows(
        text="What the second visit did not have to pay again.",
        id="saved",
        title="What was remembered",
        columns=("memory", "saved", "what it was"),
        rows=tuple(rows),
    )


def _row(memory: str, saved_ms: float, what: str) -> Row:
    return Row(
        text=sentence(f"{memory[0].upper()}{memory[1:]}: saved {ms(saved_ms)}, {what}"),
        cells=(memory, ms(saved_ms), what),
        hues=("", "ok", "mute"),
    )


def _paid(leg: Leg, since: float, *kinds: Kind) -> float:
    return sum(phase.ms for phase in phases(leg, since) if phase.kind in kinds)


def _hsts(first: Visit, second: Visit) -> Row | None:
    upgraded = next((leg for leg in second.legs if leg.upgraded), None)
    if upgraded is None or not first.legs or first.legs[0].url.scheme != "http":
        return None
    leg = first.legs[0]
    return _row("HSTS", (leg.ended_at - leg.started_at) * 1000, f"{leg.url} was not asked in the clear")


def _cache(first: Visit, second: Visit) -> Row | None:
    hit = next((leg for leg in second.legs if leg.cache == "hit"), None)
    before = next((leg for leg in first.legs if hit is not None and leg.url == hit.url), None)
    if hit is None or before is None:
        return None
    return _row("browser cache", (before.ended_at - before.started_at) * 1000, f"{hit.url} is still fresh")


def _kept(first: Visit, second: Visit) -> Iterator[Row]:
    """An open connection spares the name, too: nobody has to look into the memory of names for it."""
    kinds: dict[Kind, str] = {"dns": "DNS", "connect": "TCP", "tls": "TLS"}
    spared: list[str] = []
    open_to: list[str] = []
    names = connections = 0.0
    for leg in second.legs:
        before = next((old for old in first.legs if old.url.origin == leg.url.origin), None)
        if before is None or leg.cache == "hit":
            continue
        if leg.reused and not before.reused:
            paid = [phase for phase in phases(before, first.started_at) if phase.kind in kinds]
            connections += sum(phase.ms for phase in paid)
            spared += [kinds[phase.kind] for phase in paid]
            open_to.append(leg.url.host)
        elif leg.lookup is not None and leg.lookup.source == "memory":
            names += _paid(before, first.started_at, "dns")
    if open_to:
        what = listed([name for name in kinds.values() if name in spared])
        yield _row("open connection", connections, f"{what} to {listed(list(dict.fromkeys(open_to)))}")
    if names:
        yield _row("name memory", names, "a name is asked for once while its TTL runs")


def visits_table(visits: Sequence[Visit]) -> Rows:
    """Cold against warm: a row for each visit."""
    rows = []
    known = last_way_ms(visits[0]) if visits else None
    for number, visit in enumerate(visits, 1):
        times = spent(visit, known)
        found = ", ".join(had(visit)) or ("nothing yet" if number == 1 else "nothing")
        # A pause within a response is a wait like that for its first byte.
        waited = times.wait + times.paused.ms
        parts = (times.total, times.setting_up, waited, times.moving)
        rows.append(
            Row(
                text=(
                    f"Visit {number}: {ms(parts[0])}, of it {ms(parts[1])} setting up, {ms(parts[2])} waiting, "
                    f"{ms(parts[3])} moving bytes; remembered: {found}."
                ),
                cells=(str(number), *map(ms, parts), found),
                hues=("mute", "", "", "", "", "mute"),
            )
        )
    return Rows(
        text="All visits side by side.",
        id="visits",
        title="All visits",
        columns=("visit", "total", "setting up", "wait", "bytes", "remembered"),
        rows=tuple(rows),
        show_columns=True,
    )
