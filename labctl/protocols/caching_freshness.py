"""How long a response is fresh, and how old it is (RFC 9111 section 4.2, RFC 5861, RFC 9213)."""

from __future__ import annotations

from labctl.protocols.caching_browser import kept_for_good, not_guessed, with_pragma
from labctl.protocols.caching_directives import LONGEST, Chosen, choose, delta_seconds
from labctl.protocols.caching_model import Because, CacheResponse, CacheRules, Lifetime, Stored
from labctl.protocols.http_dates import parse_http_date
from labctl.protocols.remembering import remembered

# Statuses that may be kept without the origin's word (RFC 9110 section 15.1).
HEURISTIC_STATUSES = frozenset({200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501})
# The usual part of the time since Last-Modified (RFC 9111 section 4.2.2).
HEURISTIC_PART = 0.1


def age_value(text: str | None) -> int:
    """Seconds in an Age field: the first of a list counts, what is no number counts as 0 (section 5.1)."""
    if text is None:
        return 0
    return delta_seconds(text.split(",", 1)[0].strip(" \t")) or 0


def date_value(response: CacheResponse, response_time: float) -> float:
    """When the origin says that it made the response; when we got it if it says nothing readable."""
    text = response.get("date")
    parsed = parse_http_date(text) if text is not None else None
    return response_time if parsed is None else parsed


def initial_age(response: CacheResponse, request_time: float, response_time: float) -> float:
    """The corrected initial age of RFC 9111 section 4.2.3, seconds."""
    return initial_age_of(
        date_value(response, response_time), response.get("age"), request_time, response_time
    )


def initial_age_of(date: float, age: str | None, request_time: float, response_time: float) -> float:
    """The same, for a response with this date and Age."""
    # Date has whole seconds, cut off: so is the time that it is compared with, or each response would come aged.
    apparent = response_time // 1.0 - date
    corrected = response_time - request_time if response_time > request_time else 0.0
    if age is not None:
        corrected += age_value(age)
    return apparent if apparent > corrected else corrected


def current_age(stored: Stored, now: float) -> float:
    """Seconds since the response was made (RFC 9111 section 4.2.3); never negative."""
    age = now - stored.born_at
    return age if age > 0.0 else 0.0


def lifetime(rules: CacheRules, response: CacheResponse, response_time: float) -> Lifetime:
    """How long `response` stays fresh for a cache with these rules, and what is allowed afterwards."""
    if rules.name == "cloudflare":
        from labctl.protocols.caching_cloudflare import edge_lifetime

        return edge_lifetime(rules, response, response_time)
    chosen = choose(rules.targeted, response.named)
    if not rules.shared:
        found = (
            explicit_lifetime(False, chosen, response, response_time)
            or kept_for_good(response)
            or _heuristic(chosen, response, response_time, browser=True)
        )
        return with_pragma(response, with_windows(False, chosen, Lifetime(*found)))
    if chosen.field == "cache-control":
        known = in_cache_control(response.named["cache-control"])
        if known is not None:
            return known
    explicit = explicit_lifetime(True, chosen, response, response_time)
    return with_windows(True, chosen, Lifetime(*(explicit or _heuristic(chosen, response, response_time))))


@remembered
def in_cache_control(text: str) -> Lifetime | None:
    """The lifetime for a shared cache, if Cache-Control alone decides about it."""
    chosen = choose((), {"cache-control": text})
    if "max-age" not in chosen.directives and "s-maxage" not in chosen.directives:
        return None
    explicit = explicit_lifetime(True, chosen, CacheResponse(200), 0.0)
    return None if explicit is None else with_windows(True, chosen, Lifetime(*explicit))


def explicit_lifetime(
    shared: bool, chosen: Chosen, response: CacheResponse, response_time: float
) -> tuple[float, Because, bool] | None:
    """What the origin says: s-maxage (shared caches), max-age, or Expires; None if it says nothing."""
    directives = chosen.directives
    section = {"s-maxage": "5.2.2.10", "max-age": "5.2.2.1"}
    for name in ("s-maxage", "max-age") if shared else ("max-age",):
        if name not in directives:
            continue
        rule = "RFC 9213 section 2.2" if chosen.targeted else f"RFC 9111 section {section[name]}"
        value = directives[name]
        seconds = delta_seconds(value)
        if seconds is None:
            words = f"{name} is no number of seconds, so it counts as stale"
            return 0.0, Because(words, "RFC 9111 section 4.2.1", name), False
        written = f"{name}={seconds}"
        if chosen.targeted:
            return float(seconds), Because(f"{chosen.field}: {written}", rule, written), False
        wins = name == "s-maxage" and "max-age" in directives
        return float(seconds), Because(f"{written} wins here" if wins else written, rule, written), False
    if "expires" in response.named and not chosen.targeted:
        rule = "RFC 9111 section 5.3"
        expires = parse_http_date(response.named["expires"])
        if expires is None:
            return 0.0, Because("Expires is no date, so it counts as past", rule, "expires"), False
        left = min(max(0.0, expires - date_value(response, response_time)), float(LONGEST))
        if left == 0.0:
            return 0.0, Because("Expires is not after Date", rule, "expires"), False
        return left, Because(f"Expires is {left:.0f} s after Date", rule, "expires"), False
    return None


def _heuristic(
    chosen: Chosen, response: CacheResponse, response_time: float, *, browser: bool = False
) -> tuple[float, Because, bool]:
    rule = "RFC 9111 section 4.2.2"
    refused = not_guessed(chosen, response) if browser else None
    if refused is not None:
        return 0.0, refused, False
    if response.status not in HEURISTIC_STATUSES and "public" not in chosen.directives:
        return 0.0, Because(f"no lifetime is given, and a {response.status} has no default one", rule), False
    text = response.get("last-modified")
    modified = parse_http_date(text) if text is not None else None
    if modified is None:
        return 0.0, Because("nothing says how long it is fresh", rule), False
    unchanged = date_value(response, response_time) - modified
    if unchanged <= 0.0:
        return 0.0, Because("Last-Modified is not before Date", rule, "last-modified"), False
    seconds = min(float(int(unchanged * HEURISTIC_PART)), float(LONGEST))
    words = f"10% of the {unchanged:.0f} s since Last-Modified"
    return seconds, Because(words, rule, "last-modified"), True


def with_windows(shared: bool, chosen: Chosen, base: Lifetime) -> Lifetime:
    """`base` with what the directives allow and forbid after the lifetime, and before it (no-cache)."""
    directives = chosen.directives
    never = None
    if "must-revalidate" in directives:
        never = Because("must-revalidate", "RFC 9111 section 5.2.2.2", "must-revalidate")
    elif shared and "proxy-revalidate" in directives:
        never = Because("proxy-revalidate", "RFC 9111 section 5.2.2.8", "proxy-revalidate")
    elif shared and "s-maxage" in directives:
        never = Because("s-maxage forbids stale answers", "RFC 9111 section 5.2.2.10", "s-maxage")
    always = None
    if "no-cache" in directives and not _lists_names(directives["no-cache"]):
        always = Because("no-cache: ask before each use", "RFC 9111 section 5.2.2.4", "no-cache")
        never = never or always
    return Lifetime(
        base.seconds,
        base.because,
        base.heuristic,
        revalidate_window=float(delta_seconds(directives.get("stale-while-revalidate")) or 0),
        error_window=float(delta_seconds(directives.get("stale-if-error")) or 0),
        never_stale=never,
        always_validate=always,
    )


def _lists_names(value: str | None) -> bool:
    return value is not None and value[:1] not in ("", " ", "\t")
