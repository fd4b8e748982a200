"""What the configured resolver says, and what it remembers: asked like any program asks it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from random import Random

from labctl.events import Event, Measure, Row, Rows
from labctl.internet import Endpoint, Internet
from labctl.protocols.dns_result import Record, Server
from labctl.protocols.dns_walk import Walk
from labs.dns.claims import AUTHORITY, CACHED, NO_IS_CACHED, TTL_DRAINS
from labs.dns.walking import Walked
from labs.dns.words import ms, short


@dataclass(frozen=True)
class Said:
    """One answer of a resolver. `ttl` is the answer's, or for a "no" the SOA's, which counts down as well."""

    server: Endpoint
    elapsed_ms: float
    rcode: str
    aa: bool
    ra: bool
    records: tuple[Record, ...]
    ttl: int | None
    failure: str = ""

    @property
    def negative(self) -> bool:
        """Whether it is a "no": no such name, or no such record."""
        return not self.failure and not self.records and self.ttl is not None


def ask(internet: Internet, server: Endpoint, name: str, type: str, *, recurse: bool = True) -> Said:
    """Ask a resolver one question; with `recurse` off, from its memory only (RD=0)."""
    machine = Walk(
        name,
        type,
        (),
        clock=internet.clock,
        random=Random(internet.seed) if internet.kind == "sandbox" else None,
        first=Server("", server.name or server.address, server.address, "given"),
        recursion_desired=recurse,
    )
    elapsed, heard = 0.0, None
    while (question := machine.next_question()) is not None:
        reply = internet.ask(server, question.wire, via=question.via, timeout=internet.timeout or 3.0)
        heard = machine.hear(reply.wire, failure=reply.failure or "timeout")
        elapsed += reply.elapsed_ms
    assert heard is not None
    failure = heard.failure or (heard.text if heard.kind in ("garbage", "mismatch", "silent") else "")
    ttl = min((r.ttl for r in heard.records), default=heard.soa.ttl if heard.soa else None)
    return Said(server, elapsed, heard.rcode, heard.aa, heard.ra, heard.records, ttl, failure)


def ask_again(
    internet: Internet, walked: Walked, name: str, type: str
) -> Generator[Event, None, Said | None]:
    """Ask the configured resolver, let time pass, ask again: does it remember, and for how long?

    Judges the claims on caches. Returns the last answer; None without a resolver.
    """
    if not internet.resolvers or type == "ANY":  # ANY is answered minimally, not from what is kept (RFC 8482)
        return None
    server = internet.resolvers[0]
    before = ask(internet, server, name, type, recurse=False)
    first = ask(internet, server, name, type)
    if first.failure or first.ttl is None:
        why = first.failure or first.rcode or "an empty answer"
        yield Rows(
            text=f"The configured resolver {server} gave nothing to compare: {why}.",
            id="resolvers",
            title=f"The configured resolver, {server}",
            columns=("asked", "took", "said"),
            rows=(_row("asked", first, "nothing to keep"),),
        )
        return None
    passed = internet.pass_time(_a_while(internet, first.ttl))
    again = ask(internet, server, name, type)
    from_memory = ask(internet, server, name, type, recurse=False)
    full = walked.result.negative_ttl if first.negative else _ttl_of(walked)
    yield _table(server, before, first, again, from_memory, full, passed)
    yield Measure(
        f"The resolver's first answer had a TTL of {first.ttl} s.", "dns.resolver.ttl_first", first.ttl, "s"
    )
    if again.ttl is not None:
        yield Measure(
            f"Asked again, its answer had a TTL of {again.ttl} s.", "dns.resolver.ttl_again", again.ttl, "s"
        )
    yield Measure(
        f"The resolver's first answer took {ms(first.elapsed_ms)}.",
        "dns.resolver.first",
        round(first.elapsed_ms, 1),
        "ms",
    )
    yield Measure(
        f"Its second answer took {ms(again.elapsed_ms)}.",
        "dns.resolver.again",
        round(again.elapsed_ms, 1),
        "ms",
    )
    yield from _judge(first, again, from_memory, passed)
    return again if again.ttl is not None else first


def _a_while(internet: Internet, ttl: int) -> float:
    """Seconds that can be told from the TTL while the copy still lives: a minute, or less for a short TTL."""
    if internet.kind == "live":
        return 1.2
    return min(60.0, ttl // 2) if ttl > 1 else 0.0


def _judge(first: Said, again: Said, from_memory: Said, passed: str) -> Generator[Event, None, None]:
    remembered = not from_memory.failure and from_memory.ttl is not None
    if first.negative:
        if not remembered and from_memory.rcode in ("REFUSED", "SERVFAIL"):
            yield NO_IS_CACHED.not_seen(
                f"The resolver would not say what it remembers ({from_memory.rcode})."
            )
        else:
            yield NO_IS_CACHED.judged(
                remembered,
                f"Told to ask nobody, it says {from_memory.rcode} again, for {from_memory.ttl} s more."
                if remembered
                else "Told to ask nobody, the resolver had forgotten its own 'no'.",
            )
        return
    if (not remembered and from_memory.rcode in ("REFUSED", "SERVFAIL")) or from_memory.failure:
        why = from_memory.failure or from_memory.rcode
        yield CACHED.not_seen(
            f"This resolver does not say what it remembers to a question without RD ({why})."
        )
    else:
        yield CACHED.judged(
            remembered,
            f"Told to ask nobody (RD=0), the resolver still had the answer, with {from_memory.ttl} s left."
            if remembered
            else "Told to ask nobody (RD=0), the resolver had nothing: it did not keep its own answer.",
        )
    assert first.ttl is not None
    if not remembered:
        yield TTL_DRAINS.not_seen("The resolver had no copy that could grow old.")
    elif again.ttl is None:
        yield TTL_DRAINS.not_seen("The second answer did not come.")
    elif first.ttl < 3:
        yield TTL_DRAINS.not_seen(f"A TTL of {first.ttl} s leaves no time to watch it.")
    else:
        yield TTL_DRAINS.judged(
            again.ttl < first.ttl,
            f"{passed} The TTL was {first.ttl} s and is {again.ttl} s when asked again.",
        )


def authority(walked: Walked, said: Said | None) -> Generator[Event, None, None]:
    """Judge who may set AA: the zone's own server did, the resolver's answer did not."""
    last = next((h for h in reversed(walked.on_the_way) if h.kind in ("answer", "nodata", "nxdomain")), None)
    if last is None or said is None:
        return
    if said.aa:
        yield AUTHORITY.judged(False, f"The resolver {said.server} set AA on an answer from its cache.")
    else:
        yield AUTHORITY.judged(
            last.aa,
            f"AA is {'set' if last.aa else 'missing'} in the answer of {last.question.server.name}, "
            f"and not set in the resolver's.",
        )


def _ttl_of(walked: Walked) -> int | None:
    return min((r.ttl for r in (*walked.result.chain, *walked.result.records)), default=None)


def _row(what: str, said: Said, remark: str) -> Row:
    if said.failure:
        words = said.failure
    elif said.records:
        words = f"{said.records[-1].type} {short(said.records[-1].text, 40)}"
    else:
        words = said.rcode if said.ttl is not None else "nothing"
    return Row(
        text=f"{what}: {ms(said.elapsed_ms)}, {words}, {remark}.",
        cells=(what, ms(said.elapsed_ms), words, remark),
        hues=("", "", "", "mute"),
    )


def _table(
    server: Endpoint, before: Said, first: Said, again: Said, memory: Said, full: int | None, passed: str
) -> Rows:
    if full is None or first.ttl is None or first.ttl > full:
        judged = f"ttl {first.ttl} s"
    elif first.ttl < full:
        judged = f"ttl {first.ttl} of {full} s: had it already"
    else:
        judged = f"ttl {first.ttl} of {full} s: had to ask"
    drained = again.ttl is not None and first.ttl is not None and again.ttl < first.ttl
    rows = (
        _row("memory (RD=0)", before, _kept(before)),
        _row("asked", first, judged),
        _row("asked again", again, f"ttl {again.ttl} s: {'counted down' if drained else 'not counted down'}"),
        _row("memory (RD=0)", memory, _kept(memory)),
    )
    return Rows(
        text=f"The configured resolver {server}, asked four times. {passed}",
        id="resolvers",
        title=f"The configured resolver, {server}",
        columns=("asked", "took", "said", "so"),
        rows=rows,
        note=passed,
    )


def _kept(said: Said) -> str:
    return "not in its cache" if said.ttl is None else f"ttl {said.ttl} s: in its cache"
