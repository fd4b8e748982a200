"""A small real reverse proxy for HTTP/1.1: routes, static files, TLS, round robin, buffering, header manners.

It does what nginx and Apache do, so that the lab works where neither is installed, and says so. One connection to an
app for each request, as nginx's default has it. CONNECT is refused; Upgrade and trailers are not passed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping

from labctl.protocols import http1
from labctl.protocols.http1 import Fields, MessageError
from labctl.sandbox.edge_forwarding import end_to_end
from labctl.sandbox.proxy_configuration import Configuration, Passage
from labctl.sandbox.proxy_files import FileAnswer, normal, not_found, plain, read_file, refused
from labctl.sandbox.proxy_headers import MANNERS, Hop
from labctl.sandbox.proxy_messages import Asked, Incoming, Told
from labctl.sandbox.proxy_routes import route
from labctl.sandbox.proxy_sending import (
    NAME,
    ended,
    head_for,
    interim_for,
    is_chunked,
    no_answer,
    nothing,
    read_all,
    say,
    send_content,
    send_request,
    small_buffers,
)
from labctl.sandbox.proxy_spool import Spool
from labctl.sandbox.proxy_upstream import Upstream
from labctl.sandbox.web_stream import PlainStream, Stream
from labctl.sandbox.web_tls import TlsStream

_KEPT = 1000


class EmbeddedProxy:
    """`upstreams` by the names in the rules. Give `serve` to a WebServer. `habits` are faults (proxy_faults.py)."""

    def __init__(
        self,
        configuration: Configuration,
        upstreams: Mapping[str, Upstream],
        *,
        context: ssl.SSLContext | None = None,
        habits: frozenset[str] = frozenset(),
    ) -> None:
        self.configuration = configuration
        self.manners = MANNERS[configuration.manners]
        self.upstreams = upstreams
        self.passages: deque[Passage] = deque(maxlen=_KEPT)
        self._context = context
        self._habits = habits
        self.scheme = "http" if context is None else "https"

    async def serve(self, stream: PlainStream) -> None:
        """One client's connection to its end."""
        if not self._holds_answers:
            small_buffers(stream)
        if self._context is None:
            await self._converse(stream, stream.peer)
            return
        secure = TlsStream(stream, self._context, b"")
        await secure.handshake()
        await self._converse(secure, stream.peer)
        await secure.close()

    async def _converse(self, stream: Stream, peer: str) -> None:
        incoming = Incoming(stream)
        while True:
            try:
                asked = await incoming.request()
            except MessageError as error:
                await say(stream, refused(error), keep=False)
                return
            except TimeoutError:
                return
            if asked is None or not await self._answer(incoming, asked, peer):
                return

    async def _answer(self, incoming: Incoming, asked: Asked, peer: str) -> bool:
        """One request and its answer. Returns whether the connection goes on."""
        stream, head = incoming.stream, asked.head
        keep = http1.keeps_alive(head.version, head.fields)
        local = self._own_answer(asked, peer)
        if isinstance(local, FileAnswer):
            # Whoever gets an answer without having been read has to come again.
            keep = keep and asked.framing.kind == "none"
            self.passages.append(Passage(peer, head, b"", "", local.status))
            await say(stream, local, method=head.method, keep=keep)
            return keep
        if asked.named.get("expect", "").lower() == "100-continue":
            await stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        with contextlib.ExitStack() as stack:
            content = incoming.upload(asked.framing)
            length = asked.framing.length if asked.framing.kind == "length" else None
            # HTTP/1.0 has no chunks: who is asked in it is told the length beforehand.
            unknown = self.manners.version == "1.0" and asked.framing.kind == "chunked"
            if asked.framing.kind != "none" and (self._holds_requests or unknown):
                spool = Spool()
                stack.callback(spool.close)
                # The app hears nothing of this request before all of it is here.
                try:
                    async for piece in content:
                        spool.write(piece)
                    spool.end()
                except MessageError as error:
                    await say(stream, refused(error), keep=False)
                    return False
                content, length = spool.pieces(), spool.size
            elif asked.framing.kind == "none":
                content = nothing()
            return await self._forward(stream, asked, peer, local, content, length) and keep

    @property
    def _holds_requests(self) -> bool:
        if "proxy-streams-requests" in self._habits:
            return False
        return self.configuration.buffers_requests or "proxy-always-buffers" in self._habits

    @property
    def _holds_answers(self) -> bool:
        if "proxy-streams-answers" in self._habits:
            return False
        return self.configuration.buffers_answers or "proxy-always-buffers" in self._habits

    def _own_answer(self, asked: Asked, peer: str) -> FileAnswer | Upstream:
        """An answer of the proxy's own, or whom to ask."""
        configuration, head = self.configuration, asked.head
        if configuration.only_from and peer not in configuration.only_from:
            return plain(403, "Forbidden", f"Only the CDN may connect, and {peer} is somebody else.")
        if head.target[:1] != "/":
            return plain(501, "Not Implemented", "This proxy makes no tunnels.")
        raw_path = head.target.partition("?")[0]
        if self.manners.tidies and any(each in raw_path.lower() for each in ("%2f", "%00")):
            return not_found()  # Apache's AllowEncodedSlashes is off
        path = normal(raw_path)
        if path is None:
            return plain(400, "Bad Request", "The path climbs above the root.")
        taken = route(self.manners.server, configuration.rules, path, self._habits)
        if taken.rule is None:
            return read_file(configuration.root, taken.rest) if configuration.root else not_found()
        if taken.rule.kind == "pass":
            return self.upstreams[taken.rule.to]
        return read_file(taken.rule.to, taken.rest, inside="nginx-stays-inside" in self._habits)

    async def _forward(
        self,
        stream: Stream,
        asked: Asked,
        peer: str,
        upstream: Upstream,
        content: AsyncIterator[bytes],
        length: int | None,
    ) -> bool:
        """Ask an app and pass its answer on. Returns whether the client's connection may go on."""
        made = await upstream.connect(peer)
        if made is None:
            self.passages.append(Passage(peer, asked.head, b"", "", 502))
            await say(stream, plain(502, "Bad Gateway", "No app took the connection."), keep=False)
            return False
        backend, app = made
        if not self._holds_answers:
            small_buffers(app)
        try:
            hop = Hop(peer, self.scheme, backend.name)
            sent = head_for(asked, self.manners, hop, length, self._habits)
            sending = asyncio.create_task(send_request(app, sent, content, chunked=is_chunked(sent)))
            answers = Incoming(app)
            try:
                told = await answers.response(asked.head.method, interim_for(stream, asked.head))
            except (MessageError, OSError) as error:
                own = no_answer(error, sending)
                self.passages.append(Passage(peer, asked.head, sent, backend.name, own.status))
                await say(stream, own, keep=False)
                return False
            finally:
                # What was not sent by now is not wanted any more, and stands in the way of the next request.
                whole = sending.done()
                await ended(sending)
            self.passages.append(Passage(peer, asked.head, sent, backend.name, told.head.status))
            try:
                return await self._pass_on(stream, asked, told, answers.content(told.framing), app) and whole
            except MessageError as error:
                # Half an answer is out: all that is left is to end the connection in its middle.
                raise ConnectionAbortedError(error.sentence) from error
        finally:
            app.abort()

    async def _pass_on(
        self, stream: Stream, asked: Asked, told: Told, content: AsyncIterator[bytes], app: PlainStream
    ) -> bool:
        """The app's answer to the client: as it comes, or by way of a spool that lets the app go at once."""
        head = told.head
        fields = end_to_end(head.fields, dict(told.named))
        fields = (("Server", NAME), *http1.without(self._rewritten(fields), "Server"))
        keep = http1.keeps_alive(asked.head.version, asked.head.fields)
        chunked = False
        if told.framing.kind in ("chunked", "close"):
            fields = http1.without(fields, "Content-Length")
            chunked = asked.head.version == "1.1"
            keep = keep and chunked
        elif head.status == 204:
            fields = http1.without(fields, "Content-Length")  # RFC 9110 section 8.6
        if chunked:
            fields = (*fields, ("Transfer-Encoding", "chunked"))
        fields = (*fields, ("Connection", "keep-alive" if keep else "close"))
        await stream.send(http1.write_response_head(head.status, head.reason, fields))
        if not self._holds_answers:
            await send_content(stream, content, chunked)
            return keep
        spool = Spool()
        reading = asyncio.create_task(read_all(spool, content, app))
        try:
            await send_content(stream, spool.pieces(), chunked)
        finally:
            await ended(reading)
            spool.close()
        return keep

    def _rewritten(self, fields: Fields) -> Fields:
        """Redirects that name the app, made to name us (Apache's ProxyPassReverse, nginx's proxy_redirect)."""
        if "proxy-leaves-location" in self._habits:
            return fields
        return tuple((name, self._outer(name, value)) for name, value in fields)

    def _outer(self, name: str, value: str) -> str:
        if name.lower() in ("location", "content-location"):
            for inner, outer in self.configuration.rewrites:
                if value.startswith(inner):
                    return outer + value[len(inner) :]
        return value
