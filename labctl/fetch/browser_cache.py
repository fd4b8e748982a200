"""A browser's cache in front of a `visit.Visitor`: the rules are those of `protocols.caching`, kept in memory."""

from __future__ import annotations

from labctl.fetch.exchange import NO_FRAMING, Answer, Request, Times
from labctl.fetch.legs import Looked
from labctl.protocols.caching import (
    BROWSER,
    CacheRequest,
    CacheResponse,
    CacheRules,
    Stored,
    Use,
    after_origin,
    decide,
    invalidates,
    reply_from,
    same_variant,
    with_body,
)

# Bytes of content that are kept in all; the oldest go first.
_MOST = 50_000_000
_FROM_THE_STORE = frozenset({"fresh", "stale", "stale-refresh-behind"})
_Copy = tuple[Stored, bytes]


class PrivateCache:
    """What one person's browser keeps. For one request at a time: `look`, and `took` when it had to be asked.

    A copy that may be used while it is refreshed behind the scenes is used, and not refreshed.
    """

    def __init__(self, rules: CacheRules = BROWSER) -> None:
        self._rules = rules
        self._copies: dict[str, list[_Copy]] = {}
        # What the last `look` was about, without the conditions that it added.
        self._looked: tuple[CacheRequest, Use] | None = None

    def look(self, request: Request, now: float) -> Looked:
        """An answer out of the store, or the conditions with which to ask (RFC 9111 section 4.3.1)."""
        asked = _asked(request)
        copies = self._copies.get(asked.url, [])
        use = decide(self._rules, asked, [stored for stored, _ in copies], now)
        self._looked = asked, use
        if use.kind in _FROM_THE_STORE and use.stored is not None:
            body = next(body for stored, body in copies if stored is use.stored)
            return Looked(_answer(use.stored, body, asked, now))
        return Looked(None, use.conditions)

    def took(self, request: Request, answer: Answer, asked_at: float, now: float) -> Answer:
        """Keep what may be kept of this answer, and give what the page gets: after a 304 the freshened copy."""
        looked, self._looked = self._looked, None
        if looked is None or not answer.status:
            return answer
        asked, use = looked
        response = CacheResponse(
            answer.status, answer.fields, answer.body_bytes, answer.reason, answer.complete
        )
        for url in invalidates(asked, response):
            self._copies.pop(url, None)
        outcome = after_origin(self._rules, asked, use, response, asked_at, now)
        copies = self._copies.get(asked.url, [])
        before = next((body for stored, body in copies if stored is use.stored), b"")
        kept = [copy for copy in copies if copy[0] not in outcome.drop]
        whole = answer.complete and len(answer.body) == answer.body_bytes
        if outcome.store is not None and whole:
            parts = {"old": before, "new": answer.body}
            body = b"".join(parts[cut.of][cut.start : cut.stop] for cut in outcome.body)
            new = with_body(outcome.store, len(body))
            kept = [copy for copy in kept if not same_variant(copy[0], new)] + [(new, body)]
            self._copies[asked.url] = kept
            self._make_room()
            if outcome.serve in ("stored", "updated"):
                return _answer(new, body, asked, now, answer)
        elif kept:
            self._copies[asked.url] = kept
        else:
            self._copies.pop(asked.url, None)
        if outcome.serve == "stale" and use.stored is not None:
            return _answer(use.stored, before, asked, now, answer)
        return answer

    def forget(self) -> None:
        """Start over."""
        self._copies.clear()

    def _make_room(self) -> None:
        while sum(len(body) for copies in self._copies.values() for _, body in copies) > _MOST:
            del self._copies[next(iter(self._copies))]

    def __len__(self) -> int:
        return sum(map(len, self._copies.values()))


def _asked(request: Request) -> CacheRequest:
    url = request.url._replace(fragment="").text
    return CacheRequest(request.method, url, request.fields, bool(request.body))


def _answer(
    stored: Stored, body: bytes, asked: CacheRequest, now: float, asked_for: Answer | None = None
) -> Answer:
    """The stored response as an answer; with `asked_for` (a 304) its times and bytes of the wire."""
    reply = reply_from(stored, asked, now, with_age=False)
    content = body[reply.start : reply.stop]
    if asked_for is not None:
        return asked_for._replace(
            status=reply.status,
            reason=reply.reason,
            fields=reply.fields,
            body=content,
            body_bytes=len(content),
        )
    return Answer(
        reply.status,
        reply.reason,
        "1.1",
        reply.fields,
        content,
        len(content),
        True,
        (),
        (),
        b"",
        NO_FRAMING,
        b"",
        Times(0.0),
    )
