"""One question of the edge to the origin: its head and content on the way out, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.protocols import caching
from labctl.protocols.caching_model import Stored, Use, by_name
from labctl.protocols.http1 import (
    LAST_CHUNK,
    BodyReader,
    Fields,
    ResponseHead,
    write_chunk,
    write_response_head,
)
from labctl.sandbox.edge_audience import Audience
from labctl.sandbox.edge_flow import Flow
from labctl.sandbox.edge_forwarding import end_to_end, passed_trailers, request_head
from labctl.sandbox.edge_listener import Listener
from labctl.sandbox.edge_origin_connection import OriginConnection

if TYPE_CHECKING:
    from labctl.sandbox.edge import Edge
    from labctl.sandbox.edge_exchange import Exchange

# The audience of a question that is over.
_NOBODY = Audience(caching.RFC9111_SHARED, None)


class Question(Listener):
    """Asks the origin what `use` says for `exchange`, who is answered, unless `behind` says it has been.

    `edge_fetch` has what becomes of the answer: the rest of `Listener`.
    """

    __slots__ = ("_asked_again", "_asked_at", "_audience", "_chunked", "_connection", "_content", "_flow",
                 "_sent_again", "_shared", "_store", "behind", "cancelled", "edge", "exchange", "method", "request",
                 "spoiled", "use")  # fmt: skip

    def __init__(self, edge: Edge, exchange: Exchange, use: Use, *, behind: bool = False) -> None:
        self.edge = edge
        self.exchange = exchange
        self.request = exchange.request
        self.use = use
        self.method = use.method or ("GET" if behind else exchange.method)
        self.behind = behind
        # Set when nobody wants the answer any more, and when it may be from before a change.
        self.cancelled = False
        self.spoiled = False
        self._audience = Audience(edge.profile.rules, None if behind else exchange)
        self._connection: OriginConnection | None = None
        # The response under way, and what it will be kept as.
        self._flow: Flow | None = None
        self._store: Stored | None = None
        self._asked_at = 0.0
        self._shared = False
        self._content = exchange.has_content and not behind
        self._chunked = self._content and exchange.framing.kind == "chunked"
        self._asked_again = False
        self._sent_again = False

    def start(self, shared: bool) -> None:
        """Send the request. `shared`: later ones for the same URL may wait for this answer."""
        edge = self.edge
        edge.running.add(self)
        if shared and self.request.url not in edge.fetches:
            self._shared = True
            edge.fetches[self.request.url] = self
        self._ask()

    def _ask(self, new: bool = False) -> None:
        edge, use = self.edge, self.use
        self._asked_at = edge.clock()
        head = request_head(
            edge.profile,
            self.exchange,
            self.method,
            host=edge.host_for(self.request.named),
            chunked=self._chunked,
            content=self._content,
            withheld=use.withheld,
            conditions=use.conditions,
        )
        edge.origin.send(self, head, sent_all=not self._content, new=new)

    def wait(self, exchange: Exchange) -> None:
        """Another request for the same: it gets this answer, if it may."""
        self._audience.wait(exchange)
        if self._flow is not None:
            self._audience.head_is_here(self._store, self.edge.clock())

    # The request's content.

    @property
    def takes_content(self) -> bool:
        return self._connection is not None and not self._connection.congested

    def connected(self, connection: OriginConnection) -> None:
        self._connection = connection
        if self._content:
            self.may_send()

    def may_send(self) -> None:
        leader = self._audience.leader
        if self._content and leader is not None:
            leader.sink.may_send()

    def send(self, content: bytes, last: bool, trailers: Fields) -> None:
        """Content of the client's request."""
        if self._connection is None:
            return
        if self._chunked:
            content = write_chunk(content)
            if last:
                passed = passed_trailers(trailers)
                content += (
                    b"0\r\n" + write_response_head(200, "", passed).partition(b"\r\n")[2]
                    if passed
                    else LAST_CHUNK
                )
        self._connection.send(content, last)

    def interim(self, head: ResponseHead) -> None:
        leader = self._audience.leader
        if leader is not None and not leader.gone:
            leader.sink.interim(head.status, head.reason, end_to_end(head.fields, by_name(head.fields)))

    # The end.

    def left(self, exchange: Exchange) -> None:
        """A client that is gone. The origin is asked on only for what will be kept."""
        audience = self._audience
        if exchange is not audience.leader:
            return
        audience.leader = None
        if self._content or not (audience.waiting or self._shared or self._store is not None):
            self._cancel()

    def _unshare(self) -> None:
        if self._shared and self.edge.fetches.get(self.request.url) is self:
            del self.edge.fetches[self.request.url]
        self._shared = False

    def _over(self) -> Audience:
        """Nothing more comes of it. Returns those who are still to be answered."""
        if self._shared:
            self._unshare()
        edge = self.edge
        edge.running.discard(self)
        # Not to be a circle, which only the collector would find.
        self.exchange.question_over(self)
        if self.behind:
            edge.refreshed(self)
        audience, self._audience = self._audience, _NOBODY
        self._connection = None
        self._flow = None
        return audience

    def _hold(self, hold: bool) -> None:
        if self._connection is not None:
            self._connection.hold(hold)

    def _deserted(self) -> None:
        """Nobody reads any more; what will be stored is fetched to its end."""
        if self._flow is not None and not self._flow.keep and not self._audience.waiting:
            self._cancel()

    def _cancel(self) -> None:
        self.cancelled = True
        connection = self._connection
        self._over()
        if connection is not None:
            connection.abort()

    def _leave_origin(self, reader: BodyReader) -> None:
        """Nothing of the response's content is wanted."""
        if not reader.done and self._connection is not None:
            self._connection.abort()
        self._connection = None
