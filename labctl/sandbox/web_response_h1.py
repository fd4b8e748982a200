"""Responses of the web server in HTTP/1.1 (RFC 9112): the head, the framing that fits, the content as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from email.utils import formatdate
from http import HTTPStatus

from labctl.protocols import http1
from labctl.protocols.http1 import Fields
from labctl.sandbox.site import Piece, SiteAnswer, pieces_of, trailers_of
from labctl.sandbox.web_stream import Stream

_AT_ONCE = 64 * 1024
_BODILESS = (204, 304)


async def send_response(
    stream: Stream, answer: SiteAnswer, method: str, version: str, now: float, *, asked: Fields = ()
) -> bool:
    """Write the response to a request with this method, version and fields. Returns whether the connection stays."""
    if version != "1.0":
        for status, fields in answer.interim:
            await stream.send(http1.write_response_head(status, _phrase(status), fields))
    if answer.wait_s:
        await asyncio.sleep(answer.wait_s)
    if answer.framing == "raw":
        async with aclosing(pieces_of(answer.body)) as raw:
            async for piece in raw:
                await _send_piece(stream, piece)
        return False
    kind, fields = _framed(answer, method, version)
    keep = (
        http1.keeps_alive(version, asked)
        and kind != "close"
        and not answer.close
        and not answer.reset
        and http1.keeps_alive("1.1", answer.fields)
    )
    if http1.get(fields, "Date") is None:
        fields = (("Date", formatdate(now, usegmt=True)), *fields)
    if http1.get(fields, "Connection") is None:
        if not keep:
            fields += (("Connection", "close"),)
        elif version == "1.0":
            fields += (("Connection", "keep-alive"),)
    waiting = http1.write_response_head(answer.status, answer.reason or _phrase(answer.status), fields)
    if method != "HEAD" and answer.status >= 200 and answer.status not in _BODILESS:
        if isinstance(answer.body, AsyncIterator):  # its first bytes may take their time
            await stream.send(waiting)
            waiting = b""
        async with aclosing(pieces_of(answer.body)) as pieces:
            async for piece in pieces:
                if piece.wait_s:
                    await stream.send(waiting)
                    waiting = b""
                data = http1.write_chunk(piece.data) if kind == "chunked" else piece.data
                # Head and beginning in one write: two would be two segments.
                await _send_piece(stream, Piece(piece.wait_s, waiting + data))
                waiting = b""
        if kind == "chunked":
            trailers = "".join(f"{name}: {value}\r\n" for name, value in trailers_of(answer))
            waiting += f"0\r\n{trailers}\r\n".encode("latin-1")
    await stream.send(waiting)
    return keep


async def _send_piece(stream: Stream, piece: Piece) -> None:
    if piece.wait_s:
        await asyncio.sleep(piece.wait_s)
    view = memoryview(piece.data)
    for start in range(0, len(view), _AT_ONCE):
        await stream.send(bytes(view[start : start + _AT_ONCE]))


def _framed(answer: SiteAnswer, method: str, version: str) -> tuple[str, Fields]:
    """How the end of the content is shown ("length", "chunked", "close", "none"), and the fields that say it."""
    fields = answer.fields
    if answer.status < 200 or answer.status in _BODILESS:
        return "none", fields
    kind = answer.framing
    has_length = http1.get(fields, "Content-Length") is not None
    if kind == "auto":
        kind = (
            "length" if has_length or (isinstance(answer.body, bytes) and not answer.trailers) else "chunked"
        )
    if kind == "chunked" and version == "1.0":
        kind = "close"
    if kind == "chunked" and http1.get(fields, "Transfer-Encoding") is None:
        fields += (("Transfer-Encoding", "chunked"),)
    if kind == "length" and not has_length:
        assert not isinstance(answer.body, AsyncIterator), "nobody knows its length"
        pieces = answer.body if isinstance(answer.body, tuple) else (Piece(0.0, answer.body),)
        fields += (("Content-Length", str(sum(len(piece.data) for piece in pieces))),)
    return kind, fields


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
