"""A connection as a stream of bytes, each of which passes through our hands: `tap` is what crossed the wire.

Seconds are those of the clock that is given (the internet's); a deadline is a moment on it. Not for several
threads at once.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import NamedTuple, Self

# So much of what crossed is kept; the rest is only counted.
TAP_BYTES = 256 * 1024
# Seconds that a peer may leave unread what is sent, when the sender names no deadline.
PATIENCE = 10.0


class Chunk(NamedTuple):
    """Bytes of the wire as they were written (`sent`) or read, and when."""

    at: float
    sent: bool
    data: bytes


class StreamEnded(Exception):
    """The stream cannot go on. `failure`: reset, timeout, closed (a write after the end) or tls; `detail` says more."""

    def __init__(self, failure: str, detail: str) -> None:
        super().__init__(f"{failure}: {detail}")
        self.failure = failure
        self.detail = detail


class _Wire:
    """What has crossed so far; a stream over another one shares it."""

    def __init__(self) -> None:
        self.tap: list[Chunk] = []
        self.kept = self.sent = self.received = 0
        self.truncated = False

    def keep(self, at: float, sent: bool, data: bytes) -> None:
        if sent:
            self.sent += len(data)
        else:
            self.received += len(data)
        room = TAP_BYTES - self.kept
        if len(data) > room:
            self.truncated = True
            data = data[:room]
        if data:
            self.kept += len(data)
            self.tap.append(Chunk(at, sent, data))


class Stream:
    """A connected socket, and everything that crossed it. `close` it, or use it as a context manager."""

    def __init__(self, connection: socket.socket, clock: Callable[[], float]) -> None:
        self.socket = connection
        self.clock = clock
        self._wire = _Wire()

    @property
    def tap(self) -> list[Chunk]:
        """What crossed the wire, in order; `tap_truncated` when there was more than is kept."""
        return self._wire.tap

    @property
    def tap_truncated(self) -> bool:
        return self._wire.truncated

    @property
    def sent(self) -> int:
        """Bytes that were written to the wire."""
        return self._wire.sent

    @property
    def received(self) -> int:
        """Bytes that were read from the wire."""
        return self._wire.received

    def send(self, data: bytes, *, deadline: float | None = None) -> None:
        """Write all of it. Raises StreamEnded."""
        if not data:
            return
        at = self.clock()
        try:
            self.socket.settimeout(PATIENCE if deadline is None else max(0.001, deadline - at))
            self.socket.sendall(data)
        except TimeoutError as error:
            raise StreamEnded("timeout", "the peer did not read what was sent") from error
        except OSError as error:
            raise _ended(error) from error
        self._wire.keep(at, True, data)

    def receive(self, most: int = 65536, *, deadline: float) -> bytes:
        """What has arrived, at least one byte; b"" when the peer has ended. Raises StreamEnded."""
        left = deadline - self.clock()
        if left <= 0:
            raise StreamEnded("timeout", "nothing came in time")
        try:
            self.socket.settimeout(left)
            data = self.socket.recv(most)
        except TimeoutError as error:
            raise StreamEnded("timeout", "nothing came in time") from error
        except OSError as error:
            raise _ended(error) from error
        if data:
            self._wire.keep(self.clock(), False, data)
        return data

    def close(self) -> None:
        """Close the connection; unread data makes the kernel reset it. Idempotent."""
        with contextlib.suppress(OSError):
            self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ended(error: OSError) -> StreamEnded:
    if isinstance(error, ConnectionResetError):
        return StreamEnded("reset", "the peer reset the connection")
    if isinstance(error, BrokenPipeError):
        return StreamEnded("closed", "the peer had closed the connection")
    return StreamEnded("reset", error.strerror or str(error))
