"""The doorbell: a writer of events rings, and who waits for events wakes at once, in every process of a service.

It is a hint and no message: a ring can be lost (a process dies, a buffer is full, the database restarts), an event can
not, since it is in the store before anybody rings. Who waits therefore looks first, then waits, and looks again each
second. SQLite: each waiter has a Unix datagram socket in the folder `bells`. PostgreSQL: LISTEN and NOTIFY.
Where neither works, or under the fault polls-every-250-ms, a waiter looks again and again instead.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from labctl.jobs.settings import Settings

POLL_S = 0.25
# Linux lets ten datagrams wait for a reader by default; after so many some may have been refused.
_FEW = 8
_LONGEST_ID = 200
# sun_path of the systems that have Unix sockets: 104 to 108 bytes, the last one is NUL.
_LONGEST_PATH = 100


class Doorbell(Protocol):
    """One waiter's ear."""

    def wait(self, timeout_s: float) -> frozenset[str] | None:
        """The jobs that were rung for, empty when the time is over; None: any of them may have news."""

    def wake(self) -> None:
        """Ends a `wait` in another thread, with an empty set."""

    def close(self) -> None: ...


def hear(settings: Settings) -> Doorbell:
    """A doorbell that hears from now on. One thread waits at it, any may wake it."""
    if "polls-every-250-ms" in settings.faults:
        return Clock(POLL_S)
    if not settings.embedded:
        from labctl.jobs.doorbell_postgres import NotifyBell

        return NotifyBell(settings.database)
    try:
        return SocketBell(_bells(settings))
    except (OSError, AttributeError):
        return Clock(POLL_S)


def ring(settings: Settings, job_id: str) -> None:
    """Says that `job_id` has news; call it when they are committed. Never raises, and never waits for a reader."""
    if "polls-every-250-ms" in settings.faults:
        return
    if not settings.embedded:
        from labctl.jobs.doorbell_postgres import notify

        notify(settings.database, job_id)
        return
    with suppress(OSError, AttributeError):
        _ring_sockets(_bells(settings), job_id.encode()[:_LONGEST_ID])


def _bells(settings: Settings) -> Path:
    return Path(settings.folder) / "bells"


def _ring_sockets(folder: Path, message: bytes) -> None:
    names = os.listdir(folder)
    if not names:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, _Short(folder) as short:
        sender.setblocking(False)
        for name in names:
            try:
                sender.sendto(message, short.path(name))
            except ConnectionRefusedError:
                # Its process was killed; a live one is bound from the moment its name is there.
                with suppress(OSError):
                    os.unlink(folder / name)
            except OSError:
                continue  # full: it is about to look anyway


class _Short:
    """Paths of sockets in a folder whose own path may be too long for one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = -1

    def __enter__(self) -> _Short:
        if len(os.fsencode(self._folder)) + 40 > _LONGEST_PATH:
            self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def path(self, name: str) -> str:
        """Raises OSError where the path is too long and the system has no other name for the folder."""
        if self._descriptor < 0:
            return str(self._folder / name)
        return f"/proc/self/fd/{self._descriptor}/{name}"


class SocketBell:
    """A datagram socket with a name of its own in `folder`. Raises OSError where there are none."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / uuid.uuid4().hex
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            with _Short(folder) as short:
                self._socket.bind(short.path(self._path.name))
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self._waker = Waker()

    def wait(self, timeout_s: float) -> frozenset[str] | None:
        await_any(timeout_s, self._socket, self._waker)
        self._waker.clear()
        rung: list[bytes] = []
        with suppress(BlockingIOError):
            while len(rung) < 1000:
                rung.append(self._socket.recv(_LONGEST_ID))
        if len(rung) >= _FEW:
            return None
        return frozenset(each.decode(errors="replace") for each in rung)

    def wake(self) -> None:
        self._waker.wake()

    def close(self) -> None:
        self._socket.close()
        self._waker.close()
        with suppress(OSError):
            self._path.unlink()


class _File(Protocol):
    def fileno(self) -> int: ...


def await_any(timeout_s: float, *files: _File) -> None:
    """Until one of them can be read from. select() would end at the descriptor 1,023."""
    with selectors.DefaultSelector() as selector:
        for each in files:
            selector.register(each.fileno(), selectors.EVENT_READ)
        selector.select(timeout_s)


class Waker:
    """A pair of sockets by which a thread that waits in select is woken."""

    def __init__(self) -> None:
        self._inner, self._outer = socket.socketpair()
        self._inner.setblocking(False)
        self._outer.setblocking(False)

    def fileno(self) -> int:
        return self._inner.fileno()

    def wake(self) -> None:
        with suppress(OSError):  # full: it wakes anyway; closed: nobody waits any more
            self._outer.send(b"w")

    def clear(self) -> None:
        with suppress(BlockingIOError):
            while self._inner.recv(4096):
                pass

    def close(self) -> None:
        self._inner.close()
        self._outer.close()


class Clock:
    """No bell at all: any job may have news each `every_s` seconds."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._due = time.monotonic() + every_s
        self._waker = Waker()

    def wait(self, timeout_s: float) -> frozenset[str] | None:
        left = max(0.0, self._due - time.monotonic())
        await_any(min(left, timeout_s), self._waker)
        self._waker.clear()
        if time.monotonic() < self._due:
            return frozenset()
        self._due = time.monotonic() + self._every_s
        return None

    def wake(self) -> None:
        self._waker.wake()

    def close(self) -> None:
        self._waker.close()
