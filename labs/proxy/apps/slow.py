"""An app with a big answer, an upload and a quick page. Runs in a child only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

BIG_BYTES = 20 << 20
_BIG = b"x" * BIG_BYTES


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """`/big` answers with 20 MiB, `/upload` says how much it was given, everything else answers at once."""
    path = environ.get("PATH_INFO", "/")
    if path == "/big":
        body = _BIG
    elif path == "/upload":
        received = 0
        while data := environ["wsgi.input"].read(65536):
            received += len(data)
        body = str(received).encode()
    else:
        body = b"quick\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
