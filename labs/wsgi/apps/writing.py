"""The old way: the body through write(), which start_response returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"first by write(), ")
    write(b"then again, ")
    return [b"and last by the iterable.\n"]
