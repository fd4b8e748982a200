"""Why a response is not cached, and what its sender would change so that it is."""

from __future__ import annotations

from typing import NamedTuple

from labctl.protocols.caching_cloudflare import DYNAMIC, not_at_edge
from labctl.protocols.caching_directives import choose
from labctl.protocols.caching_freshness import lifetime
from labctl.protocols.caching_model import Because, CacheRequest, CacheResponse, CacheRules
from labctl.protocols.caching_storing import may_store


class Advice(NamedTuple):
    """One thing to change, as a sentence; `header` is the line to send, "" when it is no line."""

    words: str
    header: str = ""


# directive or field that stands in the way: what to do about it
_INSTEAD = {
    "no-store": Advice(
        "If everybody may see it, say for how long instead of no-store.",
        "Cache-Control: public, max-age=3600",
    ),
    "private": Advice(
        "If it is the same for everybody, say public instead of private; else only browsers may keep it.",
        "Cache-Control: public, max-age=3600",
    ),
    "no-cache": Advice(
        "no-cache means: ask before each use. Give it a time if it may be used without asking.",
        "Cache-Control: max-age=3600",
    ),
    "set-cookie": Advice(
        "Do not set a cookie on an answer that many people may share; set it on the page that needs it."
    ),
    "authorization": Advice(
        "If the answer is the same for everybody, say public; else a shared cache must not keep it.",
        "Cache-Control: public, max-age=3600",
    ),
    "vary": Advice("Name the request fields that matter instead of *.", "Vary: Accept-Encoding"),
    "max-age": Advice(
        "Send max-age as a whole number of seconds, more than 0.", "Cache-Control: max-age=3600"
    ),
    "s-maxage": Advice(
        "Send s-maxage as a whole number of seconds, more than 0.", "Cache-Control: s-maxage=3600"
    ),
    "expires": Advice("Send max-age instead of Expires: it needs no clock.", "Cache-Control: max-age=3600"),
    "must-understand": Advice("Leave must-understand and no-store out for a status that caches do not know."),
}


def why_not_cached(
    rules: CacheRules, request: CacheRequest, response: CacheResponse, now: float
) -> Because | None:
    """Why a second request would not be answered out of the store; None if it would."""
    allowed = may_store(rules, request, response)
    if not allowed.yes:
        return allowed.because
    lasts = lifetime(rules, response, now)
    if lasts.always_validate is not None:
        return lasts.always_validate
    return lasts.because if lasts.seconds <= 0.0 else None


def what_to_change(
    rules: CacheRules, request: CacheRequest, response: CacheResponse, now: float
) -> tuple[Advice, ...]:
    """What to send instead, the most important first; () when there is nothing to gain."""
    found: list[Advice] = []
    because = why_not_cached(rules, request, response, now)
    if because is not None:
        found.append(_instead(rules, request, because))
    chosen = choose(rules.targeted, response.named)
    for field, why in chosen.ignored:
        found.append(
            Advice(f"{field} does not count, {why}. Send a structured field.", f"{field}: max-age=3600")
        )
    directives = chosen.directives
    lasts = lifetime(rules, response, now)
    if because is None and lasts.heuristic:
        found.append(
            Advice(
                "Say yourself how long it is fresh, now each cache guesses.", "Cache-Control: max-age=3600"
            )
        )
    if lasts.revalidate_window and lasts.never_stale is not None and because is None:
        name = lasts.never_stale.directive
        words = f"{name} overrules stale-while-revalidate in a shared cache; leave one of them out."
        found.append(Advice(words if rules.shared else words.replace(" in a shared cache", "")))
    lacks = response.get("etag") is None and response.get("last-modified") is None
    if lacks and (because is None or "no-cache" in directives):
        found.append(
            Advice("Send an ETag, so that asking again costs a 304 and no body.", 'ETag: "v1"'),
        )
    return tuple(found)


def _instead(rules: CacheRules, request: CacheRequest, because: Because) -> Advice:
    if because.rule == DYNAMIC and rules.name == "cloudflare" and not_at_edge(request) is not None:
        if request.method not in ("GET", "HEAD"):
            return Advice(f"Only GET is cached. Serve what may be shared by GET, not by {request.method}.")
        return Advice("Make a Cache Rule for this URL (Eligible for cache); headers alone do not help here.")
    name = because.directive.partition("=")[0]
    if name in _INSTEAD:
        return _INSTEAD[name]
    if request.method not in ("GET", "HEAD"):
        return Advice(
            f"Caches answer GET and HEAD. Serve what may be shared by GET, not by {request.method}."
        )
    return Advice("Say how long it is fresh.", "Cache-Control: max-age=3600")
