"""One request at the edge and what becomes of it: from the store, from the origin, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from labctl.protocols import caching
from labctl.protocols.cache_status import CacheStatus, of_outcome, seconds_left
from labctl.protocols.caching_model import Because, CacheRequest, Outcome, Use
from labctl.protocols.caching_words import cf_cache_status, sends_age
from labctl.protocols.http1 import Fields, Framing, RequestHead
from labctl.sandbox import edge_answers
from labctl.sandbox.edge_fetch import Fetch
from labctl.sandbox.edge_flow import PIECE_BYTES, Sink, of_bytes
from labctl.sandbox.edge_prepared import MOST_CONTENT, Prepared, may_be_remembered
from labctl.sandbox.edge_profile import PSEUDONYM
from labctl.sandbox.edge_store import Entry, Resource
from labctl.sandbox.edge_target import may_share, target_of

if TYPE_CHECKING:
    from labctl.sandbox.edge import Edge
    from labctl.sandbox.edge_question import Question

_WAITED = Because("another request for the same was under way", "RFC 9111 section 4")


class EdgeDecision(NamedTuple):
    """What was done with one request, and the rule that was followed. `at` in POSIX seconds, `age` in seconds.

    `forwarded` says that the origin was asked for it, now or behind the answer. `status` is the client's.
    """

    at: float
    method: str
    url: str
    word: str
    because: str
    rule: str
    age: float | None
    forwarded: bool
    status: int
    collapsed: bool = False


class Exchange:
    """A request of one client. `begin` once; content with `send`, while `takes_content`."""

    __slots__ = ("_discard", "_fetch", "client", "collapsed", "edge", "framing", "gone", "has_content", "head",
                 "method", "ray", "request", "scheme", "sink", "url")  # fmt: skip

    def __init__(
        self,
        edge: Edge,
        sink: Sink,
        head: RequestHead,
        request: CacheRequest,
        framing: Framing,
        client: str,
        scheme: str,
    ) -> None:
        """`request` is made of the head's fields; its URL is found out here."""
        self.edge = edge
        self.sink = sink
        self.head = head
        self.request = request
        self.framing = framing
        self.client = client
        self.scheme = scheme
        self.ray = edge.profile.ray()
        self.method = head.method
        self.url = ""
        self.has_content = request.has_body
        self.collapsed = False
        self.gone = False
        self._fetch: Question | None = None
        self._discard = False

    def begin(self) -> None:
        """Decide, and answer or ask the origin."""
        head, named = self.head, self.request.named
        self.url, onward, refusal = target_of(head, named, self.scheme, self.edge.origin.name)
        if onward is not head.target:
            self.head = head = head._replace(target=onward)
        if refusal is not None:
            self._discard = True
            self.refuse(*refusal)
            return
        method = self.method
        if method != "GET":
            if method == "PURGE":
                self._discard = True
                edge_answers.purge(self)
                return
            if "max-forwards" in named and method in ("TRACE", "OPTIONS"):
                fields = edge_answers.one_hop_less(self)
                if fields is None:
                    self._discard = True
                    return
                self.head = head._replace(fields=fields, raw=b"")
        self.request.url = self.url
        self.look()

    def look(self, alone: bool = False) -> None:
        """Decide with what is stored now. `alone`: do not wait for another request's answer."""
        edge = self.edge
        now = edge.clock()
        resource = edge.store.find(self.url)
        use = caching.decide(edge.profile.rules, self.request, resource.candidates if resource else (), now)
        kind = use.kind
        if kind in ("fresh", "stale", "stale-refresh-behind"):
            entry = resource.entry_of(use.stored) if resource and use.stored else None
            assert entry is not None
            assert resource is not None
            if use.plain and kind == "fresh" and self._plain_hit(entry, resource, now):
                return
            if self.has_content:
                self._discard = True
            if kind == "stale-refresh-behind":
                edge.refresh_behind(self, use)
            self.from_store(entry, use, now)
            return
        if kind == "only-if-cached-miss":
            self._discard = True
            self.refuse(
                504, "Nothing is stored that may be used, and the request wants nothing else.", use.because
            )
            return
        may_wait = not self.has_content and may_share(self.method, self.request.named, use)
        if may_wait and not alone:
            fetch = edge.fetches.get(self.url)
            if fetch is not None:
                fetch.wait(self)
                self._fetch = fetch
                return
        self._fetch = fetch = Fetch(edge, self, use)
        fetch.start(may_wait)

    # Content of the request.

    @property
    def takes_content(self) -> bool:
        return self._discard or (self._fetch is not None and self._fetch.takes_content)

    def send(self, content: bytes, last: bool, trailers: Fields) -> None:
        """Content of the request, on its way to the origin, or to nowhere when it is answered already."""
        if not self._discard and self._fetch is not None:
            self._fetch.send(content, last, trailers)

    def answered_already(self) -> None:
        """The rest of the content has no use any more."""
        self._discard = True

    def question_over(self, fetch: Question) -> None:
        """A question to the origin has its answer."""
        if self._fetch is fetch:
            self._fetch = None

    def deserted(self) -> None:
        """The client is gone."""
        self.gone = True
        if self._fetch is not None:
            self._fetch.left(self)

    # Answers.

    def from_store(
        self,
        entry: Entry,
        use: Use,
        now: float,
        *,
        word: str = "",
        asked: tuple[Outcome, int] | None = None,
    ) -> None:
        """Answer out of the store. `asked`: after the origin was, with its status (0: it gave no answer)."""
        rules = self.edge.profile.rules
        stored = entry.stored
        word = word or cf_cache_status(rules, use)
        reply = caching.reply_from(stored, self.request, now, with_age=sends_age(rules, word))  # type: ignore[arg-type]
        because, age = use.because, max(0.0, now - stored.born_at)
        if asked is not None:
            because = asked[0].because
            status = of_outcome(
                PSEUDONYM, use, asked[0], answered=asked[1] or None, now=now, collapsed=self.collapsed
            )
        elif self.collapsed:
            because = _WAITED
            status = CacheStatus(
                PSEUDONYM, forwarded="uri-miss", ttl=seconds_left(stored, now), collapsed=True
            )
        else:
            status = CacheStatus(PSEUDONYM, hit=True, ttl=seconds_left(stored, now))
        fields = edge_answers.finished(self, reply.fields, word, edge_answers.cache_status(status))
        body = entry.body
        if reply.stop - reply.start != len(body):
            body = body[reply.start : reply.stop]
        self.decided(
            now, word, because, age, asked is not None or use.kind == "stale-refresh-behind", reply.status
        )
        if len(body) > PIECE_BYTES:
            self.sink.stream(reply.status, reply.reason, fields, of_bytes(body), True)
            return
        self.sink.whole(reply.status, reply.reason, fields, body)

    def _plain_hit(self, entry: Entry, resource: Resource, now: float) -> bool:
        """The answer of most hits, which is there already. False: the usual way."""
        prepared = entry.prepared
        if prepared is None:
            if len(entry.body) > MOST_CONTENT:
                return False
            reply = caching.reply_from(entry.stored, self.request, now)
            prepared = entry.prepared = Prepared(self.edge, entry, reply)
        if len(resource.candidates) == 1 and not entry.stored.selecting:
            self.edge.store.plain[self.url] = prepared
        if not self.sink.ready(prepared):
            return False
        if may_be_remembered(self.head, self.request.named):
            self.edge.store.remember(self.url, self.scheme, self.head.raw, prepared)
        return True

    def refuse(self, status: int, sentence: str, because: Because, word: str = "NONE") -> None:
        """Answer with an error of our own."""
        now = self.edge.clock()
        self.decided(now, word, because, None, False, status)
        edge_answers.refuse(self, status, sentence, because)

    def decided(
        self, now: float, word: str, because: Because, age: float | None, forwarded: bool, status: int
    ) -> None:
        """Write it down."""
        self.edge.decided(
            EdgeDecision(
                now,
                self.method,
                self.url,
                word,
                because.words,
                because.rule,
                age,
                forwarded,
                status,
                self.collapsed,
            )
        )
