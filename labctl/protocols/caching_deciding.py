"""What a cache does with a request: answer, ask whether it may, or pass it on (RFC 9111 section 4).

The first lines of `decide` are the path of a hit and stay short: no parsing, no dates, a few lookups. All that
depends on the stored response alone was worked out when it was stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from labctl.protocols.caching_directives import Directives, delta_seconds, parse_cache_control
from labctl.protocols.caching_keys import fitting
from labctl.protocols.caching_model import Because, CacheRequest, CacheRules, Forwarded, Stored, Use
from labctl.protocols.caching_ranges import asked_span, held, if_range_holds
from labctl.protocols.caching_validators import CONDITIONS, conditions_for, is_strong
from labctl.protocols.http1_fields import Fields

_SAFE = frozenset({"GET", "HEAD"})
_NONE: frozenset[str] = frozenset()
_OWN_VALIDATION = CONDITIONS | {"range"}
_MISS = Because("nothing is stored for this URL", "RFC 9111 section 4")
_VARY_MISS = Because("what is stored was made for other request fields", "RFC 9111 section 4.1", "vary")
_ORIGIN_ONLY = Because(
    "If-Match and If-Unmodified-Since are for the origin", "RFC 9111 section 4.3.2", "if-match"
)
_NOTHING_TO_COMPARE = "nothing to compare with: no ETag, no Last-Modified"


def decide(rules: CacheRules, request: CacheRequest, candidates: Sequence[Stored], now: float) -> Use:
    """Choose among the responses stored for `request.url` (any variants), at the time `now`."""
    if rules.name == "cloudflare":
        from labctl.protocols.caching_cloudflare import not_at_edge

        bypass = not_at_edge(request)
        if bypass is not None:
            return bypass
    named = request.named
    if request.method not in _SAFE:
        words = f"{request.method} is always for the origin"
        return Use("bypass", None, Because(words, "RFC 9111 section 4"), forwarded="method")
    if not candidates:
        return _miss(rules, request, _MISS, "uri-miss")
    if len(candidates) == 1 and not candidates[0].selecting:
        stored = candidates[0]
    else:
        found = fitting(candidates, request)
        if not found:
            return _miss(rules, request, _VARY_MISS, "vary-miss")
        stored = found[0]
    if "if-match" in named or "if-unmodified-since" in named:
        return Use("forward", None, _ORIGIN_ONLY, forwarded="request")
    if stored.part is not None or "range" in named:
        beside = _out_of_range(rules, request, stored)
        if beside is not None:
            return beside
    age = now - stored.born_at
    if rules.heeds_requests and "cache-control" in named:
        return _decide_as_asked(rules, request, stored, age, parse_cache_control(named["cache-control"]))
    if now < stored.fresh_until:
        plain = (
            request.method == "GET"
            and "if-none-match" not in named
            and "if-modified-since" not in named
            and "range" not in named
        )
        return Use("fresh", stored, stored.lifetime.because, age if age > 0.0 else 0.0, plain)
    return _decide_stale(rules, request, stored, max(0.0, age))


def _decide_as_asked(
    rules: CacheRules, request: CacheRequest, stored: Stored, age: float, asked: Directives
) -> Use:
    """The directives of the request (RFC 9111 section 5.2.1) go first."""
    age = max(0.0, age)
    lasts = stored.lifetime
    demand = _demand(asked, lasts.seconds - age, age)
    is_fresh = age < lasts.seconds and lasts.always_validate is None
    if demand is None and is_fresh:
        return Use("fresh", stored, lasts.because, age, _is_plain(request))
    if demand is None and "max-stale" in asked and lasts.never_stale is None:
        limit = delta_seconds(asked["max-stale"]) if asked["max-stale"] is not None else None
        if asked["max-stale"] is None or (limit is not None and age - lasts.seconds <= limit):
            because = Because("the request allows max-stale", "RFC 9111 section 5.2.1.2", "max-stale")
            return Use("stale", stored, because, age, _is_plain(request))
    if demand is None:
        use = _decide_stale(rules, request, stored, age)
        if "only-if-cached" in asked and use.kind != "stale-refresh-behind":
            return _only_if_cached(stored, age)
        return use
    if "only-if-cached" in asked:
        return _only_if_cached(stored, age)
    return _ask(rules, request, stored, age, demand, "request" if is_fresh else "stale")


def _demand(asked: Directives, left: float, age: float) -> Because | None:
    """Why the request does not take this one without asking, None if it does."""
    if "no-cache" in asked:
        return Because("the request says no-cache", "RFC 9111 section 5.2.1.4", "no-cache")
    limit = delta_seconds(asked.get("max-age"))
    if limit is not None and age >= limit and "max-stale" not in asked:
        return Because(f"the request says max-age={limit}", "RFC 9111 section 5.2.1.1", "max-age")
    wanted = delta_seconds(asked.get("min-fresh"))
    if wanted is not None and left < wanted:
        return Because(f"the request says min-fresh={wanted}", "RFC 9111 section 5.2.1.3", "min-fresh")
    return None


def _decide_stale(rules: CacheRules, request: CacheRequest, stored: Stored, age: float) -> Use:
    lasts = stored.lifetime
    if lasts.always_validate is not None:
        return _ask(rules, request, stored, age, lasts.always_validate, "stale")
    over = age - lasts.seconds
    if over < lasts.revalidate_window and lasts.never_stale is None:
        because = Because(
            f"stale-while-revalidate={lasts.revalidate_window:.0f}",
            "RFC 5861 section 3",
            "stale-while-revalidate",
        )
        # What is refreshed is the whole response, also when the client only wants its head.
        method = "GET" if request.method == "HEAD" else ""
        conditions, plain = conditions_for(stored), _is_plain(request)
        return Use(
            "stale-refresh-behind", stored, because, age, plain, "stale", conditions, _OWN_VALIDATION, method
        )
    because = lasts.because
    if lasts.seconds > 0.0:
        because = because._replace(words=f"{because.words}, and it is {age:.0f} s old")
    return _ask(rules, request, stored, age, because, "stale")


def _ask(
    rules: CacheRules,
    request: CacheRequest,
    stored: Stored,
    age: float,
    because: Because,
    forwarded: Forwarded,
) -> Use:
    """Ask the origin about a stored response: with its validators, or for a new one if it has none."""
    method = ""
    if request.method == "HEAD":
        if rules.name != "cloudflare":
            # The answer to HEAD updates what is stored (RFC 9111 section 4.3.5), a 304 would say less.
            return Use("forward", stored, because, age, forwarded=forwarded)
        method = "GET"
    conditions: Fields = conditions_for(stored)
    if not conditions:
        because = because._replace(words=f"{because.words}; {_NOTHING_TO_COMPARE}")
        withheld = _withheld(rules)
        return Use("forward", stored, because, age, forwarded=forwarded, withheld=withheld, method=method)
    withheld = _OWN_VALIDATION if stored.part is None else CONDITIONS
    return Use("validate", stored, because, age, False, forwarded, conditions, withheld, method)


def _miss(rules: CacheRules, request: CacheRequest, because: Because, forwarded: Forwarded) -> Use:
    if rules.heeds_requests and "cache-control" in request.named:
        asked = parse_cache_control(request.named["cache-control"])
        if "only-if-cached" in asked:
            return _only_if_cached(None, 0.0)
    method = "GET" if request.method == "HEAD" and rules.name == "cloudflare" else ""
    return _missed(because, forwarded, _withheld(rules), method)


@lru_cache(maxsize=32)
def _missed(because: Because, forwarded: Forwarded, withheld: frozenset[str], method: str) -> Use:
    return Use("forward", None, because, forwarded=forwarded, withheld=withheld, method=method)


def _withheld(rules: CacheRules) -> frozenset[str]:
    # Cloudflare fills its cache with a whole response (cf-docs default-cache-behavior).
    return CONDITIONS if rules.name == "cloudflare" else _NONE


def _only_if_cached(stored: Stored | None, age: float) -> Use:
    because = Because("the request says only-if-cached", "RFC 9111 section 5.2.1.7", "only-if-cached")
    return Use("only-if-cached-miss", stored, because, age)


def _is_plain(request: CacheRequest) -> bool:
    named = request.named
    conditional = "if-none-match" in named or "if-modified-since" in named or "range" in named
    return request.method == "GET" and not conditional


def _out_of_range(rules: CacheRules, request: CacheRequest, stored: Stored) -> Use | None:
    """The way to the origin when the stored bytes do not hold what is asked for; None when they do."""
    part = stored.part
    rule = "RFC 9111 section 3.4"
    value = request.get("range") if request.method == "GET" else None
    if part is None:
        return None
    if request.method == "HEAD":
        return Use("forward", stored, Because("only a part is stored", rule), forwarded="partial")
    if value is None or not if_range_holds(request, stored):
        because = Because(f"only bytes {part.first} to {part.last} are stored", rule, "content-range")
        rest = _rest_of(stored) if value is None else ()
        withheld = _OWN_VALIDATION if rest else frozenset()
        return Use("forward", stored, because, forwarded="partial", conditions=rest, withheld=withheld)
    if value == stored.range_asked:
        return None
    span = asked_span(value, part.complete_length)
    if span is None or isinstance(span, str) or not (part.first <= span.first and span.last <= part.last):
        because = Because("the stored bytes do not cover the range", rule, "range")
        return Use("forward", stored, because, forwarded="partial")
    if span.first - part.first >= stored.body_length:
        return Use(
            "forward", stored, Because("the stored bytes end earlier", rule, "range"), forwarded="partial"
        )
    return None


def _rest_of(stored: Stored) -> Fields:
    """Range and If-Range for the bytes behind the stored ones; () when they could not be joined."""
    part = held(stored)
    if part.first != 0 or not is_strong(stored.etag) or stored.body_length != part.last + 1:
        return ()
    return (("Range", f"bytes={stored.body_length}-"), ("If-Range", stored.etag or ""))
