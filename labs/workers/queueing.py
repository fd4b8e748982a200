"""What a queue in front of equal workers does, computed: first come, first served. Pure.

It is checked against the run that it stands beside: with the same number of workers it must give the waits that
were measured, or it is not told.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple


class Job(NamedTuple):
    """Milliseconds: when it came, and for how long it holds a worker."""

    came_ms: float
    holds_ms: float


class Served(NamedTuple):
    """Milliseconds each job waited, in the order of the jobs, and when the last one was done."""

    waits_ms: tuple[float, ...]
    last_ms: float

    @property
    def longest_ms(self) -> float:
        """The longest wait."""
        return max(self.waits_ms, default=0.0)


def serve(jobs: Sequence[Job], workers: int) -> Served:
    """First come, first served, by so many workers that do one job at a time."""
    free = [0.0] * workers
    heapq.heapify(free)
    waits, last = [], 0.0
    for job in sorted(jobs):
        begins = max(job.came_ms, heapq.heappop(free))
        waits.append((job, begins - job.came_ms))
        heapq.heappush(free, begins + job.holds_ms)
        last = max(last, begins + job.holds_ms)
    by_job: dict[Job, list[float]] = {}
    for job, waited in waits:
        by_job.setdefault(job, []).append(waited)
    return Served(tuple(by_job[job].pop(0) for job in jobs), last)


# A wait that nobody notices: so long may it be where a number of workers is said to be enough.
GRACE_MS = 50.0


def enough(jobs: Sequence[Job], most: int = 60, *, grace_ms: float = GRACE_MS) -> int | None:
    """The least number of workers with which nobody waits longer than `grace_ms`; None when `most` are too few."""
    return next((n for n in range(1, most + 1) if serve(jobs, n).longest_ms <= grace_ms), None)


def agrees(computed: Served, measured_waits_ms: Sequence[float], *, part: float = 0.15) -> bool:
    """Whether the sum of the waits is as measured, within a part of it and 60 ms for each job."""
    there, here = sum(computed.waits_ms), sum(measured_waits_ms)
    return abs(there - here) <= part * max(there, here) + 60.0 * len(measured_waits_ms)


def makespan_ms(requests: int, slots: int, each_ms: float) -> float:
    """How long equal requests that all come at once take: whole rounds of as many as there are slots."""
    return -(-requests // slots) * each_ms
