"""The lesson of a walk: caches, ladder, resolver, what is remembered, what it shows, and asking once more."""

from __future__ import annotations

from collections.abc import Generator

from labctl.events import Event, Measure, Step
from labctl.internet import Internet
from labctl.protocols.dns_cache import Cache
from labctl.protocols.dns_names import reverse_name
from labs.dns import caches, judging, records, resolver
from labs.dns.compare import quietly, servers_of_the_zone
from labs.dns.walking import PATIENCE_MS, Walked, headlined, summary, walk
from labs.dns.words import ms
from labs.words import count


def whole_walk(
    internet: Internet, name: str, types: tuple[str, ...], *, dnssec: bool, qmin: bool, compare: bool
) -> Generator[Event, None, None]:
    cached = list(caches.closest_first(internet, name, types[0]))
    cache = Cache(internet.clock)
    walks: list[Walked] = []

    def opening(headline: str) -> Generator[Event, None, None]:
        yield Step(
            text=f"OBSERVE: labctl walks the tree, as a resolver does. {headline}".rstrip(),
            role="phase",
            phase="OBSERVE",
            title="from the root to the answer",
            summary=headline.rstrip("."),
        )
        yield from cached

    for kind in types:
        asked = reverse_of(walks, name) if kind == "PTR" else name
        if walks:
            yield Step(text=f"The walk for {kind} of {asked}", role="heading", title=f"{kind} of {asked}")
        events = walk(internet, asked, kind, cache=cache, qmin=qmin, dnssec=dnssec)
        walked = yield from events if walks else headlined(internet, events, opening)
        walks.append(walked)
        if len(walks) > 1 or walked.elapsed_ms > PATIENCE_MS:
            yield Step(text=f"The walk took {summary(walked)}.", role="note")
    first = walks[0]
    said = yield from resolver.ask_again(internet, first, name, types[0])
    if len(types) > 1 or first.result.chain or len(first.result.records) > 1:
        for walked in walks:
            if walked.result.records or walked.result.chain:
                yield records.records(walked.result)
    yield records.remembered(cache)
    yield from records.facts(first)
    yield from records.whose_address(internet, first)
    yield from judging.the_walk(internet, first, qmin)
    yield from resolver.authority(first, said)
    for walked in walks:
        yield from records.shape(walked)
    yield from records.across_types(walks)
    for walked in walks:
        if walked.result.type == "PTR" and walked.result.name != name:
            yield from records.way_back(first.result, walked.result)
    security: dict[str, str] = {}
    if dnssec:
        from labs.dns.security import check

        for walked in walks:
            verdict = yield from check(internet, walked, walks)
            security[walked.result.type] = verdict.state
    if compare:
        for walked in walks:
            yield from servers_of_the_zone(internet, walked)
    again = ""
    if first.result.status != "failed":
        again = yield from _again(internet, cache, name, types[0], qmin)
    for walked in walks:
        state = security.get(walked.result.type, "")
        yield records.conclusion(walked.result, again if walked is first else "", state)
    yield from caches.instead(internet, name, types[0])


def reverse_of(walks: list[Walked], name: str) -> str:
    """What PTR means together with A or AAAA: the reverse name of the address that was just found."""
    found = (r.text for walked in walks for r in walked.result.records if r.type in ("A", "AAAA"))
    address = next(found, "")
    return reverse_name(address) if address else name


def _again(internet: Internet, cache: Cache, name: str, type: str, qmin: bool) -> Generator[Event, None, str]:
    """The same question once more, with what the walk has learnt; returns the sentence of what it cost."""
    again = quietly(walk(internet, name, type, cache=cache, qmin=qmin))
    asked = again.result.questions
    yield Measure(f"Asked again now, it takes {count(asked, 'question')}.", "dns.again.questions", asked)
    took = round(again.elapsed_ms, 1)
    yield Measure(f"Asked again now, it takes {ms(took)}.", "dns.again.elapsed", took, "ms")
    return f"Ask again now: {count(asked, 'question')}, {ms(took)}."
