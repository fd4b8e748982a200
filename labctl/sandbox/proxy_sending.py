"""Sending over a reverse proxy's two sides: a request to the app, an answer to the client, an answer of our own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

from labctl.protocols import http1
from labctl.protocols.http1 import MessageError, RequestHead, ResponseHead
from labctl.sandbox.edge_forwarding import end_to_end
from labctl.sandbox.proxy_files import FileAnswer, plain, refused, tidied
from labctl.sandbox.proxy_headers import Hop, Manners, sent_on
from labctl.sandbox.proxy_messages import Asked
from labctl.sandbox.proxy_spool import Spool, through
from labctl.sandbox.web_stream import PlainStream, Stream

NAME = "labctl-proxy"
# What the kernel may hold each way for a proxy that holds nothing itself; it would be megabytes.
_SMALL_BYTES = 128 * 1024


def head_for(asked: Asked, manners: Manners, hop: Hop, length: int | None, habits: frozenset[str]) -> bytes:
    """The head that the app gets; `length` of the content, None when it is not known beforehand."""
    fields = http1.without(sent_on(asked.head.fields, asked.named, manners, hop, habits), "Content-Length")
    if length is not None:
        fields = (*fields, ("Content-Length", str(length)))
    elif asked.framing.kind == "chunked":
        fields = (*fields, ("Transfer-Encoding", "chunked"))
    path, mark, query = asked.head.target.partition("?")
    target = (tidied(path) if manners.tidies else path) + mark + query
    return http1.write_request_head(
        asked.head.method, target, (*fields, ("Connection", "close")), manners.version
    )


def interim_for(stream: Stream, asked: RequestHead) -> Callable[[ResponseHead], Awaitable[None]]:
    """What becomes of an app's 1xx: 103 goes to the client that knows them (RFC 9110 section 15.2)."""

    async def passed_on(head: ResponseHead) -> None:
        # 100 answers an Expect, which we do ourselves, and 101 would be the end of HTTP here.
        if asked.version == "1.1" and head.status > 101:
            fields = end_to_end(head.fields, {name.lower(): value for name, value in head.fields})
            await stream.send(http1.write_response_head(head.status, head.reason, fields))

    return passed_on


async def read_all(spool: Spool, content: AsyncIterator[bytes], app: PlainStream) -> None:
    """Take the answer off the app's hands, and let go of it before the client has read it."""
    await through(spool, content)
    app.abort()


async def send_request(
    app: PlainStream, head: bytes, content: AsyncIterator[bytes], *, chunked: bool
) -> None:
    """All of a request. When the client breaks off within it, so do we."""
    await _given(app, head)
    try:
        async for piece in content:
            await _given(app, http1.write_chunk(piece) if chunked else piece)
    except (MessageError, OSError):
        app.abort()
        raise
    if chunked:
        await _given(app, http1.LAST_CHUNK)


async def _given(app: PlainStream, data: bytes) -> None:
    # A refused upload is answered before all of it is sent: the answer is what counts.
    with contextlib.suppress(OSError):
        await app.send(data)


def no_answer(error: Exception, sending: asyncio.Task[None]) -> FileAnswer:
    """What a client is told when the app gave no answer; `sending` may know that the client is to blame."""
    cause = sending.exception() if sending.done() and not sending.cancelled() else None
    if isinstance(cause, MessageError):
        return refused(cause)
    if isinstance(error, TimeoutError):
        return plain(504, "Gateway Timeout", "The app gave no answer in time.")
    return plain(502, "Bad Gateway", "The app gave no answer.")


async def send_content(stream: Stream, content: AsyncIterator[bytes], chunked: bool) -> None:
    """Content as it comes, in chunks or as it is."""
    async for piece in content:
        await stream.send(http1.write_chunk(piece) if chunked else piece)
    if chunked:
        await stream.send(http1.LAST_CHUNK)


async def ended(task: asyncio.Task[None]) -> None:
    """Whatever it was doing is over now."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, MessageError, OSError):
        await task


def is_chunked(head: bytes) -> bool:
    """Whether we have announced chunks."""
    return b"\r\nTransfer-Encoding: chunked\r\n" in head


async def nothing() -> AsyncIterator[bytes]:
    """The content of a request that has none."""
    for piece in list[bytes]():
        yield piece


async def say(stream: Stream, answer: FileAnswer, *, method: str = "GET", keep: bool) -> None:
    """An answer of the proxy's own."""
    fields = (
        ("Server", NAME),
        *answer.fields,
        ("Content-Length", str(len(answer.body))),
        ("Connection", "keep-alive" if keep else "close"),
    )
    head = http1.write_response_head(answer.status, answer.reason, fields)
    await stream.send(head + (b"" if method == "HEAD" else answer.body))


def small_buffers(stream: PlainStream) -> None:
    """Let the kernel hold little of what goes through this connection."""
    with contextlib.suppress(OSError):
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            stream.sock.setsockopt(socket.SOL_SOCKET, option, _SMALL_BYTES)
