"""Applications that break the contract of PEP 3333, each in one way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
PLAIN = [("Content-Type", "text/plain")]
BODY = b"This body has 22 bytes"


def no_start_response(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return [BODY]


def start_twice(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", PLAIN)
    start_response("404 Not Found", PLAIN)
    return [BODY]


def start_twice_bare(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("204 No Content", [])
    start_response("404 Not Found", PLAIN)
    return [BODY]


def late_start(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    yield BODY
    start_response("200 OK", PLAIN)


def str_items(environ: Environ, start_response: StartResponse) -> Iterable[Any]:
    start_response("200 OK", PLAIN)
    return [BODY.decode()]


def str_alone(environ: Environ, start_response: StartResponse) -> Iterable[Any]:
    start_response("200 OK", PLAIN)
    return BODY.decode()


def bytes_alone(environ: Environ, start_response: StartResponse) -> Iterable[Any]:
    start_response("200 OK", PLAIN)
    return BODY


def nothing(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", PLAIN)


def length_too_short(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [*PLAIN, ("Content-Length", "9")])
    return [BODY]


def length_too_long(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [*PLAIN, ("Content-Length", "99")])
    return [BODY]


def crlf_in_header(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    typed = "en\r\nX-Injected: 1"
    start_response("200 OK", [*PLAIN, ("Content-Language", typed)])
    return [BODY]


def raises_before(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", PLAIN)
    raise RuntimeError("before the first byte")


def raises_after(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", PLAIN)
    yield BODY[:10]
    raise RuntimeError("after the first bytes")


def mends_before(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", PLAIN)
    try:
        raise RuntimeError("before the first byte")
    except RuntimeError:
        start_response("503 Service Unavailable", PLAIN, sys.exc_info())
    return [BODY]


def hop_by_hop(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [*PLAIN, ("Connection", "X-Secret"), ("Keep-Alive", "timeout=9")])
    return [BODY]


def no_reason(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200", PLAIN)
    return [BODY]


def status_number(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response(200, PLAIN)
    return [BODY]


def headers_dict(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", dict(PLAIN))
    return [BODY]


def body_with_204(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("204 No Content", PLAIN)
    return [BODY]


def reads_all(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    first = environ["wsgi.input"].read()
    again = environ["wsgi.input"].read()
    start_response("200 OK", PLAIN)
    return [b"%d bytes, then %d" % (len(first), len(again))]
