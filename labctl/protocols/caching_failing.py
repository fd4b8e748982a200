"""When the origin fails: a stale answer where it is allowed, else an error (RFC 9111 section 4.2.4, RFC 5861)."""

from __future__ import annotations

from labctl.protocols.caching_directives import delta_seconds, parse_cache_control
from labctl.protocols.caching_model import Because, CacheRequest, CacheRules, Failure, Outcome, Stored, Use


def after_failure(
    rules: CacheRules, request: CacheRequest, use: Use, failure: Failure, now: float
) -> Outcome:
    """The origin gave no answer at all: the stale response, or an error that says why not."""
    stored = use.stored
    if stored is None or use.forwarded != "stale" or _wants_validation(rules, request):
        words = f"the origin gave no answer ({failure.code}), and nothing stored helps"
        return Outcome("error", Because(words, "RFC 9110 section 15.6"))
    lasts = stored.lifetime
    if lasts.never_stale is not None:
        words = f"the origin gave no answer ({failure.code}), and {lasts.never_stale.directive} forbids stale"
        return Outcome("error", lasts.never_stale._replace(words=words))
    over = max(0.0, now - stored.born_at) - lasts.seconds
    window, directive = _error_window(rules, request, stored)
    if directive:
        if over < window:
            words = f"the origin gave no answer ({failure.code}), stale-if-error={window:.0f}"
            return Outcome("stale", Because(words, "RFC 5861 section 4", "stale-if-error"))
        words = f"the origin gave no answer ({failure.code}), and stale-if-error={window:.0f} is over"
        return Outcome("error", Because(words, "RFC 5861 section 4", "stale-if-error"))
    if rules.stale_when_disconnected:
        words = f"the origin gave no answer ({failure.code}), and nothing forbids stale"
        return Outcome("stale", Because(words, "RFC 9111 section 4.2.4"))
    return Outcome("error", Because(f"the origin gave no answer ({failure.code})", "RFC 9110 section 15.6"))


def stale_if_error(
    rules: CacheRules, request: CacheRequest, use: Use, stored: Stored, status: int, now: float
) -> Outcome | None:
    """The origin answered with an error: the stale response where stale-if-error allows it, else None."""
    if use.forwarded != "stale" or stored.lifetime.never_stale is not None:
        return None
    if _wants_validation(rules, request):
        return None
    window, directive = _error_window(rules, request, stored)
    over = max(0.0, now - stored.born_at) - stored.lifetime.seconds
    if not directive or over >= window:
        return None
    words = f"the origin answered {status}, stale-if-error={window:.0f}"
    return Outcome("stale", Because(words, "RFC 5861 section 4", "stale-if-error"))


def _wants_validation(rules: CacheRules, request: CacheRequest) -> bool:
    """Did the client say no-cache (RFC 9111 section 5.2.1.4)? Then nothing unvalidated will do."""
    value = request.get("cache-control") if rules.heeds_requests else None
    return value is not None and "no-cache" in parse_cache_control(value)


def _error_window(rules: CacheRules, request: CacheRequest, stored: Stored) -> tuple[float, str]:
    """The seconds of stale-if-error, of the response or the request, and its name; (0, "") without."""
    if not rules.knows_stale_if_error:
        return 0.0, ""
    window = stored.lifetime.error_window
    if rules.heeds_requests and "cache-control" in request.named:
        asked = delta_seconds(parse_cache_control(request.named["cache-control"]).get("stale-if-error"))
        window = max(window, float(asked or 0))
    return (window, "stale-if-error") if window else (0.0, "")
