"""One request and its answer: what was asked, what came back, when, and what went wrong.

`ask` speaks HTTP/1.1 over a stream, `exchange_h2.Http2Connection` HTTP/2. Neither raises for what a peer does: the
answer has a failure code, a sentence, and everything that had come until then. Memory and time are bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from labctl.fetch.stream import Stream
from labctl.protocols.http1 import Fields, Framing, ResponseHead
from labctl.protocols.url import Url

NO_FRAMING = Framing("none")
# More interim responses than anybody sends; each is kept.
MOST_INTERIM = 50


class Request(NamedTuple):
    """`fields` without Host and Content-Length: both are added unless they are there, or among `without`."""

    method: str
    url: Url
    fields: Fields = ()
    body: bytes = b""
    without: frozenset[str] = frozenset()


class Times(NamedTuple):
    """Seconds on the internet's clock; None where it did not come so far."""

    sent_at: float
    sent_end: float | None = None
    first_byte_at: float | None = None
    head_at: float | None = None
    end_at: float | None = None


class Limits(NamedTuple):
    """Bytes of content that are kept, and read at most; bytes of a head; seconds for the whole exchange.

    `continue_s` is how long a request with Expect: 100-continue holds its content back.
    """

    body: int = 1_000_000
    most: int = 50_000_000
    head: int = 65536
    seconds: float = 15.0
    continue_s: float = 1.0


USUAL = Limits()


class Answer(NamedTuple):
    """The response, or as much of it as came. `status` is 0 when there was no final head.

    `body` is content out of its chunks or frames, not out of its content coding, at most `Limits.body` of it;
    `body_bytes` counts all. `failure` is "" or one of: no-answer, half-head, closed-early, bad-chunk, two-lengths,
    too-big, timeout, reset, garbage, and the codes of MessageError; `detail` is a sentence. `excess` came after the
    end of the response. `body_sent` counts the request's content bytes that went out.
    """

    status: int
    reason: str
    version: str
    fields: Fields
    body: bytes
    body_bytes: int
    complete: bool
    trailers: Fields
    interim: tuple[ResponseHead, ...]
    raw_head: bytes
    framing: Framing
    request_raw: bytes
    times: Times
    failure: str = ""
    detail: str = ""
    keep_alive: bool = False
    wire_received: int = 0
    excess: bytes = b""
    body_sent: int = 0


def ask(
    stream: Stream,
    request: Request,
    *,
    clock: Callable[[], float],
    limits: Limits = USUAL,
    raw: bytes | None = None,
) -> Answer:
    """Send one HTTP/1.1 request and read its answer. Never raises for what a peer does.

    `raw` is sent instead of what would be written for `request`, byte by byte as it is. Raises MessageError when a
    field of the request holds CR, LF or NUL.
    """
    from labctl.fetch.exchange_h1 import Asking

    return Asking(stream, request, clock, limits, raw).answer()


def as_fields(request: Request) -> Fields:
    """The request's fields with Host in front and Content-Length at the end, as far as they are missing."""
    names = {name.lower() for name, _ in request.fields} | request.without
    first = () if "host" in names else (("Host", request.url.authority),)
    sized = bool(request.body) or request.method in ("POST", "PUT", "PATCH")
    length = (
        (("Content-Length", str(len(request.body))),)
        if sized and not names & {"content-length", "transfer-encoding"}
        else ()
    )
    return (*first, *request.fields, *length)
