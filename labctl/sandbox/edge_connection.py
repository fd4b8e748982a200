"""A client's connection to the edge: HTTP/1.1 requests in, answers out, one after the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from labctl.protocols.caching_model import CacheRequest
from labctl.protocols.http1 import (
    BodyReader,
    Framing,
    MessageError,
    RequestHead,
    keeps_alive,
    read_request,
    request_framing,
)
from labctl.sandbox.edge_client_answers import ClientAnswers
from labctl.sandbox.edge_exchange import Exchange
from labctl.sandbox.edge_prepared import OF_A_QUESTION

if TYPE_CHECKING:
    from labctl.sandbox.edge import Edge

# What a client may send ahead of its turn before we stop reading.
_AHEAD_BYTES = 64 * 1024
_NO_CONTENT = Framing("none")


class ClientConnection(ClientAnswers):
    """One client. `scheme` is the one that it speaks with us, "http" or "https"."""

    def __init__(self, edge: Edge, scheme: str) -> None:
        super().__init__(edge)
        self.scheme = scheme
        self.client = ""
        self._known = edge.store.known[scheme]
        self._plain = edge.store.plain
        self._received = edge.origin.received
        self._buffer = b""
        self._busy = False
        self._advancing = False
        self._ended = False

    # From the network.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        peer = transport.get_extra_info("peername")
        self.client = peer[0] if isinstance(peer, tuple) else ""
        self.edge.joined(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._received

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._received[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        self.touched = self.edge.tick
        if not self._busy and not self._buffer:
            prepared = self._known.get(data)
            if prepared is not None:
                answer = prepared.answer()
                if answer is not None:
                    self.transport.write(answer)
                    return
            self._buffer = data
        else:
            self._buffer += data
        if not self._advancing:
            self._advance()

    def eof_received(self) -> bool:
        # Half-closed: what was asked for is still answered.
        self._ended = True
        if self._busy:
            self._keep = False
        return self._busy or (self.congested and self._buffer != b"")

    def connection_lost(self, error: Exception | None) -> None:
        self._closing = True
        self.edge.left(self)
        flow, self._flow = self._flow, None
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.deserted()
        if flow is not None:
            flow.leave(self)

    def pause_writing(self) -> None:
        self.congested = True
        if not self._busy:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.congested = False
        self.touched = self.edge.tick
        if self._flow is not None:
            self._flow.resume(self)
        elif not self._busy and not self._closing:
            self.may_send()

    # Requests.

    def _advance(self) -> None:
        self._advancing = True
        try:
            while self._buffer and not self._closing:
                if not self._busy:
                    # Who does not read the answers gets no more of them.
                    if self.congested or not self._next_request():
                        break
                elif not self._more_content():
                    break
        except MessageError as error:
            self._refuse(error)
        finally:
            self._advancing = False

    def _next_request(self) -> bool:
        """Begin with the next request in the buffer. False when it has not come whole."""
        self._head = None
        found = read_request(self._buffer)
        if found is None:
            return False
        head, named, end = found
        self._head = head
        framing = _NO_CONTENT
        if "content-length" in named or "transfer-encoding" in named:
            framing = request_framing(head)
        self._buffer = self._buffer[end:]
        self._keep = head.version == "1.1"
        if "connection" in named:
            self._keep = keeps_alive(head.version, head.fields)
        if self._ended:
            self._keep = False
        self._body = None
        if self._keep and self._is_plain_hit(head, named):
            return True
        request = CacheRequest(head.method, "", head.fields, named=named)
        if framing.kind == "chunked" or framing.length:
            request.has_body = True
            self._body = BodyReader(framing)
        self._busy = True
        self._exchange = exchange = Exchange(
            self.edge, self, head, request, framing, self.client, self.scheme
        )
        exchange.begin()
        return True

    def _is_plain_hit(self, head: RequestHead, named: dict[str, str]) -> bool:
        """Answer at once what asks for nothing special, when there is one fresh response that does not vary."""
        method, target, version, _, raw = head
        if method != "GET" or version != "1.1" or target[0] != "/":
            return False
        plain = self._plain.get(f"{self.scheme}://{named['host']}{target}")
        if plain is None or not OF_A_QUESTION.isdisjoint(named):
            return False
        answer = plain.answer()
        if answer is None:
            return False
        self.transport.write(answer)
        self.edge.store.remember(plain.url, self.scheme, raw, plain)
        return True

    def _more_content(self) -> bool:
        """Pass on what has come of the current request's content. False when there is no more to do now."""
        body, exchange = self._body, self._exchange
        if body is None or body.done or exchange is None:
            # The next request waits for its turn.
            if len(self._buffer) > _AHEAD_BYTES:
                self.transport.pause_reading()
            return False
        if not exchange.takes_content:
            self.transport.pause_reading()
            return False
        content = body.feed(self._buffer)
        self._buffer = body.excess if body.done else b""
        body.excess = b""
        exchange.send(content, body.done, body.trailers)
        return True

    def may_send(self) -> None:
        """The exchange can take (more) content."""
        if not self._closing:
            self.transport.resume_reading()
            if not self._advancing:
                self._advance()

    def _refuse(self, error: MessageError) -> None:
        """What is no request, or no content, is answered once, and nothing after it is read (RFC 9112 section 2.2)."""
        self._keep = False
        self._buffer = b""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.deserted()
        if self._flow is not None or self._chunked:
            self.transport.abort()
            return
        self._busy = True
        self.edge.refuse(self, self._head, error, self.client, self.scheme)

    def _done(self) -> None:
        self._exchange = None
        self._busy = False
        self.touched = self.edge.tick
        if not self._keep or self._ended:
            self._closing = True
            self.transport.close()
            return
        if self.congested:
            self.transport.pause_reading()
        elif not self._advancing:
            self.transport.resume_reading()
            if self._buffer:
                self._advance()

    def sweep(self, now: float) -> None:
        """Send away who is silent: within a head (408), between requests, or as a reader that does not read."""
        silent = now - self.touched
        if self.congested and silent > self.edge.patience.reading_s:
            self.transport.abort()
        elif not self._busy and self._buffer and silent > self.edge.patience.head_s:
            self._head = None
            self._refuse(MessageError("too-slow", "The request did not come whole in time.", 408))
        elif not self._busy and not self._buffer and silent > self.edge.patience.idle_s:
            self.transport.close()
        elif (
            self._busy
            and self._body is not None
            and not self._body.done
            and silent > self.edge.patience.reading_s
        ):
            self.transport.abort()
