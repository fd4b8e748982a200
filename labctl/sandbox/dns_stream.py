"""DNS over TCP, the server's side: messages behind two bytes of length, many on a connection (RFC 7766)."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable

Answer = Callable[[bytes, Callable[[bytes], None]], None]


class Listener:
    """Accepts connections of one listening socket and keeps them until the peer or `close` ends them."""

    def __init__(
        self,
        sock: socket.socket,
        selector: selectors.BaseSelector,
        answer: Answer,
        nudge: Callable[[], None],
    ) -> None:
        self._sock = sock
        self._selector = selector
        self._answer = answer
        self._nudge = nudge
        self._connections: set[Connection] = set()

    def accept(self) -> None:
        """Called when somebody connects."""
        try:
            sock, _ = self._sock.accept()
        except OSError:
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock, self._selector, self._answer, self._nudge, self._connections.discard)
        self._connections.add(connection)
        self._selector.register(sock, selectors.EVENT_READ, connection.ready)

    def close(self) -> None:
        """End the connections that are still open."""
        for connection in tuple(self._connections):
            connection.close()


class Connection:
    """One connection: what has arrived, and what still has to leave."""

    def __init__(
        self,
        sock: socket.socket,
        selector: selectors.BaseSelector,
        answer: Answer,
        nudge: Callable[[], None],
        closed: Callable[[Connection], None],
    ) -> None:
        self._sock = sock
        self._selector = selector
        self._answer = answer
        self._nudge = nudge
        self._closed = closed
        self._arrived = bytearray()
        self._leaving = bytearray()
        # Answers come from the receiving thread, the delay line and the resolver's threads.
        self._lock = threading.RLock()

    def ready(self) -> None:
        """Called when there is something to read, or room to write."""
        with self._lock:
            self._write()
        try:
            data = self._sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._arrived += data
        while len(self._arrived) >= 2:
            end = 2 + int.from_bytes(self._arrived[:2], "big")
            if len(self._arrived) < end:
                break
            wire = bytes(self._arrived[2:end])
            del self._arrived[:end]
            self._answer(wire, self._send)

    def _send(self, answer: bytes) -> None:
        with self._lock:
            self._leaving += len(answer).to_bytes(2, "big") + answer
            self._write()

    def _write(self) -> None:
        if not self._leaving:
            return
        try:
            sent = self._sock.send(self._leaving)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._leaving.clear()
            return
        del self._leaving[:sent]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._leaving else 0)
        with contextlib.suppress(KeyError, ValueError, OSError):
            self._selector.modify(self._sock, wanted, self.ready)
            if self._leaving:
                self._nudge()

    def close(self) -> None:
        """Forget and close the connection."""
        with self._lock:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(self._sock)
            self._sock.close()
            self._closed(self)
