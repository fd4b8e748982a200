"""Ports for tests that run beside others: one for a child, which nobody else is given, and one that stays closed."""

from __future__ import annotations

import contextlib
import errno
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from labctl.errors import CannotRun

TRIES = 8
# What programs say whose bind() failed.
_IN_USE = ("address already in use", "could not bind")
_BOOT_S = 60.0

T = TypeVar("T")


class PortTaken(Exception):
    """A child says that somebody else has the port that it was given."""


@contextlib.contextmanager
def held(host: str = "127.0.0.1") -> Iterator[int]:
    """A port for a server that sets SO_REUSEADDR, as nearly all do.

    On Linux it is held meanwhile: sockets with that option may be bound to one port as long as none of them listens,
    and the kernel gives such a port to nobody who leaves the choice to it. Once the server is closed, the port is
    closed and still held.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as holding:
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holding.bind((host, 0))
        port: int = holding.getsockname()[1]
        if not sys.platform.startswith("linux"):
            holding.close()
        yield port


@contextlib.contextmanager
def closed_port(host: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> Iterator[int]:
    """A port that refuses everybody: it is bound, so that nobody else gets it, and does not listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as holding:
        holding.bind((host, 0))
        if kind == socket.SOCK_DGRAM:
            # Connected, it takes datagrams from this one sender only: from itself.
            holding.connect(holding.getsockname())
        port: int = holding.getsockname()[1]
        yield port


def on_a_free_port(start: Callable[[int], T], host: str = "127.0.0.1") -> T:
    """What `start` makes of a free port; another one, up to 8 times, when it finds that the port is taken.

    It says so with PortTaken, OSError EADDRINUSE or CannotRun port-in-use, and has then left nothing behind.
    """
    for _ in range(TRIES - 1):
        with held(host) as port:
            try:
                return start(port)
            except (PortTaken, OSError, CannotRun) as error:
                if not _says_taken(error):
                    raise
    with held(host) as port:
        return start(port)


def _says_taken(error: Exception) -> bool:
    if isinstance(error, CannotRun):
        return error.code == "port-in-use"
    return isinstance(error, PortTaken) or getattr(error, "errno", None) == errno.EADDRINUSE


@contextlib.contextmanager
def child(
    command: Callable[[int], Sequence[str]], log: Path, *, ready: Callable[[int], bool] | None = None
) -> Iterator[int]:
    """A server as a child on a free port of 127.0.0.1; the port. It is ended by its own process object.

    `command` is asked anew for each port that is tried, and may write a configuration. What the child prints goes
    into `log`; `ready` says whether it serves, without it that it accepts a connection.
    """
    process, port = on_a_free_port(lambda port: (_started(command(port), log, port, ready or _accepts), port))
    try:
        yield port
    finally:
        _end(process)


def _started(
    command: Sequence[str], log: Path, port: int, ready: Callable[[int], bool]
) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + _BOOT_S
        while process.poll() is None and time.monotonic() < deadline:
            serves = ready(port)
            # It may be somebody else who answered; and nginx goes on trying for seconds.
            if _cannot_bind(log):
                break
            if serves:
                return process
            time.sleep(0.01)
        if _cannot_bind(log):
            raise PortTaken(log.read_text(errors="replace"))
        pytest.fail(f"{command[0]} did not start ({process.poll()}): {log.read_text(errors='replace')}")
    except BaseException:
        _end(process)
        raise


def _cannot_bind(log: Path) -> bool:
    said = log.read_text(errors="replace").lower()
    return any(words in said for words in _IN_USE)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=30)
