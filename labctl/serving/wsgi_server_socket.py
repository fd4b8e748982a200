"""A client's socket as the WSGI server uses it: receiving with a time limit, sending with one, and parting well."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import sys
import time

from labctl.protocols.wsgi_response import Pieces

_RECEIVE = 65536
# Pieces up to so many bytes go out in one send.
_TOGETHER = 65536
# On, for 0 seconds: struct linger.
_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class ClientGone(ConnectionError):
    """The client does not take the response: it closed, or read nothing for too long."""


class ClientSocket:
    """`write_s`: seconds without any progress in sending. `gone`: nothing can be sent any more.

    The kernel keeps the times (SO_RCVTIMEO): a time-out of Python costs another system call each time.
    """

    def __init__(self, sock: socket.socket, write_s: float) -> None:
        self._socket = sock
        self._receive_s = -1.0
        sock.settimeout(None)  # some systems let it inherit from the listener that it does not block
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _interval(write_s))
        self.gone = False
        name = sock.getsockname()
        # Our end: (host, port), or the path of a Unix socket.
        self.name: tuple[str, int] | str = name[:2] if isinstance(name, tuple) else name
        if isinstance(name, tuple):
            # Without it the second of two small sends waits for the client's delayed ACK, 40 ms.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def receive(self, seconds: float) -> bytes:
        """What has come, b"" at the end. Raises TimeoutError when nothing comes in so many seconds, OSError."""
        if seconds != self._receive_s:
            self._receive_s = seconds
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _interval(seconds))
        try:
            return self._socket.recv(_RECEIVE)
        except BlockingIOError:  # what the kernel says when the time is over
            raise TimeoutError from None

    def send(self, pieces: Pieces) -> None:
        """All of it. Raises ClientGone."""
        if len(pieces) > 1 and sum(map(len, pieces)) <= _TOGETHER:
            pieces = [b"".join(pieces)]
        try:
            for piece in pieces:
                self._send_all(piece)
        except OSError as error:
            self.gone = True
            raise ClientGone(f"The client does not take the response: {error}.") from error

    def _send_all(self, piece: bytes) -> None:
        sent = self._socket.send(piece)
        if sent < len(piece):
            view = memoryview(piece)
            while sent < len(piece):
                sent += self._socket.send(view[sent:])

    def interrupt(self) -> None:
        """Whoever waits in `receive` gets b"" when nothing has come. From another thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def abort(self) -> None:
        """Whoever waits in `receive` or `send` is through with it. From another thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def quiet(self) -> bool:
        """Whether nothing lies there to be received, not even the end. From another thread."""
        with selectors.DefaultSelector() as selector:
            try:
                selector.register(self._socket, selectors.EVENT_READ)
            except (OSError, ValueError):  # closed in this moment
                return False
            return not selector.select(0)

    def part(self, seconds: float) -> None:
        """Say that no more comes, and read on for a while: closing with unread bytes would reset, and the reset would
        overtake the response (RFC 9112 section 9.6).
        """
        if self.gone:
            return
        end = time.monotonic() + seconds
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            while (left := end - time.monotonic()) > 0:
                if not self.receive(left):
                    break

    def reset_when_closed(self) -> None:
        """The close will be a reset: the client must not take it for a good end."""
        self.gone = True
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)

    def close(self) -> None:
        self._socket.close()


def _interval(seconds: float) -> bytes | int:
    """A time for SO_RCVTIMEO and SO_SNDTIMEO: a struct timeval, on Windows milliseconds. 0 would mean for ever."""
    seconds = max(seconds, 0.001)
    if sys.platform == "win32":
        return int(seconds * 1000)
    return struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
