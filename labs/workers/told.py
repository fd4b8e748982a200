"""What a run says after its picture: answered, slowest, busy, and what other workers would have done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from labctl.events import Event, Step
from labs.telling import measured
from labs.words import count, ms
from labs.workers.board import Work
from labs.workers.claims import ONE_AT_A_TIME
from labs.workers.client import Asked
from labs.workers.plan import Plan
from labs.workers.queueing import Job, agrees, enough, serve
from labs.workers.watching import Watched

_REASONS = {
    "timeout": "no answer",
    "reset": "a connection that was reset",
    "empty": "a connection that closed without a byte",
    "cut": "half an answer",
    "refused": "a refused connection",
    "malformed": "something that is no HTTP",
}
_SHORT = {
    "empty": "closed, not a byte",
    "timeout": "no answer",
    "cut": "half an answer",
    "malformed": "no HTTP",
}


def summary(plan: Plan, seen: Watched, *, compared: bool = True) -> Iterator[Event]:
    """The lines under the picture. Every number is of this run, or said to be computed.

    `compared` False for a server without workers, where being busy means nothing.
    """
    yield from _waited(plan, seen)
    yield from _answered(seen)
    yield from _slowest(seen)
    if compared:
        yield from _busy(plan, seen)


def _waited(plan: Plan, seen: Watched) -> Iterator[Event]:
    waiting, at = seen.board.worst
    where = "the kernel's backlog" if seen.board.kind == "sync" else "the workers' pools and the backlog"
    text = "No request had to wait (0 in the queue): there was always a free worker."
    if waiting:
        busy = seen.board.in_hand(at)
        why = "every worker was busy" if busy >= plan.slots else f"{busy} were being worked on"
        text = f"At worst {count(waiting, 'request')} waited in {where}, at {ms(at)}: {why}."
    yield measured("workers.queue.most", waiting, text, "requests")


def became(asked: Asked) -> str:
    """What became of a request that was not answered: `a 500`, `a connection that was reset`."""
    answer = asked.answer
    if answer is None:
        return "no answer while we looked"
    return f"a {answer.status}" if answer.status else _REASONS.get(answer.failure, answer.failure)


def in_short(asked: Asked) -> str:
    """The same for a cell of a table: `500`, `closed, not a byte`."""
    answer = asked.answer
    if answer is None:
        return "no answer yet"
    return str(answer.status) if answer.status else _SHORT.get(answer.failure, answer.failure)


def _answered(seen: Watched) -> Iterator[Event]:
    good = [each for each in seen.asked if each.answered]
    bad = [each for each in seen.asked if not each.answered]
    total = len(seen.asked)
    remark = "every one of them"
    if bad:
        first = bad[0]
        work = seen.work(first.request.label)
        why = ": its worker was ended mid-way" if work is not None and work.cut else ""
        more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
        remark = f"request {first.request.label} got {became(first)}{why}{more}"
    yield _line("answered", f"{len(good)} of {total}", remark)
    yield measured(
        "workers.answered", len(good), f"{len(good)} of {total} requests were answered.", "requests"
    )


def _slowest(seen: Watched) -> Iterator[Event]:
    good = [each for each in seen.asked if each.answered]
    if not good:
        return
    slowest = max(good, key=lambda each: each.took_ms)
    work = seen.work(slowest.request.label)
    if work is None or work.end_ms is None:
        return
    queued, worked = ms(work.queued_ms), ms(work.end_ms - work.begin_ms)
    label = slowest.request.label
    yield _line("slowest", ms(slowest.took_ms), f"request {label}: {queued} in the queue, {worked} of work")
    yield measured(
        "workers.slowest",
        round(slowest.took_ms, 1),
        f"Request {label} took longest: {ms(slowest.took_ms)}, of which {queued} in the queue.",
        "ms",
    )


def _busy(plan: Plan, seen: Watched) -> Iterator[Event]:
    if not seen.works or seen.lasted_ms <= 0:
        return
    span = max(work.end_ms or 0.0 for work in seen.works) - min(work.begin_ms for work in seen.works)
    worked = sum((work.end_ms or work.begin_ms) - work.begin_ms for work in seen.works)
    percent = round(100 * worked / (plan.slots * span)) if span > 0 else 0
    yield _line("busy", f"{percent}%", other_workers(plan, seen.works, seen.board.kills).said)
    yield measured(
        "workers.busy", percent, f"The workers were busy for {percent}% of the time from first to last.", "%"
    )


def jobs_of(seen: Sequence[Work], kills: Sequence[tuple[int, int, float, float]]) -> list[Job]:
    """For how long each request held its worker: until the successor was ready, for one that cost its worker."""
    after = {old: until for old, _, _, until in kills}
    return [
        Job(
            work.sent_ms,
            max(after.get(work.pid, 0.0) if work.cut else 0.0, work.end_ms or work.begin_ms) - work.begin_ms,
        )
        for work in seen
    ]


class Other(NamedTuple):
    """What other workers would have given, computed: a sentence's end, and the number with which nobody waits.

    `wanted` is 0 where it is not said, or is what there is.
    """

    said: str
    wanted: int = 0


def other_workers(
    plan: Plan, works: Sequence[Work], kills: Sequence[tuple[int, int, float, float]] = ()
) -> Other:
    """What another --workers would have given. Only said when the same computation gives this run's own waits."""
    jobs = jobs_of(works, kills)
    here = serve(jobs, plan.slots)
    if not agrees(here, [work.queued_ms for work in works]):
        return Other("no word about other --workers: computed for these, the waits are not as measured")
    wanted = enough(jobs)
    if here.longest_ms <= 20:
        return Other(f"computed: {wanted or 1} at the same time would do without a queue")
    if wanted is None:
        return Other("computed: even 60 at the same time leave a queue")
    what = "--workers" if plan.kind == "sync" else "workers x threads ="
    return Other(
        f"computed: with {what} {wanted} the queue never forms", wanted if plan.kind == "sync" else 0
    )


def _line(term: str, value: str, remark: str) -> Step:
    """One of the lines under the picture, and its sentence."""
    return Step(text=f"{term.capitalize()}: {value}; {remark}.", label=term, title=value, summary=remark)


def one_at_a_time(plan: Plan, seen: Watched) -> Event:
    """The claim of every run: as many requests in a worker's hands as it has threads."""
    found = seen.board.most_at_once()
    most = max(found.values(), default=0)
    # Somebody may also wait because the machine is busy, with a worker that is free.
    behind = [
        amount for since, _, amount in seen.board.waiting.parts if seen.board.in_hand(since) >= plan.slots
    ]
    waiting = max(behind, default=0)
    threads = count(plan.threads, "thread")
    if most > plan.threads:
        return ONE_AT_A_TIME.judged(
            False, f"One worker had {most} requests in hand, with {threads}.", most=most
        )
    if not waiting:
        return ONE_AT_A_TIME.not_seen(
            "No request had to wait for a worker: one was always free. Ask with fewer --workers or more --requests."
        )
    return ONE_AT_A_TIME.judged(
        True,
        f"No worker had more than {count(most, 'request')} in hand, with {threads}, while up to {waiting} waited.",
        most=most,
        waiting=waiting,
    )
