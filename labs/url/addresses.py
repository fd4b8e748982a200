"""Which addresses there were, which were tried, and what became of each: bars of the waterfall, and a table."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row, Rows, Span
from labctl.fetch.connecting import Attempt
from labctl.fetch.legs import Leg, Visit
from labs.url.words import ms, sentence


def timed(name: str, start_ms: float, end_ms: float, said: str) -> str:
    """What took how long, from when on; and what there is to say of it."""
    return f"{name}: {ms(end_ms - start_ms)}, from {start_ms:,.1f} ms on. {sentence(said)}"


def attempt_span(attempt: Attempt, since: float, which: str, *, overtaken: bool = False) -> Span:
    """A bar for one address; `overtaken` when another one, that had begun before it, won."""
    start, end = (attempt.started_at - since) * 1000, (attempt.ended_at - since) * 1000
    won = attempt.outcome == "won"
    off = "called off, the other one was there" if overtaken else "silent, called off"
    words = {"won": "it won", "called-off": off, "timeout": "silent"}
    said = words.get(attempt.outcome, attempt.outcome)
    brief = {"called-off": "not needed" if overtaken else "silent"}.get(attempt.outcome, said)
    return Span(
        text=timed(f"{which}TCP to {attempt.address}", start, end, said[0].upper() + said[1:]),
        track="TCP",
        start_ms=start,
        end_ms=end,
        label=attempt.address if won else f"{attempt.address} {brief}",
        role="" if won else "idle",
        hue="ok" if won else "mute" if overtaken else "bad",
        data={"phase": "connect", "address": attempt.address, "outcome": attempt.outcome},
    )


def addresses(visit: Visit) -> Iterator[Event]:
    """Which addresses there were, which were tried and which won; nothing when there was no choice."""
    # Of several legs the one is shown where an address did not answer; else the first.
    choices = [leg for leg in visit.legs if leg.lookup is not None and leg.connected is not None]
    lost = [leg for leg in choices if leg.connected is not None and len(leg.connected.attempts) > 1]
    leg: Leg | None = next(iter((*lost, *choices)), None)
    if leg is None or leg.lookup is None or leg.connected is None or len(leg.lookup.addresses) < 2:
        return
    tried = {attempt.address: attempt for attempt in leg.connected.attempts}
    first = leg.connected.started_at
    winner = next((a.started_at for a in leg.connected.attempts if a.outcome == "won"), None)
    rows = []
    for address in leg.lookup.addresses:
        attempt = tried.get(address)
        family = "IPv6" if ":" in address else "IPv4"
        if attempt is None:
            rows.append(
                Row(
                    text=f"{address}, {family}: not tried, another one was there before its turn.",
                    cells=(address, family, "not tried", ""),
                    hues=("", "mute", "mute", "mute"),
                )
            )
            continue
        after = (attempt.started_at - first) * 1000
        took = (attempt.ended_at - attempt.started_at) * 1000
        began = "first" if attempt.started_at == first else f"{ms(after)} later"
        won = attempt.outcome == "won"
        # One that began behind the winner had no time to show that it is dead.
        overtaken = winner is not None and attempt.started_at > winner
        outcome: str = attempt.outcome
        if outcome == "called-off":
            outcome = "not needed" if overtaken else "no answer"
        rows.append(
            Row(
                text=f"{address}, {family}: tried {began}, {outcome} after {ms(took)}.",
                cells=(address, family, outcome, f"tried {began}, {ms(took)}"),
                hues=("", "mute", "ok" if won else "mute" if overtaken else "bad", "mute"),
            )
        )
    yield Rows(
        text=f"Addresses of {leg.url.host}, in the order in which they are tried.",
        id="addresses",
        title=f"Addresses of {leg.url.host}",
        columns=("address", "family", "outcome", "when"),
        rows=tuple(rows),
        note="IPv6 first, the next 250 ms later (RFC 8305)" if len(rows) > 1 else "",
    )
