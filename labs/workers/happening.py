"""What happens to requests and workers, as it is told, and what is known of each.

Times are milliseconds since the clients began.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Told(NamedTuple):
    """One thing that happened: "sent", "begin", "end", "timeout", "gone", "booted" or "done" (the client has it).

    `id` counts the requests of a process: the end of one names it alone. `raised` is the type of an exception that the
    view ended with, `how` a few words on how a process ended.
    """

    at_ms: float
    kind: str
    pid: int = 0
    label: str = ""
    id: int = 0
    raised: str = ""
    how: str = ""


@dataclass
class Work:
    """One request in a worker's hands. `end_ms` is None while it lasts; `cut` when its worker went away,
    `unended` when nobody saw its end.

    `raised` names the exception with which the view ended, `how` the end of its worker.
    """

    label: str
    pid: int
    slot: int
    begin_ms: float
    sent_ms: float
    end_ms: float | None = None
    stuck: bool = False
    cut: bool = False
    unended: bool = False
    raised: str = ""
    how: str = ""

    @property
    def queued_ms(self) -> float:
        """How long it waited for a worker."""
        return max(0.0, self.begin_ms - self.sent_ms)

    def lasts_at(self, at_ms: float) -> bool:
        """Whether it was in hand at a moment."""
        return self.begin_ms <= at_ms and (self.end_ms is None or at_ms < self.end_ms)


@dataclass
class Place:
    """A worker's place: who sits there now, and since when nobody does."""

    number: int
    pid: int
    gone_ms: float | None = None
    gone_pid: int = 0
    how: str = ""
    before: list[int] = field(default_factory=list)


class Replaced(NamedTuple):
    """A worker that is gone, and the one that came in its place."""

    old: int
    new: int
    gone_ms: float
    ready_ms: float


def at_once(works: list[Work]) -> int:
    """How many of these were in hand at the same time, at most."""
    marks = sorted(
        [(work.begin_ms, 1) for work in works]
        + [(work.end_ms if work.end_ms is not None else float("inf"), -1) for work in works]
    )
    now = most = 0
    for _, step in marks:
        now += step
        most = max(most, now)
    return most
