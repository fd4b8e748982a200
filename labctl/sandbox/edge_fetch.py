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
from labctl.sandbox.edge_flow import Flow
from labctl.sandbox.edge_origin import OriginConnection, OriginFailure
from labctl.sandbox.edge_profile import end_to_end, passed_trailers, to_origin
from labctl.sandbox.edge_store import Entry

if TYPE_CHECKING:
    from labctl.sandbox.edge import Edge
    from labctl.sandbox.edge_exchange import Exchange

# Methods that may be sent again when nobody knows whether they were seen (RFC 9110 section 9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_LENGTH = frozenset({"content-length"})


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
        self._leader: Exchange | None = None if behind else exchange
        self._waiting: list[Exchange] = []
        # Who gets the stored response when all of it is here, with the word for it ("": as any hit).
        self._at_end: list[tuple[Exchange, Use, str]] = []
        self._connection: OriginConnection | None = None
        self._flow: Flow | None = None
        self._outcome: Outcome | None = None
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
        self._waiting.append(exchange)
        if self._flow is not None:
            self._release(self.edge.clock())

    # The request's content.

    @property
    def takes_content(self) -> bool:
        return self._connection is not None and not self._connection.congested

    def connected(self, connection: OriginConnection) -> None:
        self._connection = connection
        self.may_send()

    def may_send(self) -> None:
        if self._content and self._leader is not None:
            self._leader.sink.may_send()

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
        if self._leader is not None and not self._leader.gone:
            self._leader.sink.interim(head.status, head.reason, end_to_end(head.fields, by_name(head.fields)))

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
        uses_old = any(cut.of == "old" for cut in outcome.body)
        if outcome.serve == "again" or (
            outcome.serve != "origin" and uses_old and outcome.store and old is None
        ):
            self._again(outcome, reader)
            return
        if self._leader is not None:
            self._leader.answered_already()
        if outcome.serve == "stale":
            self._leave_origin(reader)
            self._serve_stored(old, outcome, now)
        elif outcome.serve == "updated" and outcome.store is not None:
            self._leave_origin(reader)
            entry = Entry(outcome.store, self._old)
            if not self.spoiled and not outcome.drop:
                edge.store.put(entry, (use.stored,) if use.stored is not None else ())
            self._serve_stored(entry, outcome, now)
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
        if old is None and any(cut.of == "old" for cut in outcome.body):
            keep = False
        self._store = outcome.store if keep else None
        flow = self._flow = Flow(keep or reader.done, self._hold, self._deserted)
        if data:
            flow.feed(data)
        leader = self._leader
        if not reader.done:
            if keep and outcome.serve == "stored" and leader is not None:
                self._at_end.append((leader, self.use, self._word(outcome)))
            elif leader is not None:
                edge_answers.pass_on(leader, self.use, outcome, response, flow, framing, stored=keep, now=now)
            self._release(now)
            return
        flow.end(passed_trailers(reader.trailers))
        entry = self._keep(outcome, flow)
        waiting = self._over()
        if leader is not None and not leader.gone:
            if entry is not None and outcome.serve == "stored":
                leader.from_store(
                    entry, self.use, now, word=self._word(outcome), asked=(outcome, self._status)
                )
            else:
                edge_answers.pass_on(
                    leader, self.use, outcome, response, flow, framing, stored=entry is not None, now=now
                )
        for exchange in waiting:
            self._let_go(exchange, entry, now)

    def content(self, data: bytes) -> None:
        flow = self._flow
        if flow is None:
            return
        if flow.keep and flow.size + len(data) > self.edge.store.largest:
            self._store = None
            flow.overflow()
            later, self._at_end = self._at_end, []
            for exchange, _, _ in later:
                exchange.look(alone=True)
            if not flow.readers:
                self._cancel()
                return
        flow.feed(data)

    def ended(self, reader: BodyReader) -> None:
        flow, outcome = self._flow, self._outcome
        if flow is None or outcome is None:
            return
        now = self.edge.clock()
        entry = self._keep(outcome, flow)
        later, self._at_end = self._at_end, []
        self._over()
        flow.end(passed_trailers(reader.trailers))
        for exchange, use, word in later:
            if exchange.gone:
                continue
            if entry is not None and word:
                exchange.from_store(entry, use, now, word=word, asked=(outcome, self._status))
            elif entry is not None:
                exchange.from_store(entry, use, now)
            else:
                exchange.look(alone=True)

    def failed(self, failure: OriginFailure) -> None:
        """There is no response, or it broke off."""
        flow = self._flow
        if flow is not None:
            later, self._at_end = self._at_end, []
            self._over()
            flow.fail()
            for exchange, _, _ in later:
                if not exchange.gone:
                    exchange.refuse(502, failure.sentence, Because(failure.code, "RFC 9111 section 3.3"))
            return
        if failure.again and not self._content and self.method in _IDEMPOTENT and not self._sent_again:
            self._sent_again = True
            self._ask(new=True)
            return
        edge = self.edge
        now = edge.clock()
        if self._leader is not None:
            self._leader.answered_already()
        outcome = caching.after_origin(
            edge.profile.rules,
            self.request,
            self.use,
            Failure(failure.code, failure.sentence),
            self._asked_at,
            now,
        )
        self._status = 0
        if outcome.serve == "stale":
            self._serve_stored(edge.store.entry_of(self.use.stored), outcome, now)
            return
        leader = self._leader
        for exchange in (leader, *self._over()):
            if exchange is not None and not exchange.gone:
                exchange.refuse(failure.status, failure.sentence, outcome.because)

    # What is kept, and for whom.

    def _word(self, outcome: Outcome) -> str:
        return cf_cache_status(self.edge.profile.rules, self.use, outcome)

    def _again(self, outcome: Outcome, reader: BodyReader) -> None:
        """The answer cannot be used: ask once more, with the client's own fields (RFC 9111 section 4.3.4)."""
        self._leave_origin(reader)
        leader = self._leader
        if self._asked_again or self._content:
            for exchange in (leader, *self._over()):
                if exchange is not None and not exchange.gone:
                    exchange.refuse(502, "The origin's answer fits nothing that was asked.", outcome.because)
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

    def _serve_stored(self, entry: Entry | None, outcome: Outcome, now: float) -> None:
        """A stored response to all who wait: freshened by a 304, or stale because the origin fails."""
        leader, word = self._leader, self._word(outcome)
        waiting = self._over()
        for exchange in (leader, *waiting):
            if exchange is None or exchange.gone:
                continue
            if entry is None:
                exchange.refuse(502, "The origin fails, and what was stored is gone.", outcome.because)
            elif exchange is leader or outcome.serve == "stale":
                exchange.collapsed = exchange is not leader
                exchange.from_store(entry, self.use, now, word=word, asked=(outcome, self._status))
            else:
                self._let_go(exchange, entry, now)

    def _let_go(self, exchange: Exchange, entry: Entry | None, now: float) -> None:
        """Who waited gets what came, if it may; else it asks for itself."""
        if exchange.gone:
            return
        if entry is not None:
            use = caching.decide(self.edge.profile.rules, exchange.request, (entry.stored,), now)
            if use.kind == "fresh":
                exchange.collapsed = True
                exchange.from_store(entry, use, now)
                return
        exchange.look(alone=True)

    def _release(self, now: float) -> None:
        """The head is here and the content is not: who may wait for the end, and who goes on alone?"""
        waiting, self._waiting = self._waiting, []
        if self._store is None:
            self._unshare()
        for exchange in waiting:
            if exchange.gone:
                continue
            if self._store is not None:
                use = caching.decide(self.edge.profile.rules, exchange.request, (self._store,), now)
                if use.kind == "fresh":
                    exchange.collapsed = True
                    self._at_end.append((exchange, use, ""))
                    continue
            exchange.look(alone=True)

    def left(self, exchange: Exchange) -> None:
        """A client that is gone. The origin is asked on only for what will be kept."""
        if exchange is not self._leader:
            return
        self._leader = None
        if self._content or not (self._waiting or self._at_end or self._shared or self._store is not None):
            self._cancel()

    def _unshare(self) -> None:
        if self._shared and self.edge.fetches.get(self.request.url) is self:
            del self.edge.fetches[self.request.url]
        self._shared = False

    def _over(self) -> list[Exchange]:
        """Nothing more comes of it. Returns who still waits."""
        self._unshare()
        edge = self.edge
        edge.running.discard(self)
        if self.behind:
            edge.refreshed(self)
        waiting, self._waiting = self._waiting, []
        self._leader = None
        self._connection = None
        self._flow = None
        return waiting

    def _hold(self, hold: bool) -> None:
        if self._connection is not None:
            self._connection.hold(hold)

    def _deserted(self) -> None:
        """Nobody reads any more; what will be stored is fetched to its end."""
        if self._flow is not None and not self._flow.keep and not self._at_end:
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
