"""The doorbell on PostgreSQL: LISTEN and NOTIFY on a channel of our own.

DBOS notifies too, but gathers before it does; NOTIFY right after the commit is what brings an event in milliseconds.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from labctl.jobs.doorbell import Waker, await_any

if TYPE_CHECKING:
    import psycopg

CHANNEL = "labctl_jobs"
# A payload is at most 8,000 bytes; a job's id is far shorter.
_LONGEST_ID = 200
_CONNECT_S = 2
_AGAIN_S = 1.0


def _connect(database: str) -> psycopg.Connection[tuple[object, ...]]:
    import psycopg

    return psycopg.connect(
        database, autocommit=True, connect_timeout=_CONNECT_S, application_name="labctl doorbell"
    )


class NotifyBell:
    """LISTEN on a connection of its own, made anew when it breaks."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._waker = Waker()
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._next_try = 0.0
        self._listen()

    def wait(self, timeout_s: float) -> frozenset[str] | None:
        if self._connection is None:
            if self._listen():
                return None  # what was said meanwhile was not heard
            await_any(min(timeout_s, _AGAIN_S), self._waker)
            self._waker.clear()
            return frozenset()
        await_any(timeout_s, self._waker, self._connection)
        self._waker.clear()
        return self._heard(self._connection)

    def _heard(self, connection: psycopg.Connection[tuple[object, ...]]) -> frozenset[str] | None:
        import psycopg

        rung = set()
        try:
            connection.pgconn.consume_input()
            while said := connection.pgconn.notifies():
                rung.add(said.extra.decode(errors="replace"))
        except psycopg.Error:
            self._drop()
            return None
        return frozenset(rung)

    def _listen(self) -> bool:
        import psycopg

        if time.monotonic() < self._next_try:
            return False
        self._next_try = time.monotonic() + _AGAIN_S
        try:
            self._connection = _connect(self._database)
            self._connection.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error:
            self._drop()
            return False
        return True

    def _drop(self) -> None:
        import psycopg

        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def wake(self) -> None:
        self._waker.wake()

    def close(self) -> None:
        self._drop()
        self._waker.close()


class _Ringer:
    """The connection by which this process notifies. After a failure it is left alone for a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: dict[tuple[int, str], psycopg.Connection[tuple[object, ...]]] = {}
        self._next_try = 0.0

    def notify(self, database: str, job_id: str) -> None:
        import psycopg

        key = (os.getpid(), database)  # a connection must not be shared with a forked process
        with self._lock:
            if key not in self._connections and time.monotonic() < self._next_try:
                return
            try:
                if key not in self._connections:
                    self._connections[key] = _connect(database)
                self._connections[key].execute("SELECT pg_notify(%s, %s)", (CHANNEL, job_id[:_LONGEST_ID]))
            except psycopg.Error:
                self._next_try = time.monotonic() + _AGAIN_S
                self._end(key)

    def _end(self, key: tuple[int, str]) -> None:
        import psycopg

        with suppress(psycopg.Error, KeyError):
            self._connections.pop(key).close()

    def close(self) -> None:
        with self._lock:
            for key in [key for key in self._connections if key[0] == os.getpid()]:
                self._end(key)


_ringer = _Ringer()


def notify(database: str, job_id: str) -> None:
    """Notifies all listeners that `job_id` has news. Never raises; a database that is gone costs one try a second."""
    _ringer.notify(database, job_id)


def stop_notifying() -> None:
    """Closes this process's connections; the next `notify` makes one again."""
    _ringer.close()
