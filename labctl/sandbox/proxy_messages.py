"""HTTP/1.1 messages off a stream, for both sides of a reverse proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from labctl.protocols import http1
from labctl.protocols.http1 import BodyReader, Framing, MessageError, RequestHead, ResponseHead
from labctl.sandbox.web_stream import Stream

_LONGEST_HEAD = 32 * 1024
IDLE_S, SILENT_S = 60.0, 60.0


class Asked(NamedTuple):
    """A request's head, its fields by lower-case name, and where its content ends."""

    head: RequestHead
    named: dict[str, str]
    framing: Framing


class Told(NamedTuple):
    """A response's head, its fields by lower-case name, and where its content ends."""

    head: ResponseHead
    named: dict[str, str]
    framing: Framing


class Incoming:
    """Messages from one side of the proxy, one after the other."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._buffer = b""

    async def request(self) -> Asked | None:
        """The next request's head; None when the client has enough. Raises MessageError, OSError."""
        while (found := http1.read_request(self._buffer, limit=_LONGEST_HEAD)) is None:
            if not await self._more(IDLE_S):
                if self._buffer.strip(b"\r\n"):
                    raise MessageError("closed-early", "The connection closed within a request's head.")
                return None
        head, named, end = found
        self._buffer = self._buffer[end:]
        return Asked(head, named, http1.request_framing(head))

    async def response(self, method: str) -> Told:
        """The final response's head; what comes before it with 1xx is left out. Raises MessageError, OSError."""
        while True:
            while (found := http1.read_response(self._buffer, limit=_LONGEST_HEAD)) is None:
                if not await self._more(SILENT_S):
                    raise MessageError("closed-early", "The app closed the connection and did not answer.")
            head, named, end = found
            self._buffer = self._buffer[end:]
            if head.status >= 200:
                return Told(head, named, http1.response_framing(method, head))

    async def content(self, framing: Framing) -> AsyncIterator[bytes]:
        """The content as it comes. Raises MessageError when it is none or breaks off, OSError."""
        reader = BodyReader(framing)
        first, self._buffer = self._buffer, b""
        if first and (piece := reader.feed(first)):
            yield piece
        while not reader.done:
            if not await self._more(SILENT_S):
                reader.end_of_input()
                break
            data, self._buffer = self._buffer, b""
            if piece := reader.feed(data):
                yield piece
        self._buffer = reader.excess

    async def _more(self, seconds: float) -> bool:
        async with asyncio.timeout(seconds):
            data = await self.stream.receive()
        self._buffer += data
        return bool(data)
