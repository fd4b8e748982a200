"""Who is alive: a lock that each worker holds and that dies with it, so that nobody has to guess by the clock.

SQLite: flock on a file in the folder. PostgreSQL: an advisory lock of a session.
"""

from __future__ import annotations

import os
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from labctl.jobs.records import StoreUnavailable

if TYPE_CHECKING:
    import psycopg

    from labctl.jobs.settings import Settings

_CLASS = 720_102
# Who looks whether a worker lives holds its lock for a moment.
_PATIENCE_S, _PAUSE_S = 2.0, 0.02


class NameTaken(Exception):
    """Another live worker has this id."""


class Alive:
    """Holds the lock of `name`. Raises NameTaken; StoreUnavailable when the database is gone."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self.name = name
        self._file = -1
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self.hold()
                return
            except NameTaken:
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_S)

    def hold(self) -> None:
        """Take the lock, or see that we have it still: a database that was gone has forgotten it."""
        if self._settings.embedded:
            if self._file < 0:
                self._file = self._locked(self.name)
                if self._file < 0:
                    raise NameTaken(self.name)
            return
        import psycopg

        try:
            if self._connection is not None:
                self._connection.execute("SELECT 1")
                return
        except psycopg.Error:
            self.close()
        try:
            self._connection = psycopg.connect(
                self._settings.database, autocommit=True, connect_timeout=3, application_name="labctl alive"
            )
            taken = self._connection.execute(
                "SELECT pg_try_advisory_lock(%s, %s)", (_CLASS, _number(self.name))
            ).fetchone()
        except psycopg.Error as problem:
            self.close()
            raise StoreUnavailable("gone") from problem
        if not (taken and taken[0]):
            self.close()
            raise NameTaken(self.name)

    def dead(self, name: str) -> bool:
        """Whether no living worker has this id."""
        if name == self.name:
            return False
        if self._settings.embedded:
            found = self._locked(name)
            if found >= 0:
                os.close(found)
            return found >= 0
        import psycopg

        assert self._connection is not None
        try:
            with self._connection.transaction():
                row = self._connection.execute(
                    "SELECT pg_try_advisory_xact_lock(%s, %s)", (_CLASS, _number(name))
                ).fetchone()
        except psycopg.Error as problem:
            raise StoreUnavailable("gone") from problem
        return bool(row and row[0])

    def close(self) -> None:
        """Let it go."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _locked(self, name: str) -> int:
        """A descriptor with the lock of this id, or -1."""
        if sys.platform == "win32":
            raise NotImplementedError
        import fcntl

        folder = Path(self._settings.folder) / "alive"
        folder.mkdir(exist_ok=True)
        # The id comes from the database: a file of ours, whatever it says.
        file = os.open(folder / f"{_number(name):x}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return -1
        return file


def _number(name: str) -> int:
    """31 bits of a name, for PostgreSQL's second key."""
    return zlib.crc32(name.encode()) & 0x7FFFFFFF
