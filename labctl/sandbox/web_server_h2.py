"""The web server's HTTP/2 (RFC 9113): streams side by side on one connection. Frames are the h2 library's."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import aclosing
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from labctl.protocols import http1
from labctl.protocols.http1 import Fields
from labctl.sandbox.site import SiteAnswer, SiteRequest, let_go, pieces_of, trailers_of
from labctl.sandbox.web_server_h1 import LONGEST_BODY, Front, bare_host, refusal
from labctl.sandbox.web_stream import Stream

if TYPE_CHECKING:
    import h2.connection

# Fields that belong to HTTP/1.1's connections (RFC 9113 section 8.2.2).
_OF_CONNECTIONS = ("Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade")
_BODILESS = (204, 304)


async def serve_http2(stream: Stream, front: Front) -> None:
    """Serve this connection until the client has enough. Raises OSError when it goes away in the middle."""
    connection = Http2Connection(stream, front)
    try:
        await connection.run()
    finally:
        await connection.end()


class Http2Connection:
    """One connection. Each stream whose request is complete is answered by a task of its own."""

    def __init__(self, stream: Stream, front: Front) -> None:
        import h2.config
        import h2.connection

        self._stream = stream
        self._front = front
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        self._h2: h2.connection.H2Connection = h2.connection.H2Connection(config)
        self._heads: dict[int, Fields] = {}
        self._bodies: dict[int, bytearray] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        # Set anew whenever a window grew; who waits for room looks again.
        self._room = asyncio.Event()
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Read frames until the connection ends."""
        import h2.exceptions

        self._h2.initiate_connection()
        await self._flush()
        while True:
            try:
                async with asyncio.timeout(None if self._tasks else self._front.patience.idle):
                    data = await self._stream.receive()
            except TimeoutError:
                self._h2.close_connection()
                await self._flush()
                return
            if not data:
                return
            try:
                events = self._h2.receive_data(data)
            except h2.exceptions.ProtocolError:
                await self._flush()  # GOAWAY, which says why
                return
            for event in events:
                self._hear(event)
            await self._flush()
            if self._failure is not None:
                raise self._failure
            if any(type(event).__name__ == "ConnectionTerminated" for event in events) and not self._tasks:
                return

    async def end(self) -> None:
        """Cancel what is still being answered, and wait for it."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _hear(self, event: Any) -> None:
        kind, number = type(event).__name__, getattr(event, "stream_id", 0)
        if kind == "RequestReceived":
            self._heads[number] = tuple(event.headers)
            self._bodies[number] = bytearray()
            self._continue(number)
        elif kind == "DataReceived":
            body = self._bodies.get(number)
            if body is not None and len(body) <= LONGEST_BODY:
                body += event.data
            self._h2.acknowledge_received_data(event.flow_controlled_length, number)
        elif kind == "StreamEnded" and number in self._heads:
            task = asyncio.get_running_loop().create_task(self._answer(number))
            self._tasks[number] = task
            task.add_done_callback(lambda done, number=number: self._ended(number, done))  # type: ignore[misc]
        elif kind == "StreamReset":
            self._heads.pop(number, None)
            self._bodies.pop(number, None)
            if number in self._tasks:
                self._tasks[number].cancel()
        elif kind in ("WindowUpdated", "RemoteSettingsChanged"):
            self._room.set()
            self._room = asyncio.Event()

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        self._tasks.pop(number, None)
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, OSError):
            self._failure = error

    def _continue(self, number: int) -> None:
        """Ask for the content, where the client waits for that."""
        if ("expect", "100-continue") in {(n, v.lower()) for n, v in self._heads[number]}:
            self._h2.send_headers(number, [(":status", "100")])

    async def _answer(self, number: int) -> None:
        import h2.errors
        import h2.exceptions

        head, body = self._heads.pop(number), bytes(self._bodies.pop(number))
        pseudo = {name: value for name, value in head if name.startswith(":")}
        fields = tuple(pair for pair in head if not pair[0].startswith(":"))
        authority = pseudo.get(":authority") or http1.get(fields, "host") or ""
        if http1.get(fields, "host") is None:
            fields = (("host", authority), *fields)
        request = SiteRequest(
            pseudo.get(":method", ""),
            pseudo.get(":path", ""),
            fields,
            body,
            self._front.scheme,
            bare_host(authority),
            "2",
            self._stream.peer,
            self._front.date(),
        )
        if len(body) > LONGEST_BODY:
            answer = refusal(413, f"The content is longer than {LONGEST_BODY} bytes.")
        else:
            answer = await self._front.answer(request)
        # A stream that the client has reset meanwhile, or a connection that is over.
        with contextlib.suppress(h2.exceptions.ProtocolError):
            try:
                await self._send(number, request.method, answer)
            except OSError:  # the content broke off
                self._h2.reset_stream(number, h2.errors.ErrorCodes.INTERNAL_ERROR)
                await self._flush()
            finally:
                await let_go(answer)

    async def _send(self, number: int, method: str, answer: SiteAnswer) -> None:
        import h2.errors

        for status, fields in answer.interim:
            self._h2.send_headers(number, _headers(status, fields))
            await self._flush()
        if answer.wait_s:
            await asyncio.sleep(answer.wait_s)
        if answer.framing == "raw":  # nothing that HTTP/2 could frame
            self._h2.reset_stream(number, h2.errors.ErrorCodes.INTERNAL_ERROR)
            await self._flush()
            return
        fields = answer.fields
        if http1.get(fields, "Date") is None:
            fields = (("date", formatdate(self._front.date(), usegmt=True)), *fields)
        bodiless = method == "HEAD" or answer.status in _BODILESS
        if isinstance(answer.body, bytes) and answer.framing in ("auto", "length"):  # noqa: SIM102
            if http1.get(fields, "Content-Length") is None and answer.status not in _BODILESS:
                fields += (("content-length", str(len(answer.body))),)
        nothing_more = bodiless or not (answer.body or answer.trailers or answer.reset)
        self._h2.send_headers(number, _headers(answer.status, fields), end_stream=nothing_more)
        if nothing_more:
            await self._flush()
            return
        if isinstance(answer.body, bytes):
            # The usual case in one write, END_STREAM on the last frame.
            await self._send_data(number, answer.body, last=not answer.trailers and not answer.reset)
        else:
            await self._flush()
            async with aclosing(pieces_of(answer.body)) as pieces:
                async for piece in pieces:
                    if piece.wait_s:
                        await asyncio.sleep(piece.wait_s)
                    await self._send_data(number, piece.data, last=False)
        trailers = trailers_of(answer)
        if answer.reset:
            self._h2.reset_stream(number, h2.errors.ErrorCodes.INTERNAL_ERROR)
        elif trailers:
            self._h2.send_headers(number, [(name.lower(), v) for name, v in trailers], end_stream=True)
        elif not isinstance(answer.body, bytes):
            self._h2.end_stream(number)
        await self._flush()

    async def _send_data(self, number: int, data: bytes, last: bool) -> None:
        """As much as both windows and the largest frame allow, until all is sent (RFC 9113 section 5.2)."""
        if not data and last:
            self._h2.send_data(number, b"", end_stream=True)
        view = memoryview(data)
        while view:
            room = min(
                self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size, len(view)
            )
            if room <= 0:
                room_came = self._room
                await self._flush()
                await room_came.wait()
                continue
            self._h2.send_data(number, bytes(view[:room]), end_stream=last and room == len(view))
            view = view[room:]
            await self._flush()

    async def _flush(self) -> None:
        if data := self._h2.data_to_send():
            await self._stream.send(data)


def _headers(status: int, fields: Fields) -> list[tuple[str, str]]:
    kept = http1.without(fields, *_OF_CONNECTIONS)
    return [(":status", str(status)), *((name.lower(), value) for name, value in kept)]
