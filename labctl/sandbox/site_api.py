"""An API that echoes what it got, counts, sets cookies, and takes its time where it is asked to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from labctl.protocols import http1
from labctl.sandbox.site import Piece, SiteAnswer, SiteRequest, text

if TYPE_CHECKING:
    from labctl.sandbox.web import Web

_LONGEST_WAIT_MS, _MOST_PIECES, _ECHOED = 60_000, 1000, 4096
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, QUERY"


def api(request: SiteRequest, web: Web) -> SiteAnswer:
    """Paths: /wait/MS, /drip/N/MS, /counter, /cookies/set?NAME=VALUE, /cookies, /status/CODE, /gzip; else an echo."""
    parts = request.path.strip("/").split("/")
    numbers = [int(part) for part in parts[1:] if part.isascii() and part.isdigit() and len(part) < 7]
    if parts[0] == "wait" and len(numbers) == 1:
        return _json({"waited_ms": numbers[0]})._replace(wait_s=min(numbers[0], _LONGEST_WAIT_MS) / 1000)
    if parts[0] == "drip" and len(numbers) == 2:
        return _drip(*numbers)
    if parts[0] == "status" and len(numbers) == 1 and 200 <= numbers[0] <= 599:
        return text(numbers[0], f"You asked for {numbers[0]}.")
    if parts[0] == "refuse":
        return text(403, "This content is not wanted.")
    if parts[0] == "counter":
        if request.method == "POST":
            web.counters[request.host] += 1
        return _json({"count": web.counters[request.host]})
    if parts[0] == "cookies":
        return _cookies(request, parts)
    return _method(request)


def _method(request: SiteRequest) -> SiteAnswer:
    if request.method == "OPTIONS":
        return SiteAnswer(204, (("Allow", _METHODS),))
    if request.method not in _METHODS.split(", "):
        status = 405 if request.method in ("TRACE", "CONNECT") else 501
        return text(status, "This method is not served here.", ("Allow", _METHODS))
    return _json(
        {
            "method": request.method,
            "target": request.target,
            "scheme": request.scheme,
            "host": request.host,
            "version": request.version,
            "fields": [list(pair) for pair in request.fields],
            "combined": {name.lower(): http1.get(request.fields, name) for name, _ in request.fields},
            "body": request.body[:_ECHOED].decode("utf-8", "replace"),
            "body_bytes": len(request.body),
        }
    )


def _drip(count: int, wait_ms: int) -> SiteAnswer:
    """`count` pieces of 10 bytes, each `wait_ms` after the one before; the first comes at once."""
    count, wait_s = min(count, _MOST_PIECES), min(wait_ms, _LONGEST_WAIT_MS) / 1000
    pieces = tuple(Piece(wait_s if place else 0.0, b"drip %04d\n" % place) for place in range(count))
    return SiteAnswer(200, (("Content-Type", "text/plain"), ("Cache-Control", "no-store")), pieces)


def _cookies(request: SiteRequest, parts: list[str]) -> SiteAnswer:
    if parts[1:] == ["set"]:
        lines = tuple(
            ("Set-Cookie", f"{name}={value}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax")
            for name, value in parse_qsl(request.query)
            if name.isalnum() and value.isalnum() and (name + value).isascii()
        )
        return SiteAnswer(204, (*lines, ("Cache-Control", "no-store")))
    sent = http1.get(request.fields, "Cookie") or ""
    pairs = [item.strip().partition("=") for item in sent.replace(",", ";").split(";") if item.strip()]
    return _json({"cookies": {name: value for name, _, value in pairs}})


def _json(value: Any) -> SiteAnswer:
    fields = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return SiteAnswer(200, fields, json.dumps(value).encode() + b"\n")
