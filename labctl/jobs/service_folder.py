"""The folder of a service: made, held by one service at a time, and where the address of the running one stands."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from labctl.errors import CannotRun
from labctl.jobs.settings import Settings

_LOCK, _ADDRESS, _SNAPSHOT = "service.lock", "server.json", "snapshot.db"


class Address(NamedTuple):
    """Where the running service is. `stream_url` is "" without a stream server."""

    url: str
    stream_url: str
    pid: int


def make(folder: Path) -> None:
    """Make it, for us alone. Raises CannotRun cannot-write."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as problem:
        raise CannotRun(
            "cannot-write",
            f"the folder {folder} cannot be used",
            evidence=(
                ("tried", "to make it, and a file in it"),
                ("got", f"{type(problem).__name__}: {problem.strerror}"),
            ),
            fixes=("the same command with --folder PATH",),
        ) from problem


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Be the only service with this folder, as long as this process lives. Raises CannotRun jobs-folder-in-use."""
    held = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # Somebody who only looks holds it for a moment.
        if not _lock_soon(held):
            there = _address(folder)
            raise CannotRun(
                "jobs-folder-in-use",
                f"another service uses {folder}",
                evidence=((("held by", f"pid {there.pid}, {there.url}"),) if there else ()),
                fixes=("the same command with --folder PATH",),
            )
        with contextlib.suppress(OSError):
            (folder / _ADDRESS).unlink()
        yield
        with contextlib.suppress(OSError):
            (folder / _ADDRESS).unlink()
    finally:
        os.close(held)


def leave_address(folder: Path, url: str, stream_url: str) -> None:
    """Write where the service is, so that commands on this machine find it."""
    path = folder / f"{_ADDRESS}.{os.getpid()}"
    path.write_text(json.dumps(Address(url, stream_url, os.getpid())._asdict()) + "\n", encoding="utf-8")
    path.chmod(0o600)
    path.replace(folder / _ADDRESS)


def running(folder: Path) -> Address | None:
    """Where the service with this folder runs; None when none does."""
    try:
        probe = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _lock(probe) else _address(folder)
    finally:
        os.close(probe)


def migrate(settings: Settings) -> None:
    """Make the tables, or find that they are there. Raises CannotRun database-unreachable."""
    from labctl.jobs.store import Store, StoreUnavailable

    try:
        Store(settings, migrate=True).close()
    except StoreUnavailable as problem:
        raise unreachable(settings, problem) from problem


def unreachable(settings: Settings, problem: Exception) -> CannotRun:
    """The error for a database that is not there: what was tried, without its password, and what it said."""
    from labctl.jobs.settings import without_password

    said = str(problem.__cause__ or problem).strip().splitlines() or [type(problem).__name__]
    return CannotRun(
        "database-unreachable",
        "the database of the jobs cannot be used",
        evidence=(("tried", without_password(settings.database)), ("got", said[0][:300])),
        fixes=() if settings.embedded else ("labctl jobs serve   keeps the jobs in a file",),
    )


def snapshot(settings: Settings) -> Path | None:
    """For the fault `snapshot-store`: what the store keeps of itself, made now and never again."""
    if "snapshot-store" not in settings.faults or not settings.embedded:
        return None
    path = Path(settings.folder) / _SNAPSHOT
    path.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(settings.path)) as source,
        contextlib.closing(sqlite3.connect(path)) as copy,
    ):
        source.backup(copy)
    return path


def restore(settings: Settings, kept: Path | None) -> None:
    """The store is what the snapshot says. Nobody may have it open."""
    if kept is None:
        return
    for ending in ("-wal", "-shm", "-journal"):
        settings.path.with_name(settings.path.name + ending).unlink(missing_ok=True)
    settings.path.write_bytes(kept.read_bytes())


def _address(folder: Path) -> Address | None:
    try:
        given = json.loads((folder / _ADDRESS).read_text(encoding="utf-8"))
        return Address(str(given["url"]), str(given["stream_url"]), int(given["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lock(number: int) -> bool:
    import fcntl

    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _lock_soon(number: int) -> bool:
    for _ in range(10):
        if _lock(number):
            return True
        time.sleep(0.02)
    return False
