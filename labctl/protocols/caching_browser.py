"""Where RFC 9111 leaves a browser free: what Chromium does (net/http/http_response_headers.cc, read in November 2026).

Everything else in the browser's column is the RFC's private cache. `immutable` changes nothing: Chromium ignores it,
and its reload does not ask about a page's parts anyway.
"""

from __future__ import annotations

from labctl.protocols.caching_directives import LONGEST, Chosen
from labctl.protocols.caching_model import Because, CacheResponse, Lifetime

# The tenth of the time since Last-Modified is for these, and these are kept for good.
_GUESSED = frozenset({200, 203, 206})
_FOR_GOOD = frozenset({300, 301, 308, 410})
_CHROMIUM = "RFC 9111 section 4.2.2, Chromium"


def kept_for_good(response: CacheResponse) -> tuple[float, Because, bool] | None:
    """The lifetime of a permanent redirect without one of its own; None for other statuses."""
    if response.status not in _FOR_GOOD:
        return None
    return (
        float(LONGEST),
        Because(f"a {response.status} without a lifetime is kept for good", _CHROMIUM),
        True,
    )


def not_guessed(chosen: Chosen, response: CacheResponse) -> Because | None:
    """Why no lifetime is guessed from Last-Modified, None if one is."""
    if response.status not in _GUESSED:
        return Because(
            f"nothing says how long it is fresh, and a {response.status} is not guessed about", _CHROMIUM
        )
    if "must-revalidate" in chosen.directives:
        return Because("must-revalidate, and nothing says how long it is fresh", _CHROMIUM, "must-revalidate")
    return None


def with_pragma(response: CacheResponse, lasts: Lifetime) -> Lifetime:
    """Pragma: no-cache in a response counts as Cache-Control: no-cache."""
    value = response.get("pragma")
    if value is None or "no-cache" not in (part.strip().lower() for part in value.split(",")):
        return lasts
    because = Because("Pragma: no-cache, as Chromium reads it", "RFC 9111 section 5.4, Chromium", "pragma")
    return lasts._replace(
        always_validate=lasts.always_validate or because, never_stale=lasts.never_stale or because
    )
