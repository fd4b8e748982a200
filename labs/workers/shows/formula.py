"""2 x cores + 1, put to the test: requests that wait, and requests that compute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.telling import about, command, measured, note, opening, result, table, warning
from labs.words import count, ms
from labs.workers.claims import FORMULA
from labs.workers.client import many, said
from labs.workers.happening import at_once
from labs.workers.server import ON_FEW_CORES, cores, standing
from labs.workers.starting import FEW_CORES
from labs.workers.watching import Watched, watch

REQUESTS, WAIT_MS, LOOP_MS = 10, 40, 30
_BUSY = 0.2
# More workers than cores, all of them computing: each is without a core for more than this part of its time.
_SHORT_OF_CORES = 0.3


class Rate(NamedTuple):
    """So many workers. Requests a second; what one that computes needed of a core, in ms.

    `for_core` is the part of its time for which it had none, None where that is not told.
    """

    workers: int
    waiting_rate: float
    waiting_most: int
    loop_rate: float
    core_ms: float
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
    yield from _busy(first)
    if cores() > few:
        yield note(
            f"This machine has {cores()} cores; these servers may use {few} of them, so that few workers do."
        )
    yield about(
        "waiting",
        f"{last.workers} workers: {last.waiting_rate:.0f} a second, against {first.waiting_rate:.0f} with 1",
        "(so it goes on with 17, or with threads)",
    )
    yield about(
        "computing",
        f"{last.workers} workers: {last.loop_rate:.0f} a second, against {first.loop_rate:.0f} with 1",
        f"({count(few, 'core')} can do {few} times the work of one, and no more)",
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
    yield _judged(found, few)
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
    core_ms = sum(float(each.get("cpu_ms", 0.0)) for each in told) / len(told)
    return Rate(workers, _rate(waiting), at_once(waiting.board.works), _rate(loops), core_ms, for_core)


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
    without = "" if rate.for_core is None else f", {for_core} of their time waiting for a core"
    return Row(
        f"{count(rate.workers, 'worker')}: {rate.waiting_rate:.0f} a second that wait, {rate.waiting_most} at once; "
        f"{rate.loop_rate:.0f} a second that compute{without}.",
        (
            str(rate.workers),
            f"{rate.waiting_rate:.0f} a second",
            str(rate.waiting_most),
            f"{rate.loop_rate:.0f} a second",
            for_core,
        ),
        hues=("accent", "ok", "mute", "", "warn" if (rate.for_core or 0) > 0.3 else "mute"),
    )


def _busy(first: Rate) -> Iterator[Event]:
    """The lab's own calibration: one worker alone has a core for itself, unless the machine has other things to do."""
    if first.for_core is not None and first.for_core > _BUSY:
        yield warning(
            f"This machine is busy: even 1 worker had no core for {first.for_core:.0%} of its time. The figures for "
            "what computes are those of a smaller machine."
        )


def _judged(found: list[Rate], few: int) -> Event:
    """By what a request needs of a core, which does not depend on what else this machine does."""
    last = found[-1]
    if last.core_ms < LOOP_MS / 2:
        return FORMULA.judged(
            False,
            f"With {last.workers} workers {last.loop_rate:.0f} a second were done of what should compute, and each "
            f"needed a core for {ms(last.core_ms)} only.",
        )
    most = few * 1000 / last.core_ms
    if last.waiting_most <= few or (last.for_core is not None and last.for_core < _SHORT_OF_CORES):
        return FORMULA.not_seen(
            f"The machine was too busy to tell: of {last.workers} workers {last.waiting_most} waited at once, and "
            "those that compute were hardly ever at it together."
        )
    return FORMULA.judged(
        last.loop_rate <= 1.1 * most,
        f"With {last.workers} workers {last.waiting_most} requests waited at once. Those that compute need a core for "
        f"{ms(last.core_ms)} each, so {count(few, 'core')} can do {most:.0f} a second, and did {last.loop_rate:.0f}.",
        at_once=last.waiting_most,
    )
