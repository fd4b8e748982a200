"""What a run says after its picture: answered, slowest, busy, and what other workers would have done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from labctl.events import Event, Measure, Step
from labs.telling import measured
from labs.words import count, ms
from labs.workers.claims import ONE_AT_A_TIME
from labs.workers.client import Asked
from labs.workers.happening import Replaced, Work
from labs.workers.plan import MOST_TIMEOUT_S, THEIR_TIMEOUT_S, Plan
from labs.workers.queueing import GRACE_MS, Job, agrees, enough, serve
from labs.workers.watching import Watched

_REASONS = {
    "timeout": "no answer",
    "reset": "a connection that was reset",
    "empty": "a connection that closed without a byte",
    "cut": "half an answer",
    "refused": "a refused connection",
    "malformed": "something that is no HTTP",
}
_NO_BREAK = "\u00a0"
# Less than this is the way to a free worker.
_A_WAIT_MS = 50.0
_SHORT = {
    "empty": "closed, not a byte",
    "timeout": "no answer",
    "cut": "half an answer",
    "malformed": "no HTTP",
}


class Line(NamedTuple):
    """One of the lines under the picture, and the measure in it."""

    term: str
    value: str
    remark: str
    fact: Measure


def summary(plan: Plan, seen: Watched, *, compared: bool = True) -> Iterator[Event]:
    """The lines under the picture. Every number is of this run, or said to be computed.

    `compared` False for a server without workers, where being busy means nothing.
    """
    yield from _waited(plan, seen)
    lines = [_answered(plan, seen), _slowest(seen), _busy(plan, seen) if compared else None]
    said = [line for line in lines if line is not None]
    # In one column: the values are padded to the longest one.
    wide = max(len(line.value) for line in said)
    for line in said:
        text = f"{line.term.capitalize()}: {line.value}; {line.remark}."
        yield Step(text=text, label=line.term, title=line.value.ljust(wide, _NO_BREAK), summary=line.remark)
        yield line.fact


def _waited(plan: Plan, seen: Watched) -> Iterator[Event]:
    """How long the queue was at worst; no measure when there was none, so that nothing is explained about it."""
    waiting, at = seen.board.worst
    if not waiting:
        return
    gthread = seen.board.kind == "gthread"
    where = "the workers' pools and the backlog" if gthread else "the kernel's backlog"
    busy = min(seen.board.in_hand(at), plan.slots)
    what = "thread" if gthread else "worker"
    why = f"every {what} was busy" if busy == plan.slots else f"{busy} of {count(plan.slots, what)} had work"
    yield measured(
        f"workers.{'pools' if gthread else 'queue'}.most",
        waiting,
        f"At worst {count(waiting, 'request')} waited in {where}, at {ms(at)}: {why}.",
    )


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


def _answered(plan: Plan, seen: Watched) -> Line:
    bad = [each for each in seen.asked if not each.answered]
    good, total = len(seen.asked) - len(bad), len(seen.asked)
    remark = "every one of them"
    if bad:
        first = bad[0]
        work = seen.work(first.request.label)
        why = ""
        if work is not None and work.cut:
            why = ": its worker was ended mid-way" if work.stuck else f": its worker ended ({work.how})"
        elif work is not None and work.raised:
            why = f": the view raised {work.raised}"
        more = f"; {len(bad) - 1} more were not answered well" if len(bad) > 2 else ""
        more = "; and another one was not answered well" if len(bad) == 2 else more
        remark = f"request {first.request.label} got {became(first)}{why}{more}"
        if len(bad) == total > 1 and not why and len({became(each) for each in bad}) == 1:
            remark = f"each of them got {became(first)}"
    well = " with 2xx or 3xx" if plan.app else ""
    fact = measured(
        "workers.answered",
        good,
        f"{good} of {count(total, 'request')} {'was' if total == 1 else 'were'} answered{well}.",
        "requests",
    )
    return Line("answered", f"{good} of {total}", remark, fact)


def _slowest(seen: Watched) -> Line | None:
    good = [each for each in seen.asked if each.answered]
    slowest = max(good, key=lambda each: each.took_ms, default=None)
    work = None if slowest is None else seen.work(slowest.request.label)
    if slowest is None or work is None or work.end_ms is None:
        return None
    queued, worked = ms(work.queued_ms), ms(work.end_ms - work.begin_ms)
    label, took = slowest.request.label, ms(slowest.took_ms)
    text = f"Request {label} took longest: {took}, of which {queued} in the queue."
    fact = measured("workers.slowest", round(slowest.took_ms, 1), text, "ms")
    return Line("slowest", took, f"request {label}: {queued} in the queue, {worked} of work", fact)


def _busy(plan: Plan, seen: Watched) -> Line | None:
    span = max((work.end_ms or 0.0 for work in seen.works), default=0.0)
    span -= min((work.begin_ms for work in seen.works), default=0.0)
    if span <= 0:
        return None
    worked = sum((work.end_ms or work.begin_ms) - work.begin_ms for work in seen.works)
    percent = round(100 * worked / (plan.slots * span))
    fact = measured(
        "workers.busy", percent, f"The workers were busy for {percent}% of the time from first to last.", "%"
    )
    return Line("busy", f"{percent}%", other_workers(plan, seen.works, seen.board.replaced).said, fact)


def jobs_of(seen: Sequence[Work], replaced: Sequence[Replaced]) -> list[Job]:
    """For how long each request held its worker: until the successor was ready, for one that cost its worker."""
    after = {each.old: each.ready_ms for each in replaced}
    return [
        Job(
            work.sent_ms,
            max(after.get(work.pid, 0.0) if work.cut else 0.0, work.end_ms or work.begin_ms) - work.begin_ms,
        )
        for work in seen
    ]


class Other(NamedTuple):
    """What other workers would have given, computed: a sentence's end, and the number with which nobody waits.

    `wanted` is 0 where it is not said, or is what there is; `timeout_s` a --timeout to try instead, 0 for none.
    """

    said: str
    wanted: int = 0
    timeout_s: int = 0


def other_workers(plan: Plan, works: Sequence[Work], replaced: Sequence[Replaced] = ()) -> Other:
    """What another --workers would have given. Only said when the same computation gives this run's own waits."""
    if not works:
        return Other("nothing is computed for other --workers: no worker began a request")
    planned = plan.hanging.label if plan.hanging is not None else None
    ended = [work for work in works if work.cut and work.label != planned]
    unended = [work for work in works if work.unended]
    if ended or unended:
        # How long these would have held a worker nobody knows.
        longer = min(max(THEIR_TIMEOUT_S, 2 * plan.timeout_s), MOST_TIMEOUT_S)
        by_timeout = any(work.stuck for work in (*ended, *unended))
        was = "was" if len(ended) == 1 else "were"
        what = f"{count(len(ended), 'request')} {was} lost with a worker" if ended else ""
        left = f"{count(len(unended), 'request')} had not ended when we stopped looking" if unended else ""
        return Other(
            f"nothing is computed for other --workers: {' and '.join(filter(None, (what, left)))}",
            timeout_s=longer if by_timeout and ended and plan.app and longer > plan.timeout_s else 0,
        )
    jobs = jobs_of(works, replaced)
    here = serve(jobs, plan.slots)
    waits = [work.queued_ms for work in works]
    broken_promise = here.longest_ms <= GRACE_MS < max(waits)
    if broken_promise or not agrees(here, waits):
        return Other("nothing is computed for other --workers: these waits were not those of one queue")
    wanted = enough(jobs)
    what = "worker" if plan.kind == "sync" else "thread"
    limit = f"the longest wait is under {GRACE_MS:.0f} ms"
    if here.longest_ms <= GRACE_MS:
        return Other(f"computed: from {count(wanted or 1, what)} on {limit}")
    if wanted is None:
        return Other(f"computed: even with 60 {what}s the longest wait is over {GRACE_MS:.0f} ms")
    if plan.kind == "sync":
        return Other(f"computed: with --workers {wanted} {limit}", wanted)
    return Other(f"computed: with workers x threads = {wanted} {limit}")


def one_at_a_time(plan: Plan, seen: Watched) -> Event:
    """The claim of every run: as many requests in a worker's hands as it has threads, and who waits waits for it."""
    most = max(seen.board.most_at_once().values(), default=0)
    threads = count(plan.threads, "thread")
    if most > plan.threads:
        return ONE_AT_A_TIME.judged(
            False, f"One worker had {most} requests in hand, with {threads}.", most=most
        )
    waiting = max(
        (amount for since, _, amount in seen.board.waiting.parts if _full(plan, seen, since)), default=0
    )
    if waiting:
        return ONE_AT_A_TIME.judged(
            True,
            f"No worker had more than {count(most, 'request')} in hand, with {threads}, while up to {waiting} waited.",
            most=most,
            waiting=waiting,
        )
    behind = [work for work in seen.works if _behind_its_own(plan, seen, work)]
    if behind:
        longest = max(work.queued_ms for work in behind)
        return ONE_AT_A_TIME.judged(
            True,
            f"No worker had more than {count(most, 'request')} in hand, with {threads}. "
            f"{count(len(behind), 'request')} waited for one that was busy, up to {ms(longest)}, while another one had "
            "a free thread: who accepts a connection keeps it.",
            most=most,
        )
    return ONE_AT_A_TIME.not_seen(
        "No request had to wait for a busy worker. Ask with fewer --workers or more --requests."
    )


def _full(plan: Plan, seen: Watched, at_ms: float) -> bool:
    """Whether all threads of all workers were busy. Else one may wait because the machine is."""
    return seen.board.in_hand(at_ms) >= plan.slots


def _behind_its_own(plan: Plan, seen: Watched, work: Work) -> bool:
    """Whether a request has waited for a thread of the worker that did it: gthread accepts more than it can do."""
    half = work.begin_ms - work.queued_ms / 2
    return work.queued_ms >= _A_WAIT_MS and seen.board.in_hand(half, work.pid) >= plan.threads
