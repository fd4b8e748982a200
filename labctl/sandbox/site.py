"""What a web server of the town gives to a site's handler, and what the handler gives back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from labctl.protocols.http1_fields import Fields

if TYPE_CHECKING:
    from labctl.sandbox.web import Web


class SiteRequest(NamedTuple):
    """One request. `target` is path and query; `host` without a port, in lower case; `version` is "1.0", "1.1" or "2".

    `client` is the peer's end as text; `now` is the town's date, in POSIX seconds.
    """

    method: str
    target: str
    fields: Fields
    body: bytes
    scheme: str
    host: str
    version: str
    client: str
    now: float

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What stands after the first question mark, or ""."""
        return self.target.partition("?")[2]


class Piece(NamedTuple):
    """Bytes that are sent `wait_s` seconds after what came before."""

    wait_s: float
    data: bytes


# All at once, in pieces, or as it comes. An OSError in an iterator makes the server break off; an attribute `trailers`
# of it is read at its end.
Body = bytes | tuple[Piece, ...] | AsyncIterator[bytes]


class SiteAnswer(NamedTuple):
    """One response, of which the server makes bytes in the version that the client speaks.

    `framing`: "auto" is a Content-Length for bytes, and chunks for others without one in `fields`; "raw" means that
    `body` is written as it is, without a head, and then the connection is closed (HTTP/1.1 only). `wait_s` is the
    time before the first byte, but for the 1xx responses of `interim`, which are sent at once. `close` ends the
    connection afterwards, `reset` with RST after what was written.
    """

    status: int
    fields: Fields = ()
    body: Body = b""
    reason: str = ""
    trailers: Fields = ()
    interim: tuple[tuple[int, Fields], ...] = ()
    framing: Literal["auto", "length", "chunked", "close", "raw"] = "auto"
    wait_s: float = 0.0
    close: bool = False
    reset: bool = False


Handler = Callable[[SiteRequest, "Web"], SiteAnswer | Awaitable[SiteAnswer]]


class Seen(NamedTuple):
    """What a site's application got. `time` in seconds on the internet's clock."""

    time: float
    site: str
    scheme: str
    version: str
    method: str
    target: str
    fields: Fields
    body_length: int


def text(status: int, sentence: str, *more: tuple[str, str]) -> SiteAnswer:
    """A short plain text."""
    return SiteAnswer(
        status, (("Content-Type", "text/plain; charset=utf-8"), *more), f"{sentence}\n".encode()
    )


async def pieces_of(body: Body) -> AsyncGenerator[Piece, None]:
    """The body in pieces, whatever form it has."""
    if isinstance(body, bytes):
        yield Piece(0.0, body)
    elif isinstance(body, tuple):
        for piece in body:
            yield piece
    else:
        async for data in body:
            yield Piece(0.0, data)


async def let_go(answer: SiteAnswer) -> None:
    """Tell an iterator that nobody reads it any more. Idempotent."""
    close = getattr(answer.body, "aclose", None)
    if close is not None:
        await close()


def trailers_of(answer: SiteAnswer) -> Fields:
    """The trailers, which an iterator may know only at its end."""
    found: Fields = getattr(answer.body, "trailers", answer.trailers)
    return found
