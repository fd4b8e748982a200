"""Who gets the answer of one question to the origin: who asked first, who waits for it, and who waits for its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from labctl.protocols import caching
from labctl.protocols.caching_model import Because, CacheRules, Outcome, Stored, Use
from labctl.sandbox.edge_store import Entry

if TYPE_CHECKING:
    from labctl.sandbox.edge_exchange import Exchange


class Told(NamedTuple):
    """What came of asking: the outcome, the origin's status (0: it gave no answer), and the word for it."""

    outcome: Outcome
    status: int
    word: str


class Audience:
    """The `leader` is whose request was forwarded (None: nobody waits for it, or the client is gone)."""

    __slots__ = ("_at_end", "_waiting", "leader", "rules")

    def __init__(self, rules: CacheRules, leader: Exchange | None) -> None:
        self.rules = rules
        self.leader = leader
        self._waiting: list[Exchange] = []
        self._at_end: list[tuple[Exchange, Use]] = []

    @property
    def waiting(self) -> int:
        """How many wait besides the leader."""
        return len(self._waiting) + len(self._at_end)

    def wait(self, exchange: Exchange) -> None:
        """One more."""
        self._waiting.append(exchange)

    def wait_for_the_end(self, use: Use) -> None:
        """The leader gets what will have been stored."""
        if self.leader is not None:
            self._at_end.append((self.leader, use))

    def head_is_here(self, store: Stored | None, now: float) -> None:
        """Its content is not: who may have it waits for the end, who may not goes on alone."""
        waiting, self._waiting = self._waiting, []
        for exchange in waiting:
            use = self._may_have(exchange, store, now)
            if use is None:
                self._alone(exchange)
            else:
                self._at_end.append((exchange, use))

    def all_is_here(self, entry: Entry | None, told: Told, now: float) -> None:
        """Answer those who waited for the end, and those who still wait."""
        later, self._at_end = self._at_end, []
        for exchange, use in later:
            if exchange.gone:
                continue
            if entry is None:
                self._alone(exchange)
            elif exchange is self.leader:
                exchange.from_store(entry, use, now, word=told.word, asked=(told.outcome, told.status))
            else:
                exchange.collapsed = True
                exchange.from_store(entry, use, now)
        waiting, self._waiting = self._waiting, []
        for exchange in waiting:
            use_now = self._may_have(exchange, entry.stored if entry is not None else None, now)
            if use_now is None or entry is None:
                self._alone(exchange)
            else:
                exchange.collapsed = True
                exchange.from_store(entry, use_now, now)

    def none_will_be_kept(self) -> list[Exchange]:
        """It is too big to be stored: those who waited for the end. Who is not the leader goes on alone."""
        later, self._at_end = self._at_end, []
        for exchange, _ in later:
            if exchange is not self.leader:
                self._alone(exchange)
        return [exchange for exchange, _ in later if exchange is self.leader and not exchange.gone]

    def serve(self, entry: Entry | None, use: Use, told: Told, now: float) -> None:
        """A stored response for all: freshened by a 304, or stale because the origin fails."""
        leader = self.leader
        if leader is not None and not leader.gone:
            if entry is None:
                leader.refuse(502, "The origin fails, and what was stored is gone.", told.outcome.because)
            else:
                leader.from_store(entry, use, now, word=told.word, asked=(told.outcome, told.status))
        if told.outcome.serve != "stale" or entry is None:
            self.all_is_here(entry, told, now)
            return
        waiting, self._waiting = self._waiting, []
        for exchange in waiting:
            if not exchange.gone and caching.fits(entry.stored, exchange.request):
                exchange.collapsed = True
                exchange.from_store(entry, use, now, word=told.word, asked=(told.outcome, told.status))
            else:
                self._alone(exchange)

    def refuse(self, status: int, sentence: str, because: Because) -> None:
        """There is nothing for anybody."""
        waiting, self._waiting = self._waiting, []
        for exchange in (self.leader, *waiting):
            if exchange is not None and not exchange.gone:
                exchange.refuse(status, sentence, because)

    def broken_off(self, sentence: str, because: Because) -> None:
        """The content broke off: there is nothing for those who wait for its end."""
        later, self._at_end = self._at_end, []
        for exchange, _ in later:
            if not exchange.gone:
                exchange.refuse(502, sentence, because)

    def _may_have(self, exchange: Exchange, stored: Stored | None, now: float) -> Use | None:
        """One answer may serve several requests if it may be reused for each (RFC 9111 section 4)."""
        if stored is None or exchange.gone:
            return None
        use = caching.decide(self.rules, exchange.request, (stored,), now)
        return use if use.kind == "fresh" else None

    def _alone(self, exchange: Exchange) -> None:
        if not exchange.gone:
            exchange.look(alone=True)
