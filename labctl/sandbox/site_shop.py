"""The shop: the origin behind the edges, whose answers carry every manner of caching, framing and redirecting."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from labctl.protocols import http1
from labctl.protocols.http1 import Fields
from labctl.protocols.http1_fields import is_token
from labctl.sandbox.site import Piece, SiteAnswer, SiteRequest, text
from labctl.sandbox.site_content import content, not_modified
from labctl.sandbox.site_release import UNDER as RELEASES
from labctl.sandbox.site_release import released, releases

if TYPE_CHECKING:
    from labctl.sandbox.web import Web

DAY = 86_400.0
_HTML, _CSS, _SVG = "text/html; charset=utf-8", "text/css", "image/svg+xml"
_MOST = 64 << 20
DOWNLOAD = b"".join(b"%07d\n" % line for line in range(12_800))  # 102400 bytes

_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>The shop</title>
<link rel="stylesheet" href="/style.css">
<script src="/app.3f9a1c.js" defer></script>
</head>
<body>
<h1><img src="/logo.svg" alt="" width="32" height="32"> The shop</h1>
<p>Everything that a small internet needs.</p>
<p><a href="/news.html">News</a> <a href="/download.bin">A download</a></p>
</body>
</html>
"""
_STYLE = (
    b"body { font: 16px/1.5 sans-serif; margin: 2rem auto; max-width: 40rem; color: #222 }\n"
    b"h1 { font-size: 1.6rem }\na { color: #0b62a4 }\n"
    + b"".join(b".p%d { order: %d }\n" % (n, n) for n in range(60))
)
_LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    b'<circle cx="16" cy="16" r="14" fill="#0b62a4"/></svg>\n'
)
_SCRIPT = b'document.documentElement.dataset.ready = "yes";\n'
_NEWS = b"<!doctype html><title>News</title><h1>News</h1><p>There is a new cache in town.</p>\n"
_PRODUCTS = b'{"products": ["mug", "pen", "lamp"]}\n'

# path: media type, content, Cache-Control ("" for none), days since it was changed (0: nobody says), compressed
FILES: Mapping[str, tuple[str, bytes, str, float, bool]] = MappingProxyType(
    {
        "/": (_HTML, _PAGE, "", 0.0, True),
        "/style.css": (_CSS, _STYLE, "max-age=60", 4.0, True),
        "/logo.svg": (
            _SVG,
            _LOGO,
            "public, max-age=60, s-maxage=600, stale-while-revalidate=30",
            30.0,
            False,
        ),
        "/app.3f9a1c.js": ("text/javascript", _SCRIPT, "public, max-age=31536000, immutable", 4.0, False),
        "/news.html": (_HTML, _NEWS, "no-cache", 1.0, False),
        "/download.bin": ("application/octet-stream", DOWNLOAD, "max-age=3600", 10.0, False),
        "/heuristic.txt": ("text/plain; charset=utf-8", b"Nobody said how long.\n", "", 10.0, False),
        "/no-store.css": (_CSS, _STYLE, "no-store", 0.0, False),
        "/private.css": (_CSS, _STYLE, "private, max-age=60", 0.0, False),
        "/cookie.css": (_CSS, _STYLE, "max-age=60", 0.0, False),
        "/api/products": ("application/json", _PRODUCTS, "public, max-age=3600", 0.0, False),
        "/stale.css": (_CSS, _STYLE, "max-age=10, stale-while-revalidate=30, stale-if-error=120", 4.0, False),
    }
)
# Fields that are the server's own, and characters that no field value may contain.
_FRAMING = {"content-length", "transfer-encoding", "connection", "trailer"}
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MORE: Mapping[str, Fields] = MappingProxyType(
    {"/cookie.css": (("Set-Cookie", "visitor=7; Path=/; HttpOnly; SameSite=Lax"),)}
)


def shop(request: SiteRequest, web: Web) -> SiteAnswer:
    """The origin of www.shop.test. Its paths are the keys of FILES, of PLACES and the beginnings in UNDER."""
    path = request.path
    if releases(web).down:
        return SiteAnswer(503, framing="raw", reset=True)
    if "origin-compares-nothing" in web.town.web:
        conditional = ("If-None-Match", "If-Modified-Since", "If-Range")
        request = request._replace(fields=http1.without(request.fields, *conditional))
    if path in FILES:
        kind, data, cache_control, days, compressed = FILES[path]
        more = ((("Cache-Control", cache_control),) if cache_control else ()) + _MORE.get(path, ())
        modified = web.born - days * DAY if days else 0.0
        return content(request, kind, data, *more, modified=modified, compressed=compressed)
    if path in PLACES:
        return PLACES[path](request, web)
    for beginning, answer in UNDER.items():
        if path.startswith(beginning):
            return answer(request, web)
    return text(404, "There is nothing at this address.")


def apex(request: SiteRequest, web: Web) -> SiteAnswer:
    """The bare domain: to https first, where HSTS is said (RFC 6797 section 7), then to www."""
    if request.scheme == "http":
        return _to(301, f"https://{request.host}{request.target}")
    answer = _to(301, f"https://www.{request.host}{request.target}")
    return answer._replace(fields=(*answer.fields, ("Strict-Transport-Security", "max-age=31536000")))


def _to(status: int, location: str) -> SiteAnswer:
    if any(ord(letter) < 0x21 or ord(letter) > 0x7E for letter in location):
        return text(400, "This is no address to be sent to.")
    return text(status, f"It is at {location} .", ("Location", location))


def _cart(request: SiteRequest, web: Web) -> SiteAnswer:
    fields = (
        ("Content-Type", "application/json"),
        ("Cache-Control", "private, no-store"),
        ("Set-Cookie", "cart=c0ffee; Path=/; Secure; HttpOnly; SameSite=Lax"),
    )
    return SiteAnswer(200, fields, b'{"items": [], "total_cents": 0}\n')


def _hello(request: SiteRequest, web: Web) -> SiteAnswer:
    """A greeting in the language that comes first in Accept-Language."""
    wanted = (http1.get(request.fields, "Accept-Language") or "").strip().lower()[:2]
    word = {"de": "Hallo", "fr": "Bonjour"}.get(wanted, "Hello")
    more = (("Cache-Control", "max-age=60"), ("Vary", "Accept-Language"))
    return content(request, "text/javascript; charset=utf-8", f"greet('{word}')\n".encode(), *more)


def _chunked(request: SiteRequest, web: Web) -> SiteAnswer:
    pieces = tuple(Piece(0.0, f"This is chunk {number}.\n".encode()) for number in (1, 2, 3))
    return SiteAnswer(200, (("Content-Type", "text/plain; charset=utf-8"),), pieces)


def _trailers(request: SiteRequest, web: Web) -> SiteAnswer:
    fields = (("Content-Type", "text/plain; charset=utf-8"), ("Trailer", "Server-Timing"))
    body = (Piece(0.0, b"What was measured comes behind this.\n"),)
    return SiteAnswer(200, fields, body, trailers=(("Server-Timing", "total;dur=1.5"),))


def _early(request: SiteRequest, web: Web) -> SiteAnswer:
    hints = ((103, (("Link", "</style.css>; rel=preload; as=style"),)),)
    # The page takes a moment to make; the hints do not.
    return SiteAnswer(200, (("Content-Type", _HTML),), _PAGE, interim=hints, wait_s=0.03)


def _redirect(request: SiteRequest, web: Web) -> SiteAnswer:
    code = request.path.removeprefix("/redirect/")
    if code not in ("300", "301", "302", "303", "307", "308"):
        return text(404, "The codes are 300, 301, 302, 303, 307 and 308.")
    return _to(int(code), dict(parse_qsl(request.query)).get("to", "/"))


def _size(request: SiteRequest, web: Web) -> SiteAnswer:
    size = request.path.removeprefix("/size/")
    if not (size.isascii() and size.isdigit() and len(size) < 10 and int(size) <= _MOST):
        return text(404, f"Ask for a number of bytes up to {_MOST}.")
    data = (DOWNLOAD * (int(size) // len(DOWNLOAD) + 1))[: int(size)]
    return content(request, "application/octet-stream", data, tagged=False)


def _asked_for(request: SiteRequest, web: Web) -> SiteAnswer:
    """Exactly the fields of the query string, for property tests: `cc` is Cache-Control, `status` and `body` are that.

    With an ETag or Last-Modified among them, conditions are honoured.
    """
    status, body, fields = 200, b"asked for\n", []
    for name, value in parse_qsl(request.query, keep_blank_values=True, encoding="latin-1"):
        if name == "status":
            three = value.isascii() and value.isdigit() and len(value) == 3
            status = int(value) if three and value >= "200" else 200
        elif name == "body":
            body = value.encode("latin-1", "replace")
        else:
            fields.append(("Cache-Control" if name == "cc" else name, value.strip(" \t")))
    held = {name.lower(): value for name, value in fields}
    if held.keys() & _FRAMING or not all(map(is_token, held)) or _CONTROLS.search("".join(held.values())):
        return text(400, "These cannot be the fields of a response.")
    if status == 200 and "etag" in held and not_modified(request.fields, held["etag"], 0.0):
        return SiteAnswer(304, tuple(fields))
    return SiteAnswer(status, tuple(fields), body)


Answer = Callable[[SiteRequest, "Web"], SiteAnswer]

PLACES: Mapping[str, Answer] = MappingProxyType(
    {
        "/api/cart": _cart,
        "/hello.js": _hello,
        "/chunked": _chunked,
        "/trailers": _trailers,
        "/early": _early,
        "/cache": _asked_for,
        "/cache.css": _asked_for,
        "/gone": lambda request, web: text(410, "This was here once, and will not come back."),
        "/loop": lambda request, web: _to(302, "/loop"),
    }
)
UNDER: Mapping[str, Answer] = MappingProxyType({"/redirect/": _redirect, "/size/": _size, RELEASES: released})
