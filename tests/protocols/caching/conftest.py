"""A cache of a few lines around the core: it keeps bodies, moves a clock, and notes what the origin was asked."""

from __future__ import annotations

import pytest
from cache_asking import URL, Seen, StandingClock

from labctl.protocols import caching
from labctl.protocols.caching import CacheRequest, CacheResponse, CacheRules, Failure


class SmallCache(StandingClock):
    """One cache, one clock. The origin of each request is given with it."""

    def __init__(self, rules: CacheRules) -> None:
        super().__init__()
        self.rules = rules
        self.kept: dict[str, list[tuple[caching.Stored, bytes]]] = {}
        self.background: list[dict[str, str]] = []

    def ask(
        self,
        *fields: tuple[str, str],
        method: str = "GET",
        url: str = URL,
        status: int = 200,
        answers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"0123456789",
        down: bool = False,
        delay: float = 0.0,
        not_modified: bool = True,
        again: CacheResponse | None = None,
    ) -> Seen:
        """One request. The origin answers `status` and `answers`; 304 to a condition when `not_modified`."""
        request = CacheRequest(method, url, fields)
        variants = self.kept.get(url, [])
        use = caching.decide(self.rules, request, [stored for stored, _ in variants], self.now)
        if use.kind == "only-if-cached-miss":
            return Seen(504, {}, b"", "MISS", None, use.because)
        sent = [
            pair
            for pair in fields
            if pair[0].lower() not in use.withheld and pair[0] not in caching.HOP_BY_HOP
        ]
        asked = {name.lower(): value for name, value in (*sent, *use.conditions)}
        asked[":method"] = use.method or method
        old = next((kept for stored, kept in variants if stored is use.stored), b"")
        served = None
        if use.kind in ("fresh", "stale", "stale-refresh-behind"):
            assert use.stored is not None
            served = self._reply(use.stored, old, request, use, None, None)
            if use.kind != "stale-refresh-behind":
                return served
            self.background.append(asked)
        asked_at = self.now
        self.now += delay
        answer: CacheResponse | Failure
        if down:
            answer = Failure("refused")
        elif (
            any(name in ("If-None-Match", "If-Modified-Since") for name, _ in use.conditions) and not_modified
        ):
            answer = CacheResponse(304, answers)
        else:
            answer = CacheResponse(status, answers, len(body))
        outcome = caching.after_origin(self.rules, request, use, answer, asked_at, self.now)
        if outcome.serve == "again":
            assert again is not None
            answer, body = again, body
            use = use._replace(kind="forward", conditions=(), withheld=frozenset(), stored=None)
            outcome = caching.after_origin(self.rules, request, use, answer, asked_at, self.now)
        new_body = b"".join((old if cut.of == "old" else body)[cut.start : cut.stop] for cut in outcome.body)
        store = outcome.store
        if isinstance(answer, CacheResponse):
            for gone in caching.invalidates(request, answer):
                self.kept.pop(gone, None)
        variants = [pair for pair in self.kept.get(url, []) if pair[0] not in outcome.drop]
        if store is not None:
            store = caching.with_body(store, len(new_body))
            variants = [pair for pair in variants if not caching.same_variant(pair[0], store)]
            variants.append((store, new_body))
        self.kept[url] = variants
        if served is not None:
            return served
        if outcome.serve in ("stored", "updated"):
            assert store is not None
            return self._reply(store, new_body, request, use, outcome, asked)
        if outcome.serve == "stale":
            assert use.stored is not None
            return self._reply(use.stored, old, request, use, outcome, asked)
        word = caching.cf_cache_status(self.rules, use, outcome)
        if outcome.serve == "error":
            return Seen(504, {}, b"", word, asked, outcome.because)
        assert isinstance(answer, CacheResponse)
        return Seen(answer.status, answer.named, body, word, asked, outcome.because)

    def _reply(
        self,
        stored: caching.Stored,
        body: bytes,
        request: CacheRequest,
        use: caching.Use,
        outcome: caching.Outcome | None,
        asked: dict[str, str] | None,
    ) -> Seen:
        reply = caching.reply_from(stored, request, self.now)
        word = caching.cf_cache_status(self.rules, use, outcome)
        named = CacheResponse(reply.status, reply.fields).named
        because = use.because if outcome is None else outcome.because
        return Seen(reply.status, named, body[reply.start : reply.stop], word, asked, because)


@pytest.fixture
def shared() -> SmallCache:
    """A shared cache to the letter of RFC 9111."""
    return SmallCache(caching.RFC9111_SHARED)


@pytest.fixture
def browser() -> SmallCache:
    """A browser's cache."""
    return SmallCache(caching.BROWSER)


@pytest.fixture
def cloudflare() -> SmallCache:
    """Cloudflare's documented default."""
    return SmallCache(caching.CLOUDFLARE)
