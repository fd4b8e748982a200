"""A store in memory that can be told to be gone: what the feed and the stream server ask of one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from labctl.jobs.settings import Settings
from labctl.jobs.store import Event, Job, Store, StoreUnavailable


class ScriptedStore(Store):
    """`put` appends an event; `end` says that nothing follows. Counts its queries."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Event]] = {}
        self.ended: set[str] = set()
        self.users: dict[str, str] = {}
        self.queries = 0
        self.away = False
        self.page = 1000
        self._lock = threading.Lock()

    def add(self, job_id: str, user: str = "ann") -> None:
        with self._lock:
            self.rows[job_id], self.users[job_id] = [], user

    def put(self, job_id: str, type: str = "progress", **data: int) -> int:
        with self._lock:
            number = len(self.rows[job_id])
            self.rows[job_id].append(Event(number, type, data))
            return number

    def end(self, job_id: str) -> None:
        with self._lock:
            self.ended.add(job_id)

    @contextmanager
    def gone(self) -> Iterator[None]:
        self.away = True
        yield
        self.away = False

    def events_of(self, wanted: Mapping[str, int]) -> dict[str, tuple[tuple[Event, ...], bool]]:
        with self._lock:
            self.queries += 1
            if self.away:
                raise StoreUnavailable("gone")
            found = {}
            for job_id, after in wanted.items():
                later = tuple(self.rows[job_id][after + 1 :])
                found[job_id] = (
                    later[: self.page],
                    job_id in self.ended and len(later) <= self.page,
                )
            return found

    def events(self, job_id: str, after: int = -1, limit: int = 1000) -> tuple[tuple[Event, ...], bool]:
        events, ended = self.events_of({job_id: after})[job_id]
        return events[:limit], ended and len(events) <= limit

    def get(self, job_id: str, user: str | None = None) -> Job | None:
        with self._lock:
            if self.away:
                raise StoreUnavailable("gone")
            if job_id not in self.rows or user not in (None, self.users[job_id]):
                return None
            status = "done" if job_id in self.ended else "running"
            return Job(job_id, self.users[job_id], "report", status, 0, 0, "w1", 1, "")

    def close(self) -> None: ...


def settings_in(folder: Path, **changes: object) -> Settings:
    return Settings(**{"database": f"sqlite:///{folder / 'jobs.db'}", "folder": str(folder), **changes})  # type: ignore[arg-type]
