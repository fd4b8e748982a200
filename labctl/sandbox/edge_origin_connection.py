"""One connection to the origin: a request out, its response in, told to whoever asked in callbacks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from labctl.protocols.http1 import (
    BodyReader,
    Framing,
    MessageError,
    ResponseHead,
    keeps_alive,
    list_items,
    read_response,
    response_framing,
)
from labctl.protocols.remembering import remembered
from labctl.sandbox.edge_listener import Listener, OriginFailure

if TYPE_CHECKING:
    from labctl.sandbox.edge_origin import Origin

_MOST_INTERIM = 32
# The reader of content that came whole, with its head.
_WHOLE = BodyReader(Framing("none"))
_CODINGS = frozenset({"gzip", "x-gzip", "deflate", "compress", "x-compress"})


class OriginConnection(asyncio.BufferedProtocol):
    """One connection to the origin."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._received = origin.received
        self._listener: Listener | None = None
        self._buffer = b""
        self._reader: BodyReader | None = None
        self._keep = True
        self._interim = 0
        self._got = False
        self._used = 0
        self._sent_all = True
        self.transport: Any = None
        self.congested = False
        self.touched = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._origin.open.add(self)

    def start(self, listener: Listener, head: bytes, sent_all: bool) -> None:
        """Send a request's head; `sent_all` says that there is no content."""
        self._listener = listener
        self._got = False
        self._interim = 0
        self._used += 1
        self._sent_all = sent_all
        self.touched = self._origin.time()
        self.transport.write(head)
        listener.connected(self)

    def send(self, data: bytes, last: bool) -> None:
        """Bytes of the request's content, already framed."""
        if data:
            self.transport.write(data)
        self._sent_all = self._sent_all or last
        self.touched = self._origin.time()

    def abort(self) -> None:
        """Give up the exchange and the connection; the listener hears nothing more."""
        self._listener = None
        if self.transport is not None:
            self.transport.abort()

    def hold(self, hold: bool) -> None:
        """Stop reading, or go on: whoever gets the content is slower than the origin."""
        if not self.transport.is_closing():
            if hold:
                self.transport.pause_reading()
            else:
                self.touched = self._origin.time()
                self.transport.resume_reading()

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for this connection, and the waiting is the origin's doing."""
        return self._listener is not None and self.transport.is_reading()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._received

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._received[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Bytes from the origin."""
        self.touched = self._origin.time()
        self._got = True
        listener = self._listener
        if listener is None:  # nobody asked: an answer to nothing
            self.transport.abort()
            return
        try:
            if self._reader is None:
                self._read_head(listener, self._buffer + data if self._buffer else data)
            else:
                self._read_content(listener, self._reader, data)
        except MessageError as error:
            self._fail(OriginFailure(error.code, f"The origin's response is malformed: {error.sentence}"))
        except Exception:
            # A mistake of ours: whoever waits is told, and the loop's handler reports it.
            self._fail(OriginFailure("internal", "This edge made a mistake with the origin's response.", 500))
            raise

    def _read_head(self, listener: Listener, buffer: bytes) -> None:
        while True:
            found = read_response(buffer)
            if found is None:
                self._buffer = buffer
                return
            head, named, end = found
            if head.status >= 200:
                break
            if head.status == 101:
                raise MessageError("not-asked", "it switches protocols, and nobody asked for that.")
            self._interim += 1
            if self._interim > _MOST_INTERIM:
                raise MessageError("not-asked", f"it has more than {_MOST_INTERIM} interim responses.")
            listener.interim(head)
            if self._listener is None:
                return
            buffer = buffer[end:]
        self._buffer = b""
        options = named.get("connection")
        if options is None or (options == "keep-alive" and head.version == "1.1"):
            self._keep = head.version == "1.1"
        else:
            self._keep = keeps_alive(head.version, head.fields)
        framing = _plain_framing(listener.method, head, named) or _framing(listener.method, head, named)
        rest = buffer[end:]
        if framing.kind == "length" and framing.length == len(rest):
            self._finish(_WHOLE)
            listener.answered(head, named, framing, rest, _WHOLE)
            return
        reader = BodyReader(framing)
        data = reader.feed(rest) if rest and not reader.done else b""
        if reader.framing.kind == "none" and rest:
            reader.excess = rest
        self._reader = reader
        if reader.done:
            self._finish(reader)
        listener.answered(head, named, framing, data, reader)

    def _read_content(self, listener: Listener, reader: BodyReader, data: bytes) -> None:
        content = reader.feed(data)
        if reader.done:
            self._finish(reader)
        if content:
            listener.content(content)
        if reader.done:
            listener.ended(reader)

    def _finish(self, reader: BodyReader) -> None:
        """The response is whole: back to the pool, or away with the connection."""
        self._listener = None
        self._reader = None
        self._buffer = b""
        clean = not reader.excess and self._sent_all and reader.framing.kind != "close"
        if clean and self._keep:
            self._origin.give_back(self)
        else:
            self.transport.close()

    def _fail(self, failure: OriginFailure) -> None:
        listener, self._listener = self._listener, None
        self.transport.abort()
        if listener is not None:
            listener.failed(failure)

    def timed_out(self) -> None:
        """The origin has been silent for too long."""
        self._fail(OriginFailure("timeout", "The origin did not answer in time.", 504))

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._origin.forget(self)
        listener, self._listener = self._listener, None
        if listener is None:
            return
        reader = self._reader
        if reader is None:
            self._reset(listener, error)
            return
        try:
            reader.end_of_input()
        except MessageError as early:
            listener.failed(OriginFailure(early.code, f"The origin's response broke off: {early.sentence}"))
        else:
            if error is not None:
                listener.failed(
                    OriginFailure("reset", "The origin reset the connection within its response.")
                )
            else:
                listener.ended(reader)

    def _reset(self, listener: Listener, error: Exception | None) -> None:
        again = self._used > 1 and not self._got
        if self._buffer:
            code, sentence = (
                "closed-early",
                "The origin closed the connection within the head of its response.",
            )
        elif error is not None:
            code, sentence = "reset", "The origin reset the connection and did not answer."
        else:
            code, sentence = "closed", "The origin closed the connection and did not answer."
        listener.failed(OriginFailure(code, sentence, 502, again))

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        if self._listener is not None:
            self._listener.may_send()


def _framing(method: str, head: ResponseHead, named: dict[str, str]) -> Framing:
    """Its framing. Content that is still coded cannot go on: a coding ends at this hop (RFC 9112 section 7.2)."""
    framing = response_framing(method, head)
    coding = named.get("transfer-encoding", "")
    if framing.kind == "close" and not _CODINGS.isdisjoint(list_items(coding.lower())):
        raise MessageError("coding-unknown", f"The transfer coding {coding!r} was not asked for.", 502)
    return framing


def _plain_framing(method: str, head: ResponseHead, named: dict[str, str]) -> Framing | None:
    """The framing of most responses, a single plain Content-Length; None: ask `response_framing`."""
    length = named.get("content-length")
    if length is None or "transfer-encoding" in named or method != "GET" or head.status in (204, 304):
        return None
    return _by_length(length)


@remembered
def _by_length(text: str) -> Framing | None:
    return Framing("length", int(text)) if text.isascii() and text.isdigit() and len(text) < 16 else None
