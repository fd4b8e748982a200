"""The web server's HTTP/1.1 (RFC 9112): requests off a connection, one after the other, and their responses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from labctl.protocols import http1
from labctl.protocols.http1 import MessageError, RequestHead
from labctl.sandbox.site import SiteAnswer, SiteRequest, let_go, text
from labctl.sandbox.web_response_h1 import send_response
from labctl.sandbox.web_stream import Stream

# The longest head, and the longest content, in bytes.
LONGEST_HEAD, LONGEST_BODY = 32 * 1024, 16 << 20


class Patience(NamedTuple):
    """Seconds that a server waits: for the next request, for the rest of a head, for the next bytes of content."""

    idle: float = 60.0
    head: float = 15.0
    body: float = 15.0


class Front(NamedTuple):
    """What a connection is to the server: who answers on it, and the request as far as the connection decides it.

    `habits` are the site's and the town's.
    """

    scheme: str
    answer: Callable[[SiteRequest], Awaitable[SiteAnswer]]
    date: Callable[[], float]
    patience: Patience = Patience()
    habits: frozenset[str] = frozenset()


async def serve_http1(stream: Stream, front: Front, already: bytes = b"") -> None:
    """Serve this connection until one of the two has enough. `already` has been read before.

    Raises OSError (ssl.SSLError too) when the client goes away in the middle.
    """
    buffer = already
    while True:
        try:
            found = await _read_head(stream, front, buffer)
            if found is None:
                return
            head, buffer = found
            request, buffer = await _read_request(stream, front, head, buffer)
        except MessageError as error:
            await send_response(
                stream, refusal(error.status, error.sentence, close=True), "GET", "1.1", front.date()
            )
            return
        if isinstance(request, SiteAnswer):
            answer = request
        else:
            answer = await front.answer(request)
        try:
            keep = await send_response(
                stream, answer, head.method, head.version, front.date(), asked=head.fields
            )
        finally:
            await let_go(answer)
        if answer.reset:
            stream.reset()
        if not keep:
            return


def refusal(status: int, sentence: str, *, close: bool = False) -> SiteAnswer:
    """A short plain text that says what is wrong."""
    return text(status, sentence)._replace(close=close)


async def _read_head(stream: Stream, front: Front, buffer: bytes) -> tuple[RequestHead, bytes] | None:
    """The head and the bytes after it; None when the client has enough. Raises MessageError."""
    time = asyncio.get_running_loop().time
    end = time() + (front.patience.head if buffer else front.patience.idle)
    needed = "host-not-needed" not in front.habits
    while (found := http1.read_request_head(buffer, limit=LONGEST_HEAD, host_needed=needed)) is None:
        data = await _in_time(stream, end - time())
        if data is None and buffer:
            raise _too_slow()
        if not buffer:
            end = time() + front.patience.head
        if not data:
            if buffer.strip(b"\r\n"):
                raise MessageError("closed-early", "The connection closed in the middle of a request's head.")
            return None
        buffer += data
    return found[0], buffer[found[1] :]


def _too_slow() -> MessageError:
    return MessageError("too-slow", "The request did not come to its end in time.", 408)


async def _in_time(stream: Stream, seconds: float) -> bytes | None:
    """What has come; None when nothing came in so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await stream.receive()
    except TimeoutError:
        return None


async def _read_request(
    stream: Stream, front: Front, head: RequestHead, buffer: bytes
) -> tuple[SiteRequest | SiteAnswer, bytes]:
    """The request with its content, or the answer to a head whose content is not wanted; and the bytes after it."""
    if "both-lengths-taken" in front.habits and http1.get(head.fields, "Transfer-Encoding") is not None:
        head = head._replace(fields=http1.without(head.fields, "Content-Length"))
    framing = http1.request_framing(head)
    body = b""
    if framing.kind != "none":
        expectation = (http1.get(head.fields, "Expect") or "").lower()
        if expectation and expectation != "100-continue":
            return refusal(417, "The only expectation that can be met is 100-continue.", close=True), b""
        waits = expectation == "100-continue" and head.version != "1.0" and not buffer
        if waits and (refused := refused_before_content(head)):
            return refused, b""
        if waits and framing.length <= LONGEST_BODY:
            await stream.send(http1.write_response_head(100, "Continue", ()))
        reader = http1.BodyReader(framing, limit=LONGEST_BODY)
        pieces = [reader.feed(buffer)]
        while not reader.done:
            data = await _in_time(stream, front.patience.body)
            if data is None:
                raise _too_slow()
            if not data:
                reader.end_of_input()
            pieces.append(reader.feed(data))
        body, buffer = b"".join(pieces), reader.excess
    target, host = _target_and_host(head)
    request = SiteRequest(
        head.method,
        target,
        head.fields,
        body,
        front.scheme,
        host,
        head.version,
        stream.peer,
        front.date(),
    )
    return request, buffer


def refused_before_content(head: RequestHead) -> SiteAnswer | None:
    """The final answer to `Expect: 100-continue` where the content is not wanted at all (RFC 9110 section 10.1.1)."""
    if head.target.startswith("/refuse"):
        return refusal(403, "This content is not wanted; you need not send it.", close=True)
    return None


def _target_and_host(head: RequestHead) -> tuple[str, str]:
    """Of an absolute target the authority counts, not Host (RFC 9112 section 3.2.2)."""
    host, target = http1.get(head.fields, "Host") or "", head.target
    if not target.startswith("/") and "://" in target:
        host, slash, path = target.partition("://")[2].partition("/")
        host, question, query = host.partition("?")
        target = f"{slash or '/'}{path}{question}{query}"
    return target, bare_host(host)


def bare_host(authority: str) -> str:
    """The host of an authority: without port, in lower case, without a dot at its end."""
    host = authority.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")
