"""Answers on a client's connection: whole, prepared, or as their content comes, framed as the client can read it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from labctl.protocols.http1 import (
    LAST_CHUNK,
    BodyReader,
    Fields,
    RequestHead,
    write_chunk,
    write_response_head,
)
from labctl.sandbox.edge_exchange import Exchange
from labctl.sandbox.edge_flow import Flow

if TYPE_CHECKING:
    from labctl.sandbox.edge import Edge
    from labctl.sandbox.edge_prepared import Prepared


@lru_cache(maxsize=256)
def _lines(fields: Fields) -> bytes:
    """The end of a head: these fields and the empty line."""
    return write_response_head(200, "", fields).partition(b"\r\n")[2]


class ClientAnswers(asyncio.BufferedProtocol, ABC):
    """The `Sink` of the exchanges of one connection; `edge_connection` has the side that reads."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.transport: Any = None
        self.congested = False
        self.touched = 0.0
        # The request under way: its head, the reader of its content (None: it has none), and who answers it.
        self._head: RequestHead | None = None
        self._body: BodyReader | None = None
        self._exchange: Exchange | None = None
        self._flow: Flow | None = None
        self._keep = True
        self._closing = False
        self._chunked = False
        self._unsent = b""

    @abstractmethod
    def _done(self) -> None:
        """The answer is given: on with the next request."""

    @property
    def version(self) -> str:
        """What the client speaks, "1.1" or "1.0"."""
        return self._head.version if self._head is not None else "1.1"

    def interim(self, status: int, reason: str, fields: Fields) -> None:
        """A 1xx response; HTTP/1.0 has none (RFC 9110 section 15.2)."""
        if self.version != "1.0" and not self._closing:
            self.transport.write(write_response_head(status, reason, fields))

    def whole(
        self, status: int, reason: str, fields: Fields, body: bytes, came: bytes = b"", added: int = 0
    ) -> None:
        """A response that is all here. `fields` have the Content-Length.

        `came`: the bytes of an origin's HTTP/1.1 head that say the same, but for the last `added` fields.
        """
        if self._closing:
            return
        if came and self._keep and self._body is None and self.version == "1.1":
            self.transport.write(b"".join((came, _lines(fields[-added:]), body)))
            self._done()
            return
        self.transport.write(write_response_head(status, reason, self._framed(fields)) + body)
        self._done()

    def ready(self, prepared: Prepared) -> bool:
        """Answer with bytes that are there already, if this connection allows it. False: nothing was done."""
        if not self._keep or self._closing or self._body is not None or self.version == "1.0":
            return False
        answer = prepared.answer()
        if answer is None:
            return False
        self.transport.write(answer)
        self._done()
        return True

    def stream(self, status: int, reason: str, fields: Fields, flow: Flow, sized: bool) -> None:
        """A response whose content comes from `flow`; `sized`: it has a Content-Length."""
        if self._closing:
            return
        self._chunked = False
        if not sized:
            if self.version == "1.0":
                self._keep = False
            else:
                self._chunked = True
                fields = (*fields, ("Transfer-Encoding", "chunked"))
        self._flow = flow
        self._unsent = write_response_head(status, reason, self._framed(fields))
        flow.read(self)
        if self._unsent:
            self.transport.write(self._unsent)
            self._unsent = b""

    def content(self, data: bytes) -> None:
        """Content from the flow. The head leaves with the first of it."""
        if self._chunked:
            data = write_chunk(data)
        if self._unsent:
            data = self._unsent + data
            self._unsent = b""
        self.transport.write(data)

    def ended(self, trailers: Fields) -> None:
        """All content has come."""
        self._flow = None
        last = b""
        if self._chunked:
            self._chunked = False
            last = LAST_CHUNK
            if trailers:
                last = b"0\r\n" + write_response_head(200, "", trailers).partition(b"\r\n")[2]
        if self._unsent or last:
            self.transport.write(self._unsent + last)
            self._unsent = b""
        self._done()

    def broken(self) -> None:
        """The origin broke off: so do we, or the client would take it for whole (RFC 9112 section 8)."""
        self._flow = None
        self._exchange = None
        if self._unsent:
            self.transport.write(self._unsent)
            self._unsent = b""
        self._closing = True
        self.transport.close()

    def _framed(self, fields: Fields) -> Fields:
        if self._body is not None and not self._body.done:
            self._keep = False  # the rest of the request would be read as the next one
        if not self._keep:
            return (*fields, ("Connection", "close"))
        if self.version == "1.0":
            return (*fields, ("Connection", "keep-alive"))
        return fields
