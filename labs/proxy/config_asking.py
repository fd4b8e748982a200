"""What is asked of a configuration: paths or whole URLs, a host, a method."""

from __future__ import annotations

import re
from collections.abc import Sequence
from shlex import quote
from typing import NamedTuple
from urllib.parse import quote as percent

from labctl.errors import UsageError
from labctl.protocols.proxy_answers import Request

_URL = re.compile(r"(https?)://([^/?#:\s]+|\[[0-9a-f:]+\])(?::(\d{1,5}))?([/?#].*)?", re.IGNORECASE)
_NAME = re.compile(r"[^\s/?#@%\\]{1,255}")
# What stays as it is in a URL.
_SAFE = "/?#[]@!$&'()*+,;=:%-._~"
_METHOD = re.compile(r"[A-Z]{1,20}")


class Asked(NamedTuple):
    """One question. `scheme` and `host` "" and `port` 0 when nothing was said about them."""

    path: str
    host: str = ""
    scheme: str = ""
    port: int = 0
    method: str = "GET"


def read_paths(
    typed: Sequence[str], host: str = "", method: str = "GET", config: str = "FILE"
) -> tuple[Asked, ...]:
    """The questions. Raises UsageError path-invalid, which names `config`."""
    command = f"labctl proxy --config {quote(config)}"
    if not _METHOD.fullmatch(method):
        raise UsageError("path-invalid", f"{method!r} is no method", fixes=(f"{command} --path /",))
    if host and not _NAME.fullmatch(host):
        raise UsageError(
            "path-invalid",
            f"{host[:60]!r} is no host: it is a name like shop.test, and may have a port",
            fixes=(f"{command} --path / --host shop.test",),
        )
    return tuple(_read(each, host, method, command) for each in typed)


def _read(typed: str, host: str, method: str, command: str) -> Asked:
    if any(character in typed for character in " \t\r\n\0"):
        raise UsageError(
            "path-invalid",
            f"{typed!r} has a blank in it; a browser sends %20 instead",
            fixes=(f"{command} --path {quote(_meant(percent(typed.strip(), safe=_SAFE)))}",),
        )
    scheme, name, port, path = "", host, 0, typed
    if found := _URL.fullmatch(typed):
        scheme, name, port, path = found[1].lower(), found[2], int(found[3] or 0), found[4] or "/"
        path = path if path.startswith("/") else f"/{path}"
    elif not typed.startswith("/"):
        raise UsageError(
            "path-invalid",
            f"{typed[:60]!r} is no path: it begins with a slash, or is a whole URL",
            fixes=(f"{command} --path {quote(_meant(typed))}",),
        )
    if not scheme and ":" in name and not name.startswith("["):
        name, _, number = name.partition(":")
        port = int(number) if number.isdigit() else 0
    # What is not ASCII goes over the wire percent-encoded, as a browser does it.
    path = "".join(
        c if c.isascii() else "".join(f"%{byte:02X}" for byte in c.encode("utf-8", "surrogateescape"))
        for c in path
    )
    return Asked(path.partition("#")[0] or "/", name, scheme, port, method)


def _meant(typed: str) -> str:
    """A path or URL that could have been meant."""
    _, mark, rest = typed.partition("://")
    return f"http://{rest.rpartition('@')[2]}"[:60] if mark and rest else f"/{typed.lstrip('/')[:60]}"


def as_request(asked: Asked, usual: tuple[str, str, int]) -> Request:
    """The request of a question; `usual` are scheme, host and port of a visitor about whom nothing is said."""
    scheme, host, port = usual
    if asked.scheme:
        scheme, port = asked.scheme, asked.port or (443 if asked.scheme == "https" else 80)
    elif asked.port:
        port = asked.port
    return Request(asked.path, asked.host or host, scheme, asked.method, (), port)
