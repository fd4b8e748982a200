"""What becomes of the origin's answer to a question of the edge: who gets it, and what is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.protocols import caching
from labctl.protocols.caching_invalidation import SAFE_METHODS
from labctl.protocols.caching_model import Because, CacheResponse, Failure, Outcome, Use
from labctl.protocols.caching_words import cf_cache_status
from labctl.protocols.http1 import BodyReader, Framing, ResponseHead
from labctl.sandbox import edge_answers
from labctl.sandbox.edge_audience import Told
from labctl.sandbox.edge_flow import Flow
from labctl.sandbox.edge_forwarding import as_it_came, as_read, end_to_end, passed_trailers
from labctl.sandbox.edge_listener import OriginFailure
from labctl.sandbox.edge_question import Question
from labctl.sandbox.edge_store import Entry, is_joined, put_together

if TYPE_CHECKING:
    from labctl.sandbox.edge import Edge
    from labctl.sandbox.edge_exchange import Exchange

# Methods that may be sent again when nobody knows whether they were seen (RFC 9110 section 9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})


class Fetch(Question):
    """A question and its answer. The origin's connection calls `answered` first, then `content` and `ended`."""

    __slots__ = ("_old", "_outcome", "_passed", "_status")

    def __init__(self, edge: Edge, exchange: Exchange, use: Use, *, behind: bool = False) -> None:
        super().__init__(edge, exchange, use, behind=behind)
        self._outcome: Outcome | None = None
        self._passed: tuple[CacheResponse, Framing] | None = None
        # The content of the response that was stored, and the origin's status.
        self._old = b""
        self._status = 0

    def answered(
        self, head: ResponseHead, named: dict[str, str], framing: Framing, data: bytes, reader: BodyReader
    ) -> None:
        """The head is here, with as much content as came with it."""
        edge, use = self.edge, self.use
        now = edge.clock()
        length = len(data) if reader.done else framing.length
        fields = end_to_end(head.fields, named)
        response = as_read(edge.profile, head, fields, named, length, now)
        outcome = caching.after_origin(edge.profile.rules, self.request, use, response, self._asked_at, now)
        self._status = head.status
        if self.request.method not in SAFE_METHODS:
            for url in caching.invalidates(self.request, response):
                edge.invalidate(url)
                self.spoiled = False
        if use.stored is None and outcome.serve == "origin" and reader.done and not reader.trailers:
            came = as_it_came(head, fields) if response.fields is fields else b""
            self._pass_whole(outcome, response, framing, data, now, came)
            return
        old = edge.store.entry_of(use.stored)
        self._old = old.body if old is not None else b""
        if outcome.drop:
            edge.store.drop(self.request.url, outcome.drop)
        uses_old = is_joined(outcome)
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

    def _pass_whole(
        self,
        outcome: Outcome,
        response: CacheResponse,
        framing: Framing,
        body: bytes,
        now: float,
        came: bytes,
    ) -> None:
        """What most misses come to: the response is here, and has nothing to do with one that was stored."""
        entry = None
        if outcome.store is not None and not self.spoiled and len(body) <= self.edge.store.largest:
            entry = Entry(outcome.store, body)
            if not self.edge.store.put(entry):
                entry = None
        audience = self._over()
        leader = audience.leader
        if leader is not None and not leader.gone:
            leader.answered_already()
            edge_answers.pass_whole(
                leader,
                self.use,
                outcome,
                response,
                body,
                framing,
                stored=entry is not None,
                now=now,
                came=came,
            )
        if audience.waiting:
            audience.all_is_here(entry, self._told(outcome), now)

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
        if old is None and is_joined(outcome):
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
            if is_joined(outcome) and self.use.stored is not None:
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
        body = put_together(outcome, self._old, flow.whole)
        if store.body_length != len(body):
            store = caching.with_body(store, len(body))
        entry = Entry(store, body)
        replaced = (self.use.stored,) if self.use.stored is not None and self.use.kind != "forward" else ()
        return entry if self.edge.store.put(entry, replaced) else None
