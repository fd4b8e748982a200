"""One request of the edge to the origin, for a client or behind an answer, and what is kept of the response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.protocols import caching
from labctl.protocols.caching_model import (
    Because,
    CacheResponse,
    Cut,
    Failure,
    Outcome,
    Stored,
    Use,
    by_name,
)
from labctl.protocols.caching_words import cf_cache_status
from labctl.protocols.http1 import (
    LAST_CHUNK,
    BodyReader,
    Fields,
    Framing,
    ResponseHead,
    write_chunk,
    write_request_head,
    write_response_head,
)
from labctl.protocols.http_dates import write_http_date
from labctl.sandbox import edge_answers
from labctl.sandbox.edge_audience import Audience, Told
from labctl.sandbox.edge_flow import Flow
from labctl.sandbox.edge_origin_connection import OriginConnection, OriginFailure
from labctl.sandbox.edge_profile import end_to_end, passed_trailers, to_origin
from labctl.sandbox.edge_store import Entry

if TYPE_CHECKING:
    from labctl.sandbox.edge import Edge
    from labctl.sandbox.edge_exchange import Exchange

# Methods that may be sent again when nobody knows whether they were seen (RFC 9110 section 9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_LENGTH = frozenset({"content-length"})
# The audience of a question that is over.
_NOBODY = Audience(caching.RFC9111_SHARED, None)


class Fetch:
    """Asks the origin what `use` says for `exchange`, who is answered, unless `behind` says it has been."""

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
        self._flow: Flow | None = None
        self._outcome: Outcome | None = None
        self._passed: tuple[CacheResponse, Framing] | None = None
        self._store: Stored | None = None
        self._old = b""
        self._status = 0
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
        exchange, use = self.exchange, self.use
        head = exchange.head
        self._asked_at = self.edge.clock()
        fields = to_origin(
            self.edge.profile,
            head.fields,
            self.request.named,
            version=head.version,
            client=exchange.client,
            scheme=exchange.scheme,
            ray=exchange.ray,
            host=self.edge.host_for(self.request.named),
            chunked=self._chunked,
            withheld=use.withheld if self._content else use.withheld | _LENGTH,
            conditions=use.conditions,
        )
        raw = write_request_head(self.method, head.target, fields)
        self.edge.origin.send(self, raw, sent_all=not self._content, new=new)

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

    # The origin's response.

    def interim(self, head: ResponseHead) -> None:
        leader = self._audience.leader
        if leader is not None and not leader.gone:
            leader.sink.interim(head.status, head.reason, end_to_end(head.fields, by_name(head.fields)))

    def answered(
        self, head: ResponseHead, named: dict[str, str], framing: Framing, data: bytes, reader: BodyReader
    ) -> None:
        edge, use = self.edge, self.use
        now = edge.clock()
        length = len(data) if reader.done else framing.length
        response = self._response(head, named, length, now)
        outcome = caching.after_origin(edge.profile.rules, self.request, use, response, self._asked_at, now)
        self._status = head.status
        for url in caching.invalidates(self.request, response):
            edge.invalidate(url)
            self.spoiled = False
        old = edge.store.entry_of(use.stored)
        self._old = old.body if old is not None else b""
        if outcome.drop:
            edge.store.drop(self.request.url, outcome.drop)
        uses_old = self._old_part(outcome)
        if outcome.serve == "again" or (
            outcome.serve != "origin" and uses_old and outcome.store and old is None
        ):
            self._again(outcome, reader)
            return
        if self._audience.leader is not None:
            self._audience.leader.answered_already()
        if outcome.serve == "stale":
            self._leave_origin(reader)
            self._over().serve(old, use, self._told(outcome), now)
        elif outcome.serve == "updated" and outcome.store is not None:
            self._leave_origin(reader)
            entry = Entry(outcome.store, self._old)
            if not self.spoiled and not outcome.drop:
                edge.store.put(entry, (use.stored,) if use.stored is not None else ())
            self._over().serve(entry, use, self._told(outcome), now)
        else:
            self._outcome = outcome
            self._pass(outcome, response, framing, data, reader, now, old)

    def _response(self, head: ResponseHead, named: dict[str, str], length: int, now: float) -> CacheResponse:
        """The response as the caching rules see it: end to end, and with a Date."""
        fields = end_to_end(head.fields, named)
        read = self.edge.profile.as_read(fields)
        if "date" not in named:  # RFC 9110 section 6.6.1
            read = (*read, ("Date", write_http_date(now)))
        if read is not fields:
            return CacheResponse(head.status, read, length, head.reason)
        # `named` is right already, and making it is what costs.
        response = CacheResponse(head.status, (), length, head.reason)
        response.fields, response.named = fields, named
        return response

    def _pass(
        self,
        outcome: Outcome,
        response: CacheResponse,
        framing: Framing,
        data: bytes,
        reader: BodyReader,
        now: float,
        old: Entry | None,
    ) -> None:
        """The origin's response goes to the leader, or into the store and then to the leader."""
        keep = outcome.store is not None and not self.spoiled and framing.length <= self.edge.store.largest
        if old is None and self._old_part(outcome):
            keep = False
        self._store = outcome.store if keep else None
        self._passed = (response, framing)
        flow = self._flow = Flow(keep or reader.done, self._hold, self._deserted)
        if data:
            flow.feed(data)
        audience = self._audience
        if not reader.done:
            if keep and outcome.serve == "stored":
                audience.wait_for_the_end(self.use)
            else:
                self._pass_on(flow, outcome, stored=keep, now=now)
            if not keep:
                self._unshare()
            audience.head_is_here(self._store, now)
            return
        flow.end(passed_trailers(reader.trailers))
        entry = self._keep(outcome, flow)
        told = self._told(outcome)
        if entry is not None and outcome.serve == "stored":
            self._over().serve(entry, self.use, told, now)
            return
        self._pass_on(flow, outcome, stored=entry is not None, now=now)
        self._over().all_is_here(entry, told, now)

    def _pass_on(self, flow: Flow, outcome: Outcome, *, stored: bool, now: float) -> None:
        """The origin's response as it comes, to the leader."""
        leader = self._audience.leader
        if leader is not None and not leader.gone and self._passed is not None:
            response, framing = self._passed
            edge_answers.pass_on(leader, self.use, outcome, response, flow, framing, stored=stored, now=now)

    def content(self, data: bytes) -> None:
        flow, outcome = self._flow, self._outcome
        if flow is None or outcome is None:
            return
        if flow.keep and flow.size + len(data) > self.edge.store.largest:
            self._too_big(flow, outcome)
        if self._flow is not None:
            flow.feed(data)

    def _too_big(self, flow: Flow, outcome: Outcome) -> None:
        """It will not be stored after all: whoever waited for that is answered another way."""
        self._store = None
        self._unshare()
        for leader in self._audience.none_will_be_kept():
            if self._old_part(outcome) and self.use.stored is not None:
                # The part that is stored cannot be completed: without it the whole is asked for.
                self.edge.store.drop(self.request.url, (self.use.stored,))
                leader.look(alone=True)
            else:
                self._pass_on(flow, outcome, stored=False, now=self.edge.clock())
        if self._flow is not None:
            flow.overflow()
            if not flow.readers:
                self._cancel()

    def ended(self, reader: BodyReader) -> None:
        flow, outcome = self._flow, self._outcome
        if flow is None or outcome is None:
            return
        now = self.edge.clock()
        entry = self._keep(outcome, flow)
        audience = self._over()
        flow.end(passed_trailers(reader.trailers))
        audience.all_is_here(entry, self._told(outcome), now)

    def failed(self, failure: OriginFailure) -> None:
        """There is no response, or it broke off."""
        flow = self._flow
        if flow is not None:
            audience = self._over()
            flow.fail()
            audience.broken_off(failure.sentence, Because(failure.code, "RFC 9111 section 3.3"))
            return
        if failure.again and not self._content and self.method in _IDEMPOTENT and not self._sent_again:
            self._sent_again = True
            self._ask(new=True)
            return
        edge = self.edge
        now = edge.clock()
        if self._audience.leader is not None:
            self._audience.leader.answered_already()
        given_up = Failure(failure.code, failure.sentence)
        outcome = caching.after_origin(
            edge.profile.rules, self.request, self.use, given_up, self._asked_at, now
        )
        self._status = 0
        if outcome.serve == "stale":
            self._over().serve(edge.store.entry_of(self.use.stored), self.use, self._told(outcome), now)
        else:
            self._over().refuse(failure.status, failure.sentence, outcome.because)

    # What is kept.

    def _told(self, outcome: Outcome) -> Told:
        return Told(outcome, self._status, cf_cache_status(self.edge.profile.rules, self.use, outcome))

    @staticmethod
    def _old_part(outcome: Outcome) -> bool:
        """Whether what is to be stored is made of what was stored, too."""
        return any(cut.of == "old" for cut in outcome.body)

    def _again(self, outcome: Outcome, reader: BodyReader) -> None:
        """The answer cannot be used: ask once more, with the client's own fields (RFC 9111 section 4.3.4)."""
        self._leave_origin(reader)
        if self._asked_again or self._content:
            sentence = "The origin's answer fits nothing that was asked."
            self._over().refuse(502, sentence, outcome.because)
            return
        self._asked_again = True
        self.use = Use("forward", None, outcome.because, forwarded=self.use.forwarded or "stale")
        self._ask()

    def _keep(self, outcome: Outcome, flow: Flow) -> Entry | None:
        """Store what has come whole."""
        store = self._store
        if store is None or self.spoiled or not flow.keep:
            return None
        body = flow.whole
        if outcome.body != (Cut("new"),):
            sources = {"old": self._old, "new": body}
            body = b"".join(sources[cut.of][cut.start : cut.stop] for cut in outcome.body)
        if store.body_length != len(body):
            store = caching.with_body(store, len(body))
        entry = Entry(store, body)
        replaced = (self.use.stored,) if self.use.stored is not None and self.use.kind != "forward" else ()
        return entry if self.edge.store.put(entry, replaced) else None

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
