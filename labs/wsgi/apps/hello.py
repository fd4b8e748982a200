"""The applications of the default run: one whose iterable has several items and a close(), and the smallest one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
PLAIN = [("Content-Type", "text/plain; charset=utf-8")]


class Greeting:
    """An iterable of bytes with a close(), as files, database cursors and templates are."""

    def __init__(self, name: str) -> None:
        self._items: tuple[bytes, ...] = (b"Hello, ", name.encode(), b"!\n")

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._items)

    def close(self) -> None:
        """Here a file or a connection would be given back."""
        self._items = ()


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    name = parse_qs(environ["QUERY_STRING"]).get("name", ["you"])[0]
    start_response("200 OK", PLAIN)
    return Greeting(name)


def sample(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", PLAIN)
    return [b"This body has 22 bytes"]
