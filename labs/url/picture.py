"""A visit as a waterfall: its phases as spans, with a heading for each leg, and what the time was spent on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Row, Rows, Span, Step
from labctl.fetch.legs import Leg, Visit
from labctl.fetch.phases import Kind, Phase, phases, spent, tls_round_trips
from labs.url.addresses import attempt_span, timed
from labs.url.words import count, listed, ms, percents, sentence, size

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


def waterfall(visit: Visit) -> Iterator[Event]:
    """Headings and spans, all on one time axis that begins with Enter."""
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
            said = _SAY[phase.kind](leg, phase)
            track, hue = _TRACKS[phase.kind]
            yield Span(
                text=timed(which + track, phase.start_ms, phase.end_ms, said.text),
                track=track,
                start_ms=phase.start_ms,
                end_ms=phase.end_ms,
                label=said.label,
                role="wait" if phase.kind == "wait" else "",
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
    return Said(
        "there, back, the app",
        "Until the first byte: there, the server's work, and back",
        "there, the server's work, and back",
    )


def _response(leg: Leg, phase: Phase) -> Said:
    answer = leg.answer
    assert answer is not None
    came = size(answer.body_bytes)
    if phase.failed:
        return Said(f"{answer.status or 'broken'}, cut off", leg.detail)
    if leg.cache == "validated":
        return Said("304, copy still good", f"304: the copy of {came} is still good, no content came")
    version = "HTTP/2" if answer.version == "2" else f"HTTP/{answer.version}"
    return Said(
        f"{answer.status}, {came}",
        f"{answer.status} over {version}, {came} of content",
        f"{answer.status} {answer.reason}, {came} over {version}".replace(" ,", ","),
    )


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


def where_the_time_went(visit: Visit, rtt_ms: float | None = None) -> Rows | None:
    """Three numbers: setting up, the app, moving bytes. None when there is nothing to divide.

    `rtt_ms` is the round trip as far as an earlier visit has measured it.
    """
    times = spent(visit)
    if times.rtt_ms is None:
        times = times._replace(rtt_ms=rtt_ms)
    whole = times.setting_up + times.wait + times.moving
    if whole <= 0 or visit.answer is None or visit.failure == "http":
        return None
    trips = sum(leg.answer is not None and leg.cache != "hit" for leg in visit.legs)
    way = ""
    if times.rtt_ms is not None and times.rtt_ms * trips < times.wait:
        way = f"{ms(times.rtt_ms * trips)} on the way"
    rows = []
    per_cent = iter(percents((times.setting_up, times.wait, times.moving)))
    for label, amount, hue, remark, meaning in (
        ("setting up", times.setting_up, "accent", "DNS, TCP, TLS: no page yet", "DNS, TCP and TLS"),
        ("your app", times.wait, "bad", "the part your code controls", "the wait for the first byte"),
        ("moving bytes", times.moving, "ok", "request and response", "request and response"),
    ):
        share, said = amount / whole, next(per_cent)
        if label == "your app" and way:
            meaning, remark = f"{meaning}, {way}", f"your code, and {way}"
        rows.append(
            Row(
                text=f"{label[0].upper()}{label[1:]}: {said}, {ms(amount)} ({meaning}).",
                cells=(label, said, remark),
                share=share,
                hues=(hue,),  # type: ignore[arg-type]  # one of Hue's words
            )
        )
    return Rows(
        text="Where the time went.",
        id="time",
        title="Where the time went",
        columns=("part", "share", "what it is"),
        rows=tuple(rows),
        form="shares",
    )
