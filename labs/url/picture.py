"""A visit as a waterfall: its phases as spans, with a heading for each leg."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Span, Step
from labctl.fetch.legs import Leg, Visit
from labctl.fetch.pauses import NO_PAUSE, Paused, paused
from labctl.fetch.phases import Kind, Phase, from_a_cache, phases, tls_round_trips, way_ms
from labs.url.addresses import attempt_span, timed
from labs.url.words import listed, ms, sentence, size
from labs.words import count

_TRACKS: dict[Kind, tuple[str, Hue]] = {
    "cache": ("cache", "ok"),
    "dns": ("DNS", "accent"),
    "connect": ("TCP", "ok"),
    "tls": ("TLS", "alt"),
    "request": ("request", "warn"),
    "wait": ("wait", "bad"),
    "response": ("response", "accent"),
}
_NO_TLS = {
    "certificate": "certificate refused",
    "alert": "ended by an alert",
    "timeout": "no answer",
    "closed": "cut off",
    "not-tls": "no TLS there",
}
_SOURCES = {
    "resolver": "the resolver",
    "walk": "name servers, from the root",
    "hosts": "the hosts file",
    "system": "the system",
}


class Said(NamedTuple):
    """What a phase says of itself: a few words for the picture, a sentence for the linear form, some more words."""

    label: str
    text: str
    wide: str = ""


def waterfall(visit: Visit, rtt_ms: float | None = None) -> Iterator[Event]:
    """Headings and spans, all on one time axis that begins with Enter.

    `rtt_ms` is the round trip as far as an earlier visit has measured it.
    """
    for number, leg in enumerate(visit.legs, 1):
        if len(visit.legs) > 1:
            yield _heading(number, leg)
        which = f"Leg {number}, " if len(visit.legs) > 1 else ""
        for phase in phases(leg, visit.started_at):
            if phase.kind == "connect" and leg.connected is not None and len(leg.connected.attempts) > 1:
                won = next((a.started_at for a in leg.connected.attempts if a.outcome == "won"), None)
                for attempt in leg.connected.attempts:
                    # One that began behind the winner had no time to show that it is dead.
                    overtaken = won is not None and attempt.started_at > won
                    yield attempt_span(attempt, visit.started_at, which, overtaken=overtaken)
                continue
            trip = way_ms(leg)
            pauses = paused(leg, rtt_ms if trip is None else trip) if phase.kind == "response" else NO_PAUSE
            said = _response(leg, phase, pauses) if pauses.times else _SAY[phase.kind](leg, phase)
            waited = phase.kind == "wait" or pauses.ms > phase.ms / 2
            track, hue = _TRACKS[phase.kind]
            yield Span(
                text=timed(which + track, phase.start_ms, phase.end_ms, said.text),
                track=track,
                start_ms=phase.start_ms,
                end_ms=phase.end_ms,
                label=said.label,
                role="wait" if waited else "",
                hue="bad" if phase.failed else hue,
                data={
                    "phase": phase.kind,
                    "url": leg.url.text,
                    "failed": phase.failed,
                    "wide": said.wide or said.label,
                },
            )


def _heading(number: int, leg: Leg) -> Step:
    said = []
    if leg.reason:
        said.append(f"after {leg.reason}")
    if leg.upgraded:
        said.append("https at once: HSTS")
    if leg.reused:
        said.append("over the open connection")
    if leg.cache:
        said.append("a fresh copy" if leg.cache == "hit" else "the copy is still good")
    said += leg.changes
    summary = ", ".join(said)
    text = f"Leg {number}: {leg.method} {leg.url}"
    return Step(
        text=sentence(f"{text}, {summary}" if summary else text),
        role="heading",
        title=f"{number}  {leg.url}",
        summary=summary,
    )


def _dns(leg: Leg, phase: Phase) -> Said:
    lookup = leg.lookup
    assert lookup is not None
    whom = _SOURCES.get(lookup.source, lookup.source)
    asked = count(lookup.questions, "question")
    label = f"{asked}, {'walked' if lookup.source == 'walk' else 'resolver'}" if lookup.questions else whom
    to = f"{asked} to {whom}" if lookup.questions else f"Answered by {whom}"
    alias = f", an alias of {lookup.cname}" if lookup.cname else ""
    if not lookup.addresses:
        return Said(
            {"nxdomain": "no such name", "nodata": "no address"}.get(lookup.failure, "no answer"),
            f"{to}. {lookup.detail}",
        )
    where = listed(lookup.addresses)
    return Said(label, f"{to}: {lookup.name}{alias} is {where}", f"{label}: {lookup.addresses[0]}")


def _connect(leg: Leg, phase: Phase) -> Said:
    assert leg.connected is not None
    if leg.connected.socket is None:
        failure = leg.connected.failure or "no connection"
        return Said({"timeout": "no answer"}.get(failure, failure), leg.detail or failure)
    where = leg.connected.address
    return Said(
        "1 round trip",
        f"One round trip to {where}, port {leg.connected.port}",
        f"1 round trip to {where}",
    )


def _tls(leg: Leg, phase: Phase) -> Said:
    secured = leg.secured
    assert secured is not None
    if secured.stream is None:
        return Said(_NO_TLS.get(secured.failure, secured.failure), leg.detail)
    trips = count(tls_round_trips(leg) or 0, "round trip")
    resumed = ", resumed" if secured.resumed else ""
    speaks = {"h2": "HTTP/2", "http/1.1": "HTTP/1.1"}.get(secured.alpn, "")
    agreed = f", and agreed to speak {speaks}" if speaks else ""
    label = f"{trips} ({secured.version}{resumed})"
    return Said(
        label, f"TLS {secured.version}{resumed}: {trips}{agreed}", f"{label}{', ' if speaks else ''}{speaks}"
    )


def _request(leg: Leg, phase: Phase) -> Said:
    assert leg.answer is not None
    sent = len(leg.answer.request_raw)
    path = leg.url.path if len(leg.url.path) <= 40 else f"{leg.url.path[:28]}…{leg.url.path[-11:]}"
    return Said(f"{leg.method} {path}, {size(sent)}", f"{leg.method} {leg.url.path}, {size(sent)}")


def _wait(leg: Leg, phase: Phase) -> Said:
    if phase.failed:
        return Said("nothing came", leg.detail)
    if from_a_cache(leg):
        return Said(
            "there, back, a cache",
            "Until the first byte: there, a cache that had the answer, and back",
            "there, a cache that had it, and back",
        )
    return Said(
        "there, back, the app",
        "Until the first byte: there, the server's work, and back",
        "there, the server's work, and back",
    )


def _response(leg: Leg, phase: Phase, pauses: Paused = NO_PAUSE) -> Said:
    answer = leg.answer
    assert answer is not None
    came = size(answer.body_bytes)
    if phase.failed:
        return Said(f"{answer.status or 'broken'}, cut off", leg.detail)
    if leg.cache == "validated":
        return Said("304, copy still good", f"304: the copy of {came} is still good, no content came")
    version = "HTTP/2" if answer.version == "2" else f"HTTP/{answer.version}"
    brief = f"{answer.status}, {came}"
    told = f"{answer.status} over {version}, {came} of content"
    wide = f"{answer.status} {answer.reason}, {came} over {version}".replace(" ,", ",")
    if pauses.times:
        held = f"of it {ms(pauses.ms)} in {count(pauses.times, 'pause')} of the server"
        return Said(f"{brief}, in pieces", f"{told}, {held}", f"{wide}, in pieces")
    return Said(brief, told, wide)


def _cache(leg: Leg, phase: Phase) -> Said:
    assert leg.answer is not None
    return Said(
        "fresh: nothing asked", f"{leg.answer.status} out of the cache, {size(leg.answer.body_bytes)}"
    )


_SAY = {
    "cache": _cache,
    "dns": _dns,
    "connect": _connect,
    "tls": _tls,
    "request": _request,
    "wait": _wait,
    "response": _response,
}
