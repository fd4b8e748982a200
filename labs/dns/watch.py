"""A TTL draining in a resolver's cache, second by second, until the record must be fetched again."""

from __future__ import annotations

from collections.abc import Generator

from labctl.errors import CannotRun
from labctl.events import Event, Measure, Row, Rows, Step
from labctl.internet import Endpoint, Internet
from labs.dns.claims import AUTHORITY, TTL_DRAINS
from labs.dns.resolver import Said, ask
from labs.dns.words import left, ms

# On the live internet one question a second and no more than these; the sandbox's clock can be moved on.
MOST_QUESTIONS = 12
SANDBOX_STEPS = 6


def drain(internet: Internet, server: Endpoint | None, name: str, type: str) -> Generator[Event, None, None]:
    """Ask one resolver again and again; each answer is a row with what is left of the TTL."""
    if server is None and not internet.resolvers:
        raise CannotRun("no-resolver", "no resolver is configured on this machine: name one with --server")
    resolver = server or internet.resolvers[0]
    yield Step(
        text=f"OBSERVE: the TTL of {name} drains in the cache of {resolver}.",
        role="phase",
        phase="OBSERVE",
        title="a TTL drains",
    )
    first = ask(internet, resolver, name, type)
    if first.failure or first.ttl is None:
        why = first.failure or first.rcode
        yield TTL_DRAINS.not_seen(f"{resolver} gave nothing that could be kept: {why}.")
        return
    full, said, moved = first.ttl, [first], ""
    yield _row_of(resolver, first, full, 0.0)
    started = internet.clock()
    step = max(1.0, full / SANDBOX_STEPS) if internet.kind == "sandbox" else 1.0
    while len(said) < MOST_QUESTIONS:
        moved = internet.pass_time(step)
        again = ask(internet, resolver, name, type)
        said.append(again)
        if again.failure or again.ttl is None:
            break
        yield _row_of(resolver, again, full, internet.clock() - started)
        if again.ttl > (said[-2].ttl or 0):
            break
    yield Step(text=moved, role="note")
    remembered = ask(internet, resolver, name, type, recurse=False)
    yield from _judge(said, remembered)


def _judge(said: list[Said], remembered: Said) -> Generator[Event, None, None]:
    ttls = [s.ttl for s in said if s.ttl is not None]
    yield Measure(f"The TTL was {ttls[0]} s at first.", "dns.resolver.ttl_first", ttls[0], "s")
    if any(s.aa for s in said):
        yield TTL_DRAINS.not_seen(
            "This server speaks with authority (AA): it hands out the TTL of the zone itself."
        )
        words = "It speaks with authority (AA) and offers no recursion."
        yield AUTHORITY.judged(not any(s.ra for s in said), words)
        return
    if remembered.ttl is None:
        yield TTL_DRAINS.not_seen("The resolver had no copy that could grow old.")
        return
    if len(ttls) < 2:
        yield TTL_DRAINS.not_seen("There was no second answer.")
        return
    yield TTL_DRAINS.judged(ttls[1] < ttls[0], f"The TTL went {', '.join(str(t) for t in ttls)} s.")
    if ttls[-1] > ttls[-2]:
        yield Step(
            text=f"At 0 the copy was thrown away and fetched again: {ttls[-1]} s.", role="result", hue="ok"
        )


def _row_of(resolver: Endpoint, said: Said, full: int, at_s: float) -> Rows:
    assert said.ttl is not None
    data = said.records[-1].text if said.records else said.rcode
    share = min(1.0, said.ttl / full) if full else 0.0
    row = Row(
        text=f"{at_s:.0f} s: {data}, {said.ttl} of {full} s left ({share:.0%}), in {ms(said.elapsed_ms)}.",
        cells=(f"{at_s:.0f} s", data, ms(said.elapsed_ms), left(said.ttl)),
        share=share,
        hues=("mute", "", "", ""),
        data={"ttl": said.ttl, "at_s": round(at_s)},
    )
    return Rows(text="", id="watch", title="", columns=("at", "answer", "took", "left"), rows=(row,))
