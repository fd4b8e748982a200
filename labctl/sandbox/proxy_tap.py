"""A tap between two hops: it passes every byte on, and keeps what it saw. It may speak TLS onward."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from typing import NamedTuple

from labctl.sandbox.proxy_upstream import Address
from labctl.sandbox.web_stream import PlainStream

_READ_BYTES = 64 * 1024
# Of each direction so many bytes are kept.
_KEPT_BYTES = 64 * 1024


class Piece(NamedTuple):
    """Bytes that came together; `at` in monotonic seconds."""

    at: float
    data: bytes


class Direction:
    """What went one way over a connection, in pieces; what comes after 64 kB is only counted."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.size = 0

    def saw(self, at: float, data: bytes) -> None:
        left = _KEPT_BYTES - self.size
        self.size += len(data)
        if left > 0:
            self.pieces.append(Piece(at, data[:left]))

    def since(self, moment: float = 0.0) -> bytes:
        """The bytes that came at this moment and later."""
        return b"".join(piece.data for piece in self.pieces if piece.at >= moment)

    def first_at(self, moment: float = 0.0) -> float:
        """When the first of them came; 0 when none did."""
        return next((piece.at for piece in self.pieces if piece.at >= moment), 0.0)


class Talk:
    """One connection through the tap: who came, what was asked and what was answered."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.asked = Direction()
        self.answered = Direction()


class Tap:
    """Goes on to `target`, from `source` ("" leaves it to the kernel, "peer" takes the address of who came)."""

    def __init__(
        self,
        target: Address,
        *,
        source: str = "",
        context: ssl.SSLContext | None = None,
        server_name: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target = target
        self.talks: list[Talk] = []
        self._source = source
        self._context = context
        self._server_name = server_name
        self._clock = clock

    def last(self, moment: float = 0.0) -> Talk | None:
        """The connection over which something was asked since this moment."""
        return next((talk for talk in reversed(self.talks) if talk.asked.first_at(moment)), None)

    async def serve(self, stream: PlainStream) -> None:
        """One connection to its end."""
        talk = Talk(stream.peer)
        self.talks.append(talk)
        reader, writer = await self._onward(stream.peer)
        try:
            there = asyncio.create_task(self._there(stream, writer, talk))
            try:
                while data := await reader.read(_READ_BYTES):
                    talk.answered.saw(self._clock(), data)
                    await stream.send(data)
            finally:
                there.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await there
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _onward(self, peer: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        source = peer if self._source == "peer" else self._source
        return await asyncio.open_connection(
            *self.target,
            local_addr=(source, 0) if source else None,
            ssl=self._context,
            server_hostname=self._server_name if self._context is not None else None,
        )

    async def _there(self, stream: PlainStream, writer: asyncio.StreamWriter, talk: Talk) -> None:
        while data := await stream.receive():
            talk.asked.saw(self._clock(), data)
            writer.write(data)
            await writer.drain()
        # Who came has no more to say: what is on its way back still comes.
        if writer.can_write_eof():
            writer.write_eof()
