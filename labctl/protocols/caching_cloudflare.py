"""Cloudflare's documented default behaviour: what is eligible, for how long, and what makes a BYPASS.

The rules are those of the vendor's pages (facts/network.md 3a.1 to 3a.4), for a zone without Cache Rules and with
Origin Cache Control. The pages contradict each other about `no-cache` and `max-age=0`: here Cache-Control with
one of them gives BYPASS, as cache-responses says, and a targeted field gives MISS and then REVALIDATED, as the
vendor's staff says. The rule of each decision names the page.
"""

from __future__ import annotations

from labctl.protocols.caching_directives import NONE, Chosen, choose, field_names
from labctl.protocols.caching_freshness import explicit_lifetime, in_cache_control, with_windows
from labctl.protocols.caching_model import (
    Because,
    CacheRequest,
    CacheResponse,
    CacheRules,
    Decision,
    Lifetime,
    Use,
)
from labctl.protocols.remembering import remembered

# The 56 file extensions that are cached by default; never the media type (default-cache-behavior).
_EXTENSIONS = """
    7z avi avif apk bin bmp bz2 class css csv doc docx dmg ejs eot eps exe flac gif gz ico iso jar jpg jpeg js mid
    midi mkv mp3 mp4 ogg otf pdf pict pls png ppt pptx ps rar svg svgz swf tar tif tiff ttf webm webp woff woff2
    xls xlsx zip zst
"""
EXTENSIONS = frozenset(_EXTENSIONS.split())
# Status: seconds at the edge when the origin says nothing (edge-ttl).
EDGE_TTL = {200: 7200, 206: 7200, 301: 7200, 302: 1200, 303: 1200, 404: 180, 410: 180}
BYPASS = "cf-docs cache-responses#bypass"
DYNAMIC = "cf-docs default-cache-behavior"
_OCC = "cf-docs origin-cache-control"
_OPENS = ("public", "must-revalidate", "s-maxage")


@remembered
def eligibility(url: str) -> Decision:
    """Is a URL cached by default? Its extension decides, in any case."""
    path = url.partition("?")[0].partition("#")[0]
    path = path.partition("://")[2] or path
    name = path.partition("/")[2].rpartition("/")[2]
    if name.lower() == "robots.txt" and path.count("/") == 1:
        return Decision(True, Because("robots.txt is cached by default", DYNAMIC))
    dot, extension = name.rpartition(".")[1:]
    if not dot:
        return Decision(False, Because("no file extension, so it is not cached by default", DYNAMIC))
    if extension.lower() in EXTENSIONS:
        return Decision(True, Because(f".{extension.lower()} is cached by default", DYNAMIC))
    words = f".{extension[:20]} is not among the extensions that are cached by default"
    return Decision(False, Because(words, DYNAMIC))


def not_at_edge(request: CacheRequest) -> Use | None:
    """The way past the cache for a request that is not eligible (CF-Cache-Status DYNAMIC), else None."""
    if request.method not in ("GET", "HEAD"):
        because = Because(f"only GET is cached, not {request.method}", DYNAMIC)
        return Use("bypass", None, because, forwarded="method")
    eligible = eligibility(request.url)
    return None if eligible.yes else Use("bypass", None, eligible.because, forwarded="bypass")


def directives_at_edge(rules: CacheRules, response: CacheResponse) -> Chosen:
    """The directives that count: Cloudflare-CDN-Cache-Control, CDN-Cache-Control, Cache-Control, in this order.

    With Surrogate-Control Cache-Control does not count.
    """
    chosen = choose(rules.targeted, response.named)
    if not chosen.targeted and "surrogate-control" in response.named:
        return Chosen(NONE, "", chosen.ignored)
    return chosen


def may_store_at_edge(rules: CacheRules, request: CacheRequest, response: CacheResponse) -> Decision:
    """May the edge keep it? The order is: eligible at all, then what makes a BYPASS, then the edge TTL."""
    from labctl.protocols.caching_storing import refused_outright

    if (past := not_at_edge(request)) is not None:
        return Decision(False, past.because)
    chosen = directives_at_edge(rules, response)
    if "vary" in response.named and "*" in response.named["vary"]:
        return Decision(False, Because("Vary: *", BYPASS, "vary"))
    refused = refused_outright(rules, request, response, chosen)
    if refused is not None:
        return Decision(False, refused)
    bypass = _bypassed(request, response, chosen)
    if bypass is not None:
        return Decision(False, bypass)
    lasts = edge_lifetime(rules, response, 0.0)
    if lasts.seconds <= 0.0 and lasts.always_validate is None and not chosen.targeted:
        return Decision(False, lasts.because)
    return Decision(True, eligibility(request.url).because)


def _bypassed(request: CacheRequest, response: CacheResponse, chosen: Chosen) -> Because | None:
    directives = chosen.directives
    where = chosen.field or "cache-control"
    if "no-store" in directives:
        return Because(f"{where}: no-store", BYPASS, "no-store")
    if "private" in directives and not field_names(directives["private"]):
        return Because(f"{where}: private", BYPASS, "private")
    if "set-cookie" in response.named:
        return Because("Set-Cookie, so it is one person's answer", BYPASS, "set-cookie")
    if "authorization" in request.named and not any(name in directives for name in _OPENS):
        return Because(
            "the request has Authorization, and nothing makes the answer public", BYPASS, "authorization"
        )
    if chosen.targeted:
        return None
    known = in_cache_control(response.named["cache-control"]) if chosen.field else None
    if known is not None and known.seconds > 0.0 and "no-cache" not in directives:
        return None
    if "no-cache" in directives and not field_names(directives["no-cache"]):
        return Because("no-cache (the OCC page would keep it and ask each time)", BYPASS, "no-cache")
    explicit = explicit_lifetime(True, chosen, response, 0.0)
    if explicit is not None and explicit[0] <= 0.0:
        words = f"{explicit[1].words} (the OCC page would keep it and ask each time)"
        return Because(words, BYPASS, explicit[1].directive)
    return None


@remembered
def _in_cache_control(text: str) -> Lifetime | None:
    found = in_cache_control(text)
    return None if found is None else found._replace(because=found.because._replace(rule=_OCC))


def edge_lifetime(rules: CacheRules, response: CacheResponse, response_time: float) -> Lifetime:
    """The edge TTL: what the origin says, else the table by status."""
    chosen = directives_at_edge(rules, response)
    known = _in_cache_control(response.named["cache-control"]) if chosen.field == "cache-control" else None
    if known is not None:
        return known
    explicit = explicit_lifetime(True, chosen, response, response_time)
    if explicit is not None:
        seconds, because, _ = explicit
        because = because._replace(rule="cf-docs cdn-cache-control" if chosen.targeted else _OCC)
        return with_windows(True, chosen, Lifetime(seconds, because))
    seconds = float(EDGE_TTL.get(response.status, 0))
    if seconds:
        words = (
            f"nothing says how long, and the edge keeps a {response.status} for {seconds / 60:.0f} minutes"
        )
    else:
        words = f"nothing says how long, and the edge does not keep a {response.status} by itself"
    return with_windows(True, chosen, Lifetime(seconds, Because(words, "cf-docs edge-ttl"), True))
