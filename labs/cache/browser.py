"""A browser's cache of our own: the rules of a private cache, a store, and somebody who asks.

It decides by `labctl.protocols.caching` and fetches over the real web of this internet. What it kept, it keeps for
one run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from labctl.protocols import caching
from labctl.protocols.caching_freshness import age_value
from labctl.protocols.caching_model import Because, CacheRequest, CacheResponse, Cut, Failure, Stored, Use
from labctl.protocols.http1_fields import Fields, get, without
from labctl.protocols.url import Url

if TYPE_CHECKING:
    from labctl.fetch.exchange import Answer

# What an image or a stylesheet is asked for with.
ACCEPTS: Fields = (("Accept-Encoding", "gzip, br"),)
NEVER_FRESH = float("-inf")


class Asked(NamedTuple):
    """What came over the network, and when it was asked for and came (POSIX seconds); None: no answer."""

    answer: Answer | None
    asked_at: float
    came_at: float
    detail: str = ""
    # "name" when the host has no address: then there is nobody to ask.
    failure: str = ""


Ask = Callable[[Url, str, Fields], Asked]


class Copy(NamedTuple):
    """A stored response, its body, and when it arrived."""

    stored: Stored
    body: bytes
    arrived_at: float


class Load(NamedTuple):
    """One use of a URL. `word` is the browser's own (HIT, MISS, STALE, EXPIRED, BYPASS); `over` what the network said.

    `status`, `fields` and `body` are what the page got; `age` how old that was, in seconds. `behind` is the request
    that was made after the page had its answer. `kept`: the browser has a copy now.
    """

    url: Url
    at: float
    word: str
    status: int
    fields: Fields
    body: bytes
    age: float
    because: Because
    over: Asked | None = None
    behind: Asked | None = None
    kept: bool = True

    @property
    def asked_network(self) -> bool:
        """Whether the page had to wait for somebody else."""
        return self.over is not None


class Browser:
    """One person's browser. `date` gives POSIX seconds; `habits` are those of a fault."""

    def __init__(self, ask: Ask, date: Callable[[], float], habits: frozenset[str] = frozenset()) -> None:
        self._ask = ask
        self._date = date
        self._habits = habits
        self._copies: dict[str, list[Copy]] = {}

    def load(self, url: Url, *, reload: bool = False, fields: Fields = ACCEPTS) -> Load:
        """Use a URL, as a page does. `reload`: the person asks for it to be checked (F5, in a browser that does)."""
        now = self._date()
        request = CacheRequest("GET", _key(url), fields)
        kept = self._copies.get(_key(url), [])
        if reload and not self._skips_reload(kept, now):
            request = CacheRequest("GET", _key(url), (*fields, ("Cache-Control", "max-age=0")))
        use = caching.decide(caching.BROWSER, request, [copy.stored for copy in kept], now)
        copy = next((c for c in kept if c.stored is use.stored), None)
        if copy is not None and use.kind in ("fresh", "stale"):
            return self._from_store(url, now, "HIT" if use.kind == "fresh" else "STALE", use, copy)
        if copy is not None and use.kind == "stale-refresh-behind":
            shown = self._from_store(url, now, "STALE", use, copy)
            behind, _ = self._fetch(url, request, use, copy)
            return shown._replace(behind=behind)
        return self._over_network(url, now, request, use, copy)

    def copies(self, url: Url) -> list[Copy]:
        """What is stored for this URL."""
        return list(self._copies.get(_key(url), []))

    def forget(self) -> None:
        """Empty the cache."""
        self._copies.clear()

    def _skips_reload(self, kept: list[Copy], now: float) -> bool:
        """A fresh copy that says immutable is not asked about on a reload (RFC 8246 section 2)."""
        if "browser-ignores-immutable" in self._habits:
            return False
        return any(
            "immutable" in caching.parse_cache_control(copy.stored.named.get("cache-control", ""))
            and now < copy.stored.fresh_until
            for copy in kept
        )

    def _from_store(self, url: Url, now: float, word: str, use: Use, copy: Copy) -> Load:
        stored = copy.stored
        return Load(
            url,
            now,
            word,
            stored.status,
            stored.fields,
            copy.body,
            max(0.0, now - stored.born_at),
            use.because,
        )

    def _over_network(self, url: Url, now: float, request: CacheRequest, use: Use, copy: Copy | None) -> Load:
        asked, served = self._fetch(url, request, use, copy)
        word = "EXPIRED" if copy is not None else "MISS"
        answer = asked.answer
        if served is not None:
            stored = served.stored
            age = max(0.0, asked.came_at - stored.born_at)
            return Load(url, now, word, stored.status, stored.fields, served.body, age, use.because, asked)
        if answer is None or not answer.status:
            nothing = Because(asked.detail or "no answer came", "RFC 9110 section 15.6")
            return Load(url, now, word, 0, (), b"", 0.0, nothing, asked)
        age = float(age_value(get(answer.fields, "Age")))
        kept = bool(self.copies(url))
        return Load(
            url, now, word, answer.status, answer.fields, answer.body, age, use.because, asked, kept=kept
        )

    def _fetch(
        self, url: Url, request: CacheRequest, use: Use, copy: Copy | None
    ) -> tuple[Asked, Copy | None]:
        """Ask, with conditions when there is something to compare, and keep what may be kept. The copy to use."""
        withheld = use.withheld
        kept_fields = tuple(pair for pair in request.fields if pair[0].lower() not in withheld)
        asked = self._ask(url, "GET", (*kept_fields, *use.conditions))
        answer: CacheResponse | Failure
        if asked.answer is None or asked.answer.failure:
            answer = Failure(asked.answer.failure if asked.answer is not None else "no-answer", asked.detail)
            body = b""
        else:
            body = asked.answer.body
            fields = self._as_read(asked.answer.fields)
            answer = CacheResponse(
                asked.answer.status, fields, len(body), asked.answer.reason, asked.answer.complete
            )
        outcome = caching.after_origin(caching.BROWSER, request, use, answer, asked.asked_at, asked.came_at)
        if outcome.serve == "again":
            # The 304 was about something else: once more, without conditions.
            plain = Use("forward", None, use.because, forwarded="uri-miss")
            return self._fetch(url, request, plain, None)
        if outcome.serve == "stale":
            return asked, copy
        stored = outcome.store
        if stored is None:
            return asked, None
        if copy is not None and outcome.body == (Cut("old"),):
            body = copy.body
        fresh = Copy(caching.with_body(stored, len(body)), body, asked.came_at)
        if "browser-cache-off" not in self._habits:
            self._keep(url, fresh, outcome.drop)
        return asked, fresh if outcome.serve in ("updated", "stored") else None

    def _as_read(self, fields: Fields) -> Fields:
        """The response's fields as this browser reads them: with a fault, not as they are."""
        if "browser-counts-from-arrival" in self._habits:
            fields = without(fields, "Age", "Date")
        if "browser-keeps-no-store" in self._habits and "no-store" in (get(fields, "Cache-Control") or ""):
            fields = (*without(fields, "Cache-Control"), ("Cache-Control", "max-age=60"))
        return fields

    def _keep(self, url: Url, copy: Copy, drop: tuple[Stored, ...]) -> None:
        stored = copy.stored
        if "browser-never-guesses" in self._habits and stored.lifetime.heuristic:
            copy = copy._replace(
                stored=replace(
                    stored, fresh_until=NEVER_FRESH, lifetime=stored.lifetime._replace(seconds=0.0)
                )
            )
        if "browser-forgets" in self._habits:
            # A cache with room for one response.
            self._copies.clear()
        gone = {id(old) for old in drop}
        before = self._copies.get(_key(url), [])
        others = [
            c for c in before if id(c.stored) not in gone and not caching.same_variant(c.stored, stored)
        ]
        self._copies[_key(url)] = [*others, copy]


def _key(url: Url) -> str:
    return url._replace(fragment="").text
