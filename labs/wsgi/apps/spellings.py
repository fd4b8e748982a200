"""One application, spelled in three ways: a function, a class, and an instance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
PLAIN = [("Content-Type", "text/plain")]
BODY = b"Any callable will do.\n"


def function(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", PLAIN)
    return [BODY]


class Class:
    """Calling it makes an instance, and the instance is the iterable."""

    def __init__(self, environ: Environ, start_response: StartResponse) -> None:
        self._start_response = start_response

    def __iter__(self) -> Iterator[bytes]:
        self._start_response("200 OK", PLAIN)
        yield BODY


class Framework:
    """What Flask and Django are: an object that keeps settings and routes, and can be called."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)
        return [self._body]


instance = Framework(BODY)
