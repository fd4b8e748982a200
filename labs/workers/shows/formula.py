"""2 x cores + 1, put to the test: requests that wait, and requests that compute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.telling import about, command, measured, note, opening, result, table
from labs.words import count
from labs.workers.claims import FORMULA
from labs.workers.client import many, said
from labs.workers.server import ON_FEW_CORES, cores, standing
from labs.workers.shows.models import at_once
from labs.workers.starting import FEW_CORES
from labs.workers.watching import Watched, watch

REQUESTS, WAIT_MS, LOOP_MS = 10, 40, 30


class Rate(NamedTuple):
    """So many workers. Requests a second; parts of the computing requests' time, None where it is not told."""

    workers: int
    waiting_rate: float
    waiting_most: int
    loop_rate: float
    for_core: float | None


def show(internet: Internet) -> Iterator[Event]:
    few = min(FEW_CORES, cores())
    numbers = tuple(dict.fromkeys((1, few, 2 * few + 1)))
    yield opening(
        f"2 x {few} cores + 1 = {2 * few + 1} workers?", f"{REQUESTS} requests that wait or compute"
    )
    found = [_measure(internet, each) for each in numbers]
    yield table(
        "formula.rates",
        "",
        ("workers", f"wait {WAIT_MS} ms", "at once", f"compute {LOOP_MS} ms", "waits for a core"),
        [_row(each) for each in found],
    )
    first, last = found[0], found[-1]
    if cores() > few:
        yield note(
            f"This machine has {cores()} cores; these servers may use {few} of them, so that few workers do."
        )
    yield about(
        "waiting",
        f"{last.workers} workers: {last.waiting_rate:.0f} a second, against {first.waiting_rate:.0f} with 1",
        "it goes on like that with 17, or with threads",
    )
    yield about(
        "computing",
        f"{last.workers} workers: {last.loop_rate:.0f} a second, against {first.loop_rate:.0f} with 1",
        f"{count(few, 'core')} cannot do more than {few} times the work of one",
    )
    yield note(
        "workers = cores x (1 + waiting / computing) is what the sentence of gunicorn's documentation means: it "
        "assumes that half of the time is waiting. Measure yours; each worker costs memory; and a container's limit "
        "may allow fewer cores than the machine has."
    )
    for each in found:
        yield measured(
            f"workers.formula.wait-{each.workers}",
            round(each.waiting_rate, 1),
            f"{count(each.workers, 'worker')}: {each.waiting_rate:.1f} waiting requests a second.",
            "1/s",
        )
    yield _judged(found)
    yield result("The formula is a guess to start with, by gunicorn's own words not overly scientific.")
    yield command("by hand", "python -c 'import os; print(2 * os.cpu_count() + 1)'", "then measure")
    yield command("next", "labctl workers --workers 5", "the time line with five")


def _measure(internet: Internet, workers: int) -> Rate:
    with standing(internet, "sync", workers=workers, prepare=ON_FEW_CORES) as server:
        waiting = _run(server, f"/wait?ms={WAIT_MS}")
        loops = _run(server, f"/loop?ms={LOOP_MS}")
    told = [said(each.answer) for each in loops.asked]
    for_core = None
    if all("for_core_ms" in each for each in told):
        for_core = sum(each["for_core_ms"] for each in told) / max(
            0.001, sum(each["wall_ms"] for each in told)
        )
    return Rate(workers, _rate(waiting), at_once(waiting.board), _rate(loops), for_core)


def _run(server: object, target: str) -> Watched:
    from labctl.serving.standing import Standing

    assert isinstance(server, Standing)
    return next(
        each
        for each in watch(server, many(target, REQUESTS), 1, 30, most_s=20.0)
        if isinstance(each, Watched)
    )


def _rate(seen: Watched) -> float:
    first = min(each.sent_ns for each in seen.asked)
    return len(seen.asked) / ((max(each.done_ns for each in seen.asked) - first) / 1e9)


def _row(rate: Rate) -> Row:
    for_core = "not told" if rate.for_core is None else f"{rate.for_core:.0%}"
    return Row(
        f"{count(rate.workers, 'worker')}: {rate.waiting_rate:.0f} a second that wait, {rate.waiting_most} at once; "
        f"{rate.loop_rate:.0f} a second that compute, {for_core} of their time waiting for a core.",
        (
            str(rate.workers),
            f"{rate.waiting_rate:.0f} a second",
            str(rate.waiting_most),
            f"{rate.loop_rate:.0f} a second",
            for_core,
        ),
        hues=("accent", "ok", "mute", "", "warn" if (rate.for_core or 0) > 0.3 else "mute"),
    )


def _judged(found: list[Rate]) -> Event:
    first, last = found[0], found[-1]
    if last.for_core is None or first.for_core is None:
        return FORMULA.not_seen("This system does not tell who waits for a core; Linux does (schedstat).")
    grown, part = last.waiting_most == last.workers, last.for_core
    share = round(100 * part)
    # Its own calibration: one worker alone has a core for itself, unless the machine has other things to do.
    if part > 0.25 and part - first.for_core < 0.08:
        alone = round(100 * first.for_core)
        return FORMULA.not_seen(
            f"The machine was too busy to tell: even 1 worker waited {alone}% of its time for a core, and "
            f"{last.workers} waited {share}%."
        )
    return FORMULA.judged(
        grown and part > 0.25,
        f"With {last.workers} workers {last.waiting_most} requests waited at once, and those that compute spent "
        f"{share}% of their time waiting for a core.",
        at_once=last.waiting_most,
        for_core=share,
    )
