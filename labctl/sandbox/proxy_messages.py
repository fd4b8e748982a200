"""HTTP/1.1 messages off a stream, for both sides of a reverse proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from labctl.protocols import http1
from labctl.protocols.http1 import BodyReader, Framing, MessageError, RequestHead, ResponseHead
from labctl.sandbox.web_stream import Stream

_LONGEST_HEAD = 32 * 1024
# A whole head has to come within the first, and something of an answer within the second.
IDLE_S, SILENT_S = 60.0, 60.0
# An upload may be so large (the nginx of this lab has the same), and so many 1xx may come before an answer.
MOST_BYTES, _MOST_INTERIM = 64 << 20, 10


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
        async with asyncio.timeout(IDLE_S):
            while (found := http1.read_request(self._buffer, limit=_LONGEST_HEAD)) is None:
                if not await self._more(None):
                    if self._buffer.strip(b"\r\n"):
                        raise MessageError("closed-early", "The connection closed within a request's head.")
                    return None
        head, named, end = found
        self._buffer = self._buffer[end:]
        if "," in named.get("content-length", ""):
            # RFC 9110 section 8.6 lets two that say the same pass; nginx and Apache do not.
            raise MessageError("two-lengths", "The request has more than one Content-Length.")
        framing = http1.request_framing(head)
        if framing.kind == "length" and framing.length > MOST_BYTES:
            raise _too_large()
        return _in_origin_form(Asked(head, named, framing))

    async def response(self, method: str, interim: Callable[[ResponseHead], Awaitable[None]]) -> Told:
        """The final response's head; `interim` gets each 1xx that comes before it. Raises MessageError, OSError."""
        for _ in range(_MOST_INTERIM + 1):
            while (found := http1.read_response(self._buffer, limit=_LONGEST_HEAD)) is None:
                if not await self._more(SILENT_S):
                    raise MessageError("closed-early", "The app closed the connection and did not answer.")
            head, named, end = found
            self._buffer = self._buffer[end:]
            if head.status >= 200:
                return Told(head, named, http1.response_framing(method, head))
            await interim(head)
        raise MessageError("endless-interim", "The app sends nothing but interim answers.")

    async def upload(self, framing: Framing) -> AsyncIterator[bytes]:
        """The content of a request: as `content`, and no more than MOST_BYTES of it."""
        size = 0
        async for piece in self.content(framing):
            size += len(piece)
            if size > MOST_BYTES:
                raise _too_large()
            yield piece

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

    async def _more(self, seconds: float | None) -> bool:
        async with asyncio.timeout(seconds):
            data = await self.stream.receive()
        self._buffer += data
        return bool(data)


def _in_origin_form(asked: Asked) -> Asked:
    """A target in the absolute form as path and query; its authority counts, not Host (RFC 9112 section 3.2.2)."""
    head = asked.head
    scheme, mark, rest = head.target.partition("://")
    if not mark or "/" in scheme:
        return asked
    end = min((at for at in map(rest.find, "/?") if at >= 0), default=len(rest))
    authority, path = rest[:end], rest[end:]
    if not authority or "@" in authority:
        raise MessageError("bad-target", "The request's target names no host.")
    fields = (("Host", authority), *http1.without(head.fields, "Host"))
    target = path if path.startswith("/") else f"/{path}"
    return asked._replace(
        head=head._replace(target=target, fields=fields), named={**asked.named, "host": authority}
    )


def _too_large() -> MessageError:
    return MessageError("too-large", "The request's content is larger than 64 MiB.", 413)
