"""What a successful change makes invalid (RFC 9111 section 4.4)."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from labctl.protocols.caching_model import CacheRequest, CacheResponse

# Registered as safe (RFC 9110 section 9.2.1 and the method registry). An unknown method may change anything.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY", "PRI"})


def invalidates(request: CacheRequest, response: CacheResponse) -> tuple[str, ...]:
    """The URLs whose stored responses must go: the target, and Location and Content-Location of one origin.

    () for a safe method, and for an answer that is neither 2xx nor 3xx.
    """
    if request.method in SAFE_METHODS or not 200 <= response.status < 400:
        return ()
    urls = [request.url]
    for name in ("location", "content-location"):
        value = response.get(name)
        if value is None:
            continue
        try:
            url = urljoin(request.url, value)
            same = _origin(url) == _origin(request.url)
        except ValueError:
            continue
        if same:
            urls.append(url.partition("#")[0])
    return tuple(dict.fromkeys(urls))


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or ""), parts.port or default
