"""Static files of the embedded proxy: joined and read as nginx and Apache do it, traps included."""

from __future__ import annotations

import mimetypes
import posixpath
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from labctl.protocols.http1 import Fields, MessageError

_MOST_BYTES = 8 << 20
# What Apache leaves unescaped in a path that it passes on.
_KEPT = "/$-_.+!*'(),:@&=~;"


class FileAnswer(NamedTuple):
    """What is sent for a file, or why there is none."""

    status: int
    reason: str
    fields: Fields
    body: bytes


def normal(path: str) -> str | None:
    """The path of a URL decoded, with its dot segments taken out; None when it climbs above the root.

    Both servers do this before they look for a rule: `/static../secret.txt` has no dot *segment*, and stays.
    """
    decoded = unquote(path)
    if "\0" in decoded:
        return None
    depth = 0
    for segment in decoded.split("/")[1:]:
        depth += {"..": -1, ".": 0, "": 0}.get(segment, 1)
        if depth < 0:
            return None
    ends = decoded.endswith(("/", "/.", "/.."))
    found = posixpath.normpath(decoded).replace("//", "/")
    return f"{found}/" if ends and found != "/" else found


def tidied(path: str) -> str:
    """The path as Apache passes it on: decoded, without dot segments and double slashes, and encoded again."""
    return quote(normal(path) or path, safe=_KEPT)


def read_file(folder: str, rest: str, *, inside: bool = False) -> FileAnswer:
    """The file whose name is `folder` and `rest` written one after the other: that is all that an alias does.

    `inside`: nothing is given out that lies elsewhere (no server's default).
    """
    path = Path(f"{folder}{rest}")
    try:
        if inside and not path.resolve().is_relative_to(Path(folder).resolve()):
            return not_found()
        if path.is_file() and path.stat().st_size <= _MOST_BYTES:
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            return FileAnswer(200, "OK", (("Content-Type", kind),), path.read_bytes())
    except (OSError, ValueError):
        pass
    return not_found()


def not_found() -> FileAnswer:
    """404, in the proxy's own words."""
    return plain(404, "Not Found", "The proxy has no such file.")


def plain(status: int, reason: str, sentence: str) -> FileAnswer:
    """A short text of the proxy's own."""
    return FileAnswer(
        status, reason, (("Content-Type", "text/plain; charset=utf-8"),), f"{sentence}\n".encode()
    )


def refused(error: MessageError) -> FileAnswer:
    """What a client is told that sent no request."""
    return plain(error.status, HTTPStatus(error.status).phrase, error.sentence)
