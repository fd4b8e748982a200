"""What is served for the page about ASGI, by paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from labs.wsgi.apps.asgi import driven, reversed_roles


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    return (reversed_roles if environ["PATH_INFO"] == "/reversed" else driven)(environ, start_response)
