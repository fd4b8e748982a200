"""Another way in: a request as a value, an answer as a value. HTTP/2 in front of the edge comes here."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from labctl.protocols.caching_model import CacheRequest
from labctl.protocols.http1 import Fields, Framing, RequestHead, get, without
from labctl.sandbox.edge_exchange import Exchange
from labctl.sandbox.edge_flow import Flow
from labctl.sandbox.site import SiteAnswer, SiteRequest

if TYPE_CHECKING:
    from labctl.sandbox.edge import Edge
    from labctl.sandbox.edge_prepared import Prepared


# Pieces that may wait for whoever reads an answer.
_MOST_PIECES = 8


class Gatherer:
    """Takes an answer apart from any connection. `done` holds it as soon as its head is here.

    A body that is not all here is the gatherer itself: an async iterator, which raises OSError when the origin
    breaks off, and has the `trailers` at its end.
    """

    version = "1.1"

    def __init__(self, content: bytes) -> None:
        self.done: asyncio.Future[SiteAnswer] = asyncio.get_running_loop().create_future()
        self.exchange: Exchange | None = None
        self.trailers: Fields = ()
        self._content = content
        self._interim: list[tuple[int, Fields]] = []
        self._pieces: deque[bytes] = deque()
        self._flow: Flow | None = None
        self._more = asyncio.Event()
        self._over = False
        self._broken = False

    def may_send(self) -> None:
        """The exchange takes the request's content: here is all of it."""
        exchange = self.exchange
        if self._content and exchange is not None and exchange.takes_content:
            content, self._content = self._content, b""
            exchange.send(content, True, ())

    def interim(self, status: int, reason: str, fields: Fields) -> None:
        self._interim.append((status, fields))

    def ready(self, prepared: Prepared) -> bool:
        return False  # an answer as a value, not as bytes of HTTP/1.1

    def whole(
        self, status: int, reason: str, fields: Fields, body: bytes, came: bytes = b"", added: int = 0
    ) -> None:
        self._answer(SiteAnswer(status, fields, body, reason, interim=tuple(self._interim)))

    def stream(self, status: int, reason: str, fields: Fields, flow: Flow, sized: bool) -> None:
        self._flow = flow
        flow.read(self)
        self._answer(SiteAnswer(status, fields, self, reason, interim=tuple(self._interim)))

    @property
    def congested(self) -> bool:
        return len(self._pieces) >= _MOST_PIECES

    def content(self, data: bytes) -> None:
        self._pieces.append(data)
        self._more.set()

    def ended(self, trailers: Fields) -> None:
        self.trailers = trailers
        self._over = True
        self._more.set()

    def broken(self) -> None:
        self._broken = True
        self._more.set()

    def __aiter__(self) -> Gatherer:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._broken:
                raise ConnectionResetError("the origin broke off within its response")
            if self._over:
                raise StopAsyncIteration
            self._more.clear()
            if self._flow is not None:
                self._flow.resume(self)
            if not self._pieces and not self._over and not self._broken:
                await self._more.wait()
        return self._pieces.popleft()

    async def aclose(self) -> None:
        """Whoever reads the body has enough."""
        self._over = True
        self._pieces.clear()
        if self._flow is not None:
            self._flow.leave(self)

    def _answer(self, answer: SiteAnswer) -> None:
        if not self.done.done():
            self.done.set_result(answer)


async def answer_for(edge: Edge, request: SiteRequest) -> SiteAnswer:
    """Put a request through the edge."""
    fields = without(request.fields, "Content-Length", "Transfer-Encoding", "Connection")
    if get(fields, "Host") is None:
        fields = (("Host", request.host), *fields)
    framing = Framing("length", len(request.body)) if request.body else Framing("none")
    if request.body:
        fields = (*fields, ("Content-Length", str(len(request.body))))
    sink = Gatherer(request.body)
    head = RequestHead(request.method, request.target, "1.1", fields, b"")
    asked = CacheRequest(request.method, "", fields, request.body != b"")
    exchange = Exchange(edge, sink, head, asked, framing, _address(request.client), request.scheme)
    sink.exchange = exchange
    exchange.begin()
    sink.may_send()
    try:
        return await sink.done
    except asyncio.CancelledError:
        exchange.deserted()
        raise


def _address(client: str) -> str:
    """The address of "192.0.2.1:4000", "[2001:db8::1]:4000" or an address alone."""
    if client.startswith("["):
        return client[1:].partition("]")[0]
    return client.partition(":")[0] if client.count(":") == 1 else client
