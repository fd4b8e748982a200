"""What the store tells of jobs: plain records, and the one error that it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from labctl.events import Json

Status = Literal["queued", "running", "done", "failed", "cancelled"]


class Job(NamedTuple):
    """One job. Times are Unix time in milliseconds; `worker` is who has or had it; `attempts`: see attempts.py."""

    id: str
    user: str
    kind: str
    status: Status
    created_ms: int
    updated_ms: int
    worker: str
    attempts: int
    error: str

    @property
    def over(self) -> bool:
        """It has ended, one way or the other."""
        return self.status not in ("queued", "running")


class Event(NamedTuple):
    """One event of a job. `id` is its offset in the job's stream, from 0; -1 when it is told and not stored."""

    id: int
    type: str
    data: Mapping[str, Json]


class Accepted(NamedTuple):
    """The job is in the store. `new` False: the same Idempotency-Key has made it before."""

    job_id: str
    new: bool


class Refused(NamedTuple):
    """429: this user has too many; 503: all have; 422: the key was used with another body."""

    status: Literal[422, 429, 503]
    retry_after_s: int
    why: str


class StoreUnavailable(Exception):
    """The database cannot be used now. Nothing that was accepted is lost by it."""

    def __init__(self, why: Literal["full", "gone", "locked"]) -> None:
        super().__init__(_SENTENCES[why])
        self.why = why


_SENTENCES = {
    "full": "The disk of the database is full.",
    "gone": "The database does not answer.",
    "locked": "The database is locked by another process.",
}
