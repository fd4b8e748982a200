"""A TCP connection of the web server as something to await: received, sent, ended. Plain; TLS is in web_tls.py."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

# Bytes that may wait for the server before the peer has to wait.
_WAITING = 256 * 1024
# Seconds in which a peer may take what was sent last, and bytes of it that are still read, before all is dropped.
_FAREWELL_S, _FAREWELL_BYTES = 2.0, 16 << 20


class Stream(Protocol):
    """What HTTP is spoken over. All raise ConnectionError or ssl.SSLError when the peer is gone in a bad way."""

    peer: str

    async def receive(self) -> bytes:
        """What has come, at least a byte; b"" when the peer has ended its side."""

    async def send(self, data: bytes) -> None:
        """Returns when there is room for more."""

    async def close(self) -> None:
        """End in an orderly way."""

    def reset(self) -> None:
        """End with RST instead of FIN."""


class PlainStream(asyncio.Protocol):
    """One accepted connection. `made` is called when it is there; `hold` gives the seconds that its bytes travel.

    Bytes that are held back arrive in order, later; that is how a distance is made where no wire has one.
    """

    peer = ""
    port = 0
    sock: Any = None

    def __init__(
        self, made: Callable[[PlainStream], None], hold: Callable[[str], float] = lambda peer: 0.0
    ) -> None:
        self._made = made
        self._hold_for = hold
        self._hold = 0.0
        self._loop = asyncio.get_running_loop()
        self._held: deque[bytes | None] = deque()
        self._received = bytearray()
        self._ended = False
        self._lost = False
        self._paused = False
        self._wake: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # asyncio does it only for sockets whose protocol number was given.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = transport.get_extra_info("peername") or ("", 0)
        self.peer, self.port = str(name[0]), int(name[1])
        self.sock = transport.get_extra_info("socket")
        self._hold = self._hold_for(self.peer)
        self._made(self)

    def data_received(self, data: bytes) -> None:
        if self._hold:
            self._held.append(data)
            self._loop.call_later(self._hold, self._arrive)
        else:
            self._take(data)

    def eof_received(self) -> bool:
        if self._hold:
            self._held.append(None)
            self._loop.call_later(self._hold, self._arrive)
        else:
            self._take(None)
        return True  # half open: what we have to say is still said

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._notify()

    def pause_writing(self) -> None:
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        self._set(self._room)
        self._room = None

    def _arrive(self) -> None:
        # A timer fires once for each, and each takes the oldest: equal times cannot change the order.
        self._take(self._held.popleft())

    def _take(self, data: bytes | None) -> None:
        if data is None:
            self._ended = True
        else:
            self._received += data
            if len(self._received) > _WAITING and not self._paused and not self._lost:
                self._paused = True
                self._transport.pause_reading()
        self._notify_reader()

    def _notify(self) -> None:
        self._notify_reader()
        self._set(self._room)
        self._room = None

    def _notify_reader(self) -> None:
        self._set(self._wake)
        self._wake = None

    @staticmethod
    def _set(future: asyncio.Future[None] | None) -> None:
        if future is not None and not future.done():
            future.set_result(None)

    # Stream

    async def receive(self) -> bytes:
        while not self._received:
            if self._ended:
                return b""
            if self._lost:
                raise ConnectionResetError
            self._wake = self._loop.create_future()
            await self._wake
        data = bytes(self._received)
        self._received.clear()
        if self._paused and not self._lost:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def send(self, data: bytes) -> None:
        if self._lost or self._transport.is_closing():
            raise ConnectionResetError
        if data:
            self._transport.write(data)
        if self._room is not None:
            await asyncio.shield(self._room)
            if self._lost:
                raise ConnectionResetError

    async def close(self) -> None:
        """FIN, then a moment for the peer to read: a close with unread bytes would be RST and could destroy them."""
        if not self._lost and not self._transport.is_closing():
            if not self._ended:
                with contextlib.suppress(OSError, RuntimeError, TimeoutError):
                    self._transport.write_eof()
                    async with asyncio.timeout(_FAREWELL_S):
                        left = _FAREWELL_BYTES
                        while left > 0 and (data := await self.receive()):
                            left -= len(data)
            self._transport.close()

    def reset(self) -> None:
        sock = self._transport.get_extra_info("socket")
        if sock is not None and not self._lost:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # What was written goes out first, as far as the peer takes it.
        self._transport.close()

    def abort(self) -> None:
        """Drop it, with what was not sent yet."""
        self._transport.abort()
