"""What the time of a visit was spent on: setting up, on the way, your app, moving bytes; and who says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Row, Rows, Step
from labctl.fetch.legs import Visit
from labctl.fetch.phases import Spent, from_a_cache, last_way_ms, spent
from labctl.protocols.server_timing import Metric, read
from labs.url.words import ms, percents, sentence, size
from labs.words import count


class _Part(NamedTuple):
    """A bar: its name and milliseconds; the few words beside it, and what the sentence says instead."""

    label: str
    ms: float
    hue: Hue
    remark: str
    meaning: str = ""


def told_of_the_time(visit: Visit, rtt_ms: float | None = None) -> Iterator[Event]:
    """The bars; what was seen of caches and pauses; and what the server says of itself.

    `rtt_ms` is the round trip as far as an earlier visit has measured it.
    """
    rows = where_the_time_went(visit, rtt_ms)
    if rows is None:
        return
    yield rows
    times = spent(visit, rtt_ms)
    if times.paused.times:
        yield Step(text=_of_pauses(visit, times), role="note")
    if (said := servers_own_words(visit, rtt_ms)) is not None:
        yield said


def where_the_time_went(visit: Visit, rtt_ms: float | None = None) -> Rows | None:
    """The parts of the visit, which add up to a hundred per cent. None when there is nothing to divide."""
    times = spent(visit, rtt_ms)
    parts = _parts(visit, times)
    whole = sum(part.ms for part in parts)
    if whole <= 0 or visit.answer is None or visit.failure == "http":
        return None
    rows = tuple(
        Row(
            text=sentence(
                f"{part.label[0].upper()}{part.label[1:]}: {said}, {ms(part.ms)} ({part.meaning or part.remark})"
            ),
            cells=(part.label, said, part.remark),
            share=part.ms / whole,
            hues=(part.hue,),
        )
        for part, said in zip(parts, percents([part.ms for part in parts]), strict=True)
    )
    return Rows(
        text="Where the time went.",
        id="time",
        title="Where the time went",
        columns=("part", "share", "what it is"),
        rows=rows,
        form="shares",
    )


def _parts(visit: Visit, times: Spent) -> list[_Part]:
    asked = [leg for leg in visit.legs if leg.answer is not None and leg.cache != "hit"]
    cached = [leg for leg in asked if from_a_cache(leg)]
    parts = [
        _Part("setting up", times.setting_up, "accent", "DNS, TCP, TLS: no page yet", "DNS, TCP and TLS")
    ]
    # Without a round trip that was measured, nobody can tell the way from the work.
    way = "" if times.way or not asked else ", and the way there and back"
    if times.way:
        trips = count(len(asked), "round trip")
        parts.append(_Part("on the way", times.way, "alt", f"{trips}, there and back"))
    if cached:
        all_of_it = len(cached) == len(asked)
        took = times.cached + (times.paused.ms if all_of_it else 0.0)
        who = "your app was not asked" if all_of_it else "your app was not asked there"
        parts.append(
            _Part("a cache", took, "warn", f"it answered: {who}", f"answered by a cache: {who}{way}")
        )
    if len(cached) < len(asked):
        mine = f"your code{way}" if way else "the part your code controls"
        parts.append(_Part("your app", times.app, "bad", mine))
    parts.append(_Part("moving bytes", times.moving, "ok", "request and response"))
    return parts


def _of_pauses(visit: Visit, times: Spent) -> str:
    assert visit.answer is not None
    came = sum(leg.answer.body_bytes for leg in visit.legs if leg.answer is not None and leg.cache != "hit")
    said = f"{size(came)} in {ms(times.response)}"
    if times.paused.times == 1:
        return (
            f"{said}: for {ms(times.paused.ms)} of that nothing came. The server paused; a lost segment would "
            "look the same, but not at every visit."
        )
    return f"{said}: the server sent it in pieces, {ms(times.paused.ms)} of pauses; that is its time, not the line's."


def servers_own_words(visit: Visit, rtt_ms: float | None = None) -> Rows | None:
    """What the last response says in Server-Timing, beside what was measured; None when it says nothing."""
    leg = visit.legs[-1]
    if leg.answer is None or leg.cache:
        return None
    metrics = read(leg.answer.fields)
    if not metrics:
        return None
    known = last_way_ms(visit)
    alone = spent(visit._replace(legs=(leg,)), rtt_ms if known is None else known)
    remark = (
        "The answer came out of a cache: these may be the words of the visit that filled it."
        if from_a_cache(leg)
        else _left(metrics, alone.app)
    )
    rows = tuple(_row(metric) for metric in metrics)
    return Rows(
        text=f"What the server says of its time (Server-Timing). {remark}".rstrip(),
        id="server-timing",
        title="The server's own words",
        columns=("name", "took", "what"),
        rows=rows,
        note=remark,
    )


def _row(metric: Metric) -> Row:
    took = "" if metric.ms is None else ms(metric.ms)
    said = f": {metric.description}" if metric.description else ""
    exactly = "" if metric.ms is None else f", {metric.ms:,.1f} ms"
    return Row(
        text=sentence(f"{metric.name}{exactly}{said}"),
        cells=(metric.name, took, metric.description),
        hues=("", "", "mute"),
        data={
            "name": metric.name,
            "dur_ms": None if metric.ms is None else round(metric.ms, 1),
            "desc": metric.description,
        },
    )


def _left(metrics: tuple[Metric, ...], app: float) -> str:
    """What is left of the app's time; metrics may contain each other, and then the longest says most."""
    known = [metric.ms for metric in metrics if metric.ms]
    if not known or not app:
        return ""
    told, whose = sum(known), "together"
    if told > app:
        told, whose = max(known), "the longest; they overlap"
    if told > app:
        return f"{ms(told)} is more than the {ms(app)} seen from here."
    return f"{ms(told)} ({whose}) of {ms(app)}: {ms(app - told)} left unsaid."
