"""What an application of one's own answered: statuses, which letter asked for which path, and what was required."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from labctl.events import Event, Measure, Row, Step
from labs.telling import measured, result, table
from labs.words import count, listed, ms
from labs.workers.client import Asked
from labs.workers.plan import Plan
from labs.workers.watching import Watched

# As many letters stand in a cell.
_LETTERS = 8


def about_answers(plan: Plan, seen: Watched) -> Iterator[Event]:
    """The statuses and how often each came; with several paths a table: which letters, which statuses, how long."""
    counted = _counted(seen.asked)
    said = _said(counted)
    good = sum(1 for each in seen.asked if each.answered)
    bad = len(seen.asked) - good
    remark = "all of them 2xx or 3xx" if not bad else f"{bad} not 2xx or 3xx"
    yield Step(
        text=f"Status: {said}; {remark}.",
        label="status",
        title=said,
        summary=remark,
        hue="warn" if bad else "",
    )
    for status, times in counted.items():
        name = f"workers.status.{status.replace(' ', '-')}"
        yield measured(name, times, f"{count(times, 'request')} got {_named(status)}.", "requests")
    paths = list(dict.fromkeys(plan.paths))
    if len(paths) > 1:
        rows = [
            _row(path, [each for each in seen.asked if each.request.target == path], seen) for path in paths
        ]
        yield table("workers.paths", "", ("path", "requests", "status", "took", "queued"), rows)


def _counted(asked: Sequence[Asked]) -> dict[str, int]:
    """How often each status came, the smallest first; "no answer" is last."""
    found = Counter(each.got for each in asked)
    return {status: found[status] for status in sorted(found)}


def _named(status: str) -> str:
    return status if status == "no answer" else f"status {status}"


def _said(counted: dict[str, int]) -> str:
    return ", ".join(f"{times} x {status}" for status, times in counted.items())


def _row(path: str, asked: Sequence[Asked], seen: Watched) -> Row:
    labels = [each.request.label for each in asked]
    more = f" +{len(labels) - _LETTERS}" if len(labels) > _LETTERS else ""
    letters = " ".join(labels[:_LETTERS]) + more
    times = sorted(each.took_ms for each in asked if each.answer is not None and not each.answer.failure)
    took = (
        ""
        if not times
        else ms(times[0])
        if ms(times[0]) == ms(times[-1])
        else f"{ms(times[0])} to {ms(times[-1])}"
    )
    works = [work for label in labels if (work := seen.work(label)) is not None]
    queued = ms(max(work.queued_ms for work in works)) if works else ""
    at_most = f"at most {queued}" if queued else "-"
    statuses = _said(_counted(asked)) or "none sent"
    # The column is narrow.
    short = statuses.replace("no answer", "none")
    ok = bool(asked) and all(each.answered for each in asked)
    return Row(
        f"Path {path}, requests {listed(labels)}: {statuses}"
        + (f", in {took}" if took else "")
        + (f", at most {queued} in the queue" if queued else "")
        + ".",
        (path, letters, short, took or "-", at_most),
        hues=("accent", "", "ok" if ok else "bad", "", ""),
    )


def check(plan: Plan, seen: Watched) -> Iterator[Event]:
    """The check of --expect: how many requests got something else. It fails the run for one."""
    wanted = " or ".join(plan.allowed)
    total = len(plan.requests)
    other = [each for each in seen.asked if not _fits(each, plan.allowed)]
    # What was never sent was not answered.
    wrong = len(other) + total - len(seen.asked)
    text = f"Check status: {wrong} of {total} got something else than {wanted}"
    if other:
        first = other[0]
        text += f"; request {first.request.label} for {first.request.target} got {_named(first.got)}"
    yield Measure(f"{text}.", "workers.unexpected", wrong, "requests", at_most=0)
    yield result(f"{text}." if wrong else f"All {total} got {wanted}, as expected.", "bad" if wrong else "ok")


def _fits(asked: Asked, allowed: Sequence[str]) -> bool:
    return any(asked.got.startswith(part.removesuffix("xx")) for part in allowed)
