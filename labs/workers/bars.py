"""The spans of a worker's row: ready, at work, ended, another one in its place. Pure."""

from __future__ import annotations

from labctl.events import Span, SpanState
from labs.words import ms
from labs.workers.happening import Place, Replaced, Work


def _moment(text: str, track: str, at_ms: float, role: str, **more: str) -> Span:
    hue = "bad" if role == "killed" else ""
    return Span(text, track, at_ms, at_ms, role=role, hue=hue, picture="timeline", **more)  # type: ignore[arg-type]


def ready(track: str, under: str, pid: int) -> Span:
    """A row for somebody, before anything has happened: nothing wide, at the beginning."""
    return _moment(f"{track.capitalize()} (pid {pid}) is ready.", track, 0.0, "boot", under=under)


def came(track: str, under: str, pid: int, at_ms: float) -> Span:
    """One more worker than there were."""
    return _moment(
        f"{track.capitalize()} (pid {pid}) came at {ms(at_ms)}.", track, at_ms, "boot", under=under
    )


def ended(track: str, under: str, place: Place, successor: int = 0, then: str = "") -> Span:
    """A worker that is gone: how, and who came; `then` says it when nobody did."""
    more = "" if successor else f" {then[:1].upper()}{then[1:]}."
    then = f"then pid {successor}" if successor else then
    at_ms = place.gone_ms or 0.0
    return _moment(
        f"{track.capitalize()} (pid {place.gone_pid}) was gone at {ms(at_ms)}: {place.how}.{more}",
        track,
        at_ms,
        "killed",
        label=f"{place.how}, {then}",
        under=under,
    )


def respawned(track: str, under: str, replaced: Replaced) -> Span:
    """From the end of a worker until the next one is ready."""
    later = ms(replaced.ready_ms - replaced.gone_ms)
    return Span(
        text=f"The master started pid {replaced.new} in its place; it was ready {later} later.",
        track=track,
        start_ms=replaced.gone_ms,
        end_ms=replaced.ready_ms,
        role="respawn",
        hue="warn",
        picture="timeline",
        under=under,
    )


def at_work(track: str, under: str, work: Work, at_ms: float, state: SpanState, timeout_s: int) -> Span:
    """A request in hand, until `at_ms`."""
    return Span(
        text=_said(track, work, at_ms, state, timeout_s),
        track=track,
        start_ms=work.begin_ms,
        end_ms=at_ms,
        label=work.label,
        role="stuck" if work.stuck else "request",
        hue="bad" if work.stuck or work.cut or work.raised else "accent",
        picture="timeline",
        under=under,
        state=state,
    )


def _said(track: str, work: Work, at_ms: float, state: SpanState, timeout_s: int) -> str:
    took_ms = at_ms - work.begin_ms
    who, took = f"{track.capitalize()} (pid {work.pid})", ms(took_ms)
    queued = f" after {ms(work.queued_ms)} in the queue" if work.queued_ms >= 1 else ""
    if state == "open":
        return f"{who} began request {work.label}{queued}, at {ms(work.begin_ms)}."
    if work.cut:
        return f"{who} was on request {work.label} for {took} when that worker ended."
    if work.end_ms is None:
        return f"{who} had been on request {work.label} for {took} when we stopped looking."
    if work.raised:
        return f"{who} did request {work.label} in {took}{queued}, and the view raised {work.raised}."
    over = f", longer than --timeout {timeout_s}" if took_ms > timeout_s * 1000 > 0 else ""
    return f"{who} did request {work.label} in {took}{over}{queued}, from {ms(work.begin_ms)} on."
