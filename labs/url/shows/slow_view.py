"""The same page from a fast view and from a slow one: which bars move."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Measure, Row, Rows, Step
from labctl.fetch.legs import Visit
from labctl.fetch.phases import Spent, spent
from labctl.internet import Internet
from labctl.protocols.url import parse_url
from labs.url.asking import FIELDS
from labs.url.claims import WHAT_YOU_CONTROL
from labs.url.conditions import visitor, wake
from labs.url.journey import raise_if_unreachable
from labs.url.picture import waterfall
from labs.url.words import listed, ms

SLOWER_MS = 300
FAST = parse_url("https://slow.shop.test/wait/0")
SLOW = parse_url(f"https://slow.shop.test/wait/{SLOWER_MS}")
_PHASES = ("dns", "connect", "tls", "request", "wait", "response")


def show(internet: Internet) -> Iterator[Event]:
    """Two first visits, one after the other, by two clients who remember nothing."""
    wake(internet, FAST)
    # The resolver is asked once before, so that both find the same memory there.
    _visit(internet, rehearsal=True)
    fast, slow = _visit(internet), _visit(internet, slow=True)
    for visit in (fast, slow):
        raise_if_unreachable(visit)
    for visit, which in ((fast, "a fast view"), (slow, f"a view that thinks for {SLOWER_MS} ms")):
        yield Step(
            text=f"OBSERVE: {which}. {ms(visit.elapsed_ms)}.",
            role="phase",
            phase="OBSERVE",
            title=which,
            summary=ms(visit.elapsed_ms),
        )
        yield from waterfall(visit)
    one, other = spent(fast), spent(slow)
    yield _table(one, other)
    moved = [name for name in _PHASES if _difference(one, other, name) > SLOWER_MS / 2]
    yield Measure(
        f"The wait was {_difference(one, other, 'wait'):,.1f} ms longer.",
        "url.slower.wait",
        round(_difference(one, other, "wait"), 1),
        "ms",
    )
    yield WHAT_YOU_CONTROL.judged(
        moved == ["wait"],
        f"With a view that is {SLOWER_MS} ms slower, {listed(moved) if moved else 'no phase'} took longer: "
        f"the wait went from {ms(one.wait)} to {ms(other.wait)}, the response from {ms(one.response)} to "
        f"{ms(other.response)}.",
    )
    line = (
        f"labctl shell -- curl -so /dev/null -w 'first %{{time_starttransfer}} all %{{time_total}}\\n' {SLOW}"
    )
    yield Step(text=f"By hand: {line}", role="command", label="by hand", title=line)


def _visit(internet: Internet, *, slow: bool = False, rehearsal: bool = False) -> Visit:
    with visitor(internet) as client:
        client.prepare()
        return client.visit(SLOW if slow and not rehearsal else FAST, fields=FIELDS)


def _difference(one: Spent, other: Spent, name: str) -> float:
    return float(getattr(other, name)) - float(getattr(one, name))


def _table(one: Spent, other: Spent) -> Rows:
    rows = []
    for name, shown in zip(_PHASES, ("DNS", "TCP", "TLS", "request", "wait", "response"), strict=True):
        before, after = float(getattr(one, name)), float(getattr(other, name))
        moved = after - before > SLOWER_MS / 2
        change = f"{ms(after - before)} more" if moved else "as before"
        rows.append(
            Row(
                text=f"{shown}: {ms(before)}, then {ms(after)}: {change}.",
                cells=(shown, ms(before), ms(after), change),
                hues=("", "", "", "bad" if moved else "mute"),
            )
        )
    return Rows(
        text="The phases side by side.",
        id="bars",
        title="Which bars moved",
        columns=("phase", "fast view", "slow view", "so"),
        rows=tuple(rows),
        show_columns=True,
    )
