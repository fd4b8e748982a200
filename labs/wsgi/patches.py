"""What a fault changes in a real server, in the server's own process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def _gunicorn_trusts_headers() -> None:
    import re

    wsgi: Any = import_module("gunicorn.http.wsgi")
    wsgi.HEADER_VALUE_RE = re.compile(r"(?s).*")


def _gunicorn_sends_everything() -> None:
    wsgi = import_module("gunicorn.http.wsgi")

    def write(self: Any, data: bytes) -> None:
        self.send_headers()
        self.sent += len(data)
        self.sock.sendall(data)

    wsgi.Response.write = write


def _gunicorn_replaces_nobody() -> None:
    arbiter: Any = import_module("gunicorn.arbiter").Arbiter
    spawn = arbiter.spawn_workers
    born: list[bool] = []

    def once(self: Any) -> None:
        if not born:
            born.append(True)
            spawn(self)

    arbiter.spawn_workers = once


def _decodes_no_path() -> None:
    """In the two servers that do not tell the path as it was: ours and wsgiref."""
    ours: Any = import_module("labctl.protocols.wsgi_environ")
    ours.unquote_to_bytes = lambda path: path.encode("latin-1")
    handler: Any = import_module("wsgiref.simple_server").WSGIRequestHandler
    made = handler.get_environ

    def get_environ(self: Any) -> dict[str, Any]:
        return {**made(self), "PATH_INFO": self.path.partition("?")[0]}

    handler.get_environ = get_environ


PATCHES: Mapping[str, Callable[[], None]] = {
    "gunicorn-trusts-headers": _gunicorn_trusts_headers,
    "gunicorn-sends-everything": _gunicorn_sends_everything,
    "gunicorn-replaces-nobody": _gunicorn_replaces_nobody,
    "server-keeps-escapes": _decodes_no_path,
}
