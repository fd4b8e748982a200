"""Connections that are kept open for the next request to the same origin (RFC 9112 section 9.3)."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from labctl.fetch.stream import Stream
from labctl.protocols.url import Url, parse_url

if TYPE_CHECKING:
    from labctl.fetch.exchange import Answer, Limits, Request
    from labctl.fetch.exchange_h2 import Http2Connection

# A visit of many redirects must not keep them all.
_KEPT = 32


class Open:
    """An open connection: its stream, and HTTP/2's state when that is spoken."""

    def __init__(self, stream: Stream, *, h2: bool = False, address: str = "") -> None:
        self.stream = stream
        self.address = address
        self._h2 = h2
        self._connection: Http2Connection | None = None
        self._counted = 0, 0

    def ask(self, request: Request, clock: Callable[[], float], limits: Limits | None) -> Answer:
        """One request and its answer."""
        from labctl.fetch.exchange import Limits, ask
        from labctl.fetch.exchange_h2 import Http2Connection

        limits = limits or Limits()
        if not self._h2:
            return ask(self.stream, request, clock=clock, limits=limits)
        if self._connection is None:
            self._connection = Http2Connection(self.stream, clock=clock, limits=limits)
        return self._connection.ask(request)

    def counted(self) -> tuple[int, int]:
        """Bytes that crossed the wire, sent and received, since the last call."""
        sent, received = self.stream.sent, self.stream.received
        before, self._counted = self._counted, (sent, received)
        return sent - before[0], received - before[1]

    def arrivals(self, since: float) -> tuple[tuple[float, int], ...]:
        """When bytes came since that moment, and how many; as far as the tap goes."""
        return tuple((c.at, len(c.data)) for c in self.stream.tap if not c.sent and c.at >= since)

    def covers(self, host: str) -> bool:
        """Whether it is HTTP/2 and the peer's certificate is good for this name too."""
        from labctl.fetch.secure import SecureStream

        if not self._h2 or not isinstance(self.stream, SecureStream):
            return False
        certificate: dict[str, Any] = self.stream.tls.getpeercert() or {}
        names = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
        above = host.partition(".")[2]
        return host in names or (bool(above) and f"*.{above}" in names)

    @property
    def alive(self) -> bool:
        """Whether the peer has left it open. What came unasked on HTTP/1.1 is the end, or nothing for us."""
        connection = self.stream.socket
        if connection.fileno() < 0 or (self._connection is not None and not self._connection.usable):
            return False
        if not select.select([connection], [], [], 0)[0]:
            return True
        if not self._h2:
            return False
        try:
            return bool(connection.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def close(self) -> None:
        """End it, with GOAWAY on HTTP/2. Idempotent."""
        if self._connection is not None:
            self._connection.close()
        self.stream.close()


class Pool:
    """At most one open connection for each origin, the least recently used go first."""

    def __init__(self) -> None:
        self._open: dict[str, Open] = {}

    def take(self, origin: str) -> Open | None:
        """The connection to this origin, which is the caller's now; None when there is none that lives."""
        opened = self._open.pop(origin, None)
        if opened is not None and not opened.alive:
            opened.close()
            return None
        return opened

    def take_covering(self, url: Url, addresses: Sequence[str]) -> Open | None:
        """A living HTTP/2 connection to one of these addresses, on the same port, whose certificate covers the host."""
        for origin, opened in list(self._open.items()):
            if not origin.startswith("https://") or opened.address not in addresses:
                continue
            if parse_url(origin).port == url.port and opened.covers(url.host):
                return self.take(origin)
        return None

    def keep(self, origin: str, opened: Open) -> None:
        """Keep it for the next request."""
        if (before := self._open.pop(origin, None)) is not None and before is not opened:
            before.close()
        self._open[origin] = opened
        while len(self._open) > _KEPT:
            self._open.pop(next(iter(self._open))).close()

    def close(self) -> None:
        """Close them all. Idempotent."""
        while self._open:
            self._open.popitem()[1].close()

    def __contains__(self, origin: str) -> bool:
        return origin in self._open

    def __len__(self) -> int:
        return len(self._open)
