"""The app of the proxy lab: a Flask app that tells what it saw, with each count of ProxyFix. Runs in a child only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from labs.proxy.apps.habits import HABITS

COUNTS = (0, 1, 2, 3)
# Of the environ, what a proxy has to do with.
_TOLD = (
    "REMOTE_ADDR",
    "wsgi.url_scheme",
    "HTTP_HOST",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_SERVER",
    "HTTP_FORWARDED",
    "HTTP_CF_CONNECTING_IP",
)
shop = Flask(__name__)


@shop.route("/", defaults={"path": ""})
@shop.route("/<path:path>")
def seen(path: str) -> dict[str, Any]:
    """What Flask's request says."""
    return {
        "remote_addr": request.remote_addr or "",
        "scheme": request.scheme,
        "host": request.host,
        "url": request.url,
    }


def with_count(count: int) -> Callable[..., Any]:
    """The app with this count for X-Forwarded-For, and one proxy that sets the others."""
    if "app-reads-from-left" in HABITS:
        return _FromTheLeft(shop.wsgi_app, count)
    one = min(count, 1)
    fixed = ProxyFix(shop.wsgi_app, x_for=count, x_proto=one, x_host=one, x_prefix=one)
    return _ReadsForwarded(fixed) if "app-reads-forwarded" in HABITS else fixed


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The WSGI application: the environ as the server made it, and the request as Flask sees it with each count."""
    told = {
        "environ": {name: str(environ[name]) for name in _TOLD if name in environ},
        "counts": [_asked(with_count(count), environ) for count in COUNTS],
    }
    body = json.dumps(told).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _asked(application: Callable[..., Any], environ: dict[str, Any]) -> Any:
    pieces = application(dict(environ), lambda status, headers, exc_info=None: None)
    try:
        return json.loads(b"".join(pieces))
    finally:
        if hasattr(pieces, "close"):
            pieces.close()


class _FromTheLeft:
    """What many snippets do instead of ProxyFix: the first entry of the list is taken for the visitor."""

    def __init__(self, application: Callable[..., Any], count: int) -> None:
        self._application, self._count = application, count

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        entries = [
            each.strip() for each in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if each.strip()
        ]
        if self._count and entries:
            environ["REMOTE_ADDR"] = entries[0]
        return self._application(environ, start_response)


class _ReadsForwarded:
    """A middleware that believes RFC 7239's Forwarded."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        for pair in environ.get("HTTP_FORWARDED", "").split(";"):
            name, _, value = pair.strip().partition("=")
            if name.lower() == "for":
                environ["HTTP_X_FORWARDED_FOR"] = value.strip('"')
                environ["REMOTE_ADDR"] = value.strip('"')
        return self._application(environ, start_response)
