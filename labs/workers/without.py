"""Where there is no gunicorn: the same requests at labctl's toy server, and what workers would do, computed."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.errors import CannotRun
from labctl.events import Event, Row
from labctl.internet import Internet
from labs.telling import command, note, opening, result, table, warning
from labs.words import count, ms
from labs.workers.claims import ONE_AT_A_TIME, TIMEOUT
from labs.workers.plan import MOST_AT_ONCE, Plan
from labs.workers.queueing import Job, serve
from labs.workers.server import standing
from labs.workers.told import summary
from labs.workers.watching import Watched, watch


def without_gunicorn(internet: Internet, plan: Plan, missing: CannotRun) -> Iterator[Event]:
    """`missing` says what is not there, and what would help. Raises CannotRun when the toy server cannot stand."""
    # A thread for each connection, and nobody who ends one that hangs.
    requests = tuple(each for each in plan.requests if not each.hangs)
    yield opening(f"{count(len(requests), 'request')}, no gunicorn", "labctl's toy server, live")
    fixes = "".join(f" Type: {fix}" for fix in missing.fixes[:1])
    yield warning(f"{missing.headline[:1].upper()}{missing.headline[1:]}: no workers can be shown.{fixes}")
    with standing(internet, "toy", threads=MOST_AT_ONCE) as server:
        seen: Watched | None = None
        for each in watch(server, requests, 1, 0, most_s=20.0 + sum(r.ms for r in requests) / 1000):
            if isinstance(each, Watched):
                seen = each
            else:
                yield each
    if seen is None:
        raise CannotRun("server-ended", "nothing was seen of this run")
    yield from summary(plan, seen, compared=False)
    yield note(
        "The toy server has one process and a thread for each connection, without an end: nobody waits for a worker, "
        "and nobody comes when it dies."
    )
    jobs = [Job(work.sent_ms, (work.end_ms or work.begin_ms) - work.begin_ms) for work in seen.works]
    numbers = sorted({1, 2, plan.slots, 2 * plan.slots})
    yield table(
        "workers.computed",
        "The same requests with sync workers: computed, not measured",
        ("workers", "longest wait", "all done after"),
        [_row(number, serve(jobs, number).longest_ms, serve(jobs, number).last_ms) for number in numbers],
    )
    for claim in (ONE_AT_A_TIME, TIMEOUT):
        yield claim.not_seen("There is no gunicorn here.")
    good = sum(1 for each in seen.asked if each.answered)
    yield result(f"{good} of {len(seen.asked)} answered in {ms(seen.lasted_ms)}, by one process.", "warn")
    for fix in missing.fixes[:2]:
        yield command("install", fix)
    yield command("by hand", "python -m wsgiref.simple_server", "the standard library's toy")


def _row(workers: int, longest_ms: float, last_ms: float) -> Row:
    return Row(
        f"{count(workers, 'worker')}, computed: the longest wait {ms(longest_ms)}, all done after {ms(last_ms)}.",
        (str(workers), ms(longest_ms), ms(last_ms)),
    )
