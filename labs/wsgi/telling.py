"""Tables that several parts of the wsgi lab have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import zip_longest

from labctl.events import Row, Rows
from labctl.protocols.http1_fields import Fields
from labctl.serving.asking import write_request
from labs.telling import table
from labs.wsgi.stage import Seen
from labs.wsgi.words import MEANINGS, cut

_MOST_HEADERS = 8


def environ_table(seen: Seen, title: str) -> Rows:
    """The lines of environ that matter, with a sentence each."""
    environ = seen.environ
    rows = [
        Row(
            f"{key} is {_shown(key, environ[key])}: {meaning}.".replace("?.", "?"),
            (key, cut(_shown(key, environ[key]), 17), meaning),
            hues=("accent", "", "mute"),
        )
        for key, meaning in [*MEANINGS.items(), *_others(environ)]
        if key in environ
    ]
    left = len(environ) - len(rows)
    return table(
        "environ", title, ("key", "value", ""), rows, note=f"and {left} more" if left else "", named=False
    )


def _others(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """The other headers of the request; a server's environment may have such names, too, and is not shown."""
    known = {"HTTP_CONNECTION", *MEANINGS, *os.environ}
    keys = [key for key in environ if key.startswith("HTTP_") and key not in known]
    return [(key, "a header of the request") for key in keys[:_MOST_HEADERS]]


def _shown(key: str, value: str) -> str:
    """Texts in quotes; others as they were told."""
    return value if key.startswith("wsgi.") and key != "wsgi.url_scheme" else f'"{value}"'


def wire_table(target: str, method: str, fields: Fields, seen: Seen) -> Rows:
    """The lines of both heads, side by side."""
    answer = seen.answer
    sent = write_request(("127.0.0.1", 0), target, method, fields)
    came = _lines(answer.raw)
    # The port is the other side of a table's width; Host is as it was sent.
    host = seen.environ.get("HTTP_HOST", "")
    asked = [f"Host: {host}" if line.startswith("Host: ") else line for line in _lines(sent)]
    rows = [
        Row(
            f"in: {left or 'nothing more'}; out: {right or 'nothing more'}.",
            (cut(left, 34), cut(right, 40)),
            hues=("accent", "ok"),
        )
        for left, right in zip_longest(asked, came, fillvalue="")
    ]
    return table("wire", "On the wire", ("in", "out"), rows)


def _lines(raw: bytes) -> list[str]:
    return raw.decode("latin-1").partition("\r\n\r\n")[0].split("\r\n")
