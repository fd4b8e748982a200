"""wsgi.input: the content of a request, read while it arrives and never collected here (PEP 3333, Input and Error
Streams). It ends where the content ends, whatever Content-Length says or does not say (wsgi.input_terminated).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Literal

from labctl.protocols.http1 import BodyReader, MessageError

_PIECE = 65536


class InputBroken(OSError):
    """The content cannot be read to its end. `status` is what the client is told, `code` as in MessageError."""

    def __init__(self, error: MessageError) -> None:
        super().__init__(error.sentence)
        self.code = error.code
        self.status = error.status


class WsgiInput(io.BufferedIOBase):
    """The content that `reader` takes from what `receive` gives; `begun` has come with the head.

    `receive` returns bytes, b"" at the end of the connection, and raises MessageError, too-slow for one. `ask` is
    called before the first one: it sends 100 Continue. Memory: one piece, and what the application asks for.
    """

    def __init__(
        self,
        reader: BodyReader,
        begun: bytes,
        receive: Callable[[], bytes],
        ask: Callable[[], object] | None = None,
    ) -> None:
        self.reader = reader
        self._receive = receive
        self._ask = ask
        self._ready = b""
        self._at = 0
        self._error: MessageError | None = None
        if begun:
            self._feed(begun)

    @property
    def complete(self) -> bool:
        """Whether all of the content has come, read or not."""
        return self.reader.done

    @property
    def asked(self) -> bool:
        """Whether the client has no reason to hold the content back: 100 Continue was not wanted, or is sent."""
        return self._ask is None

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """`size` bytes, fewer only at the end. Raises InputBroken."""
        if size is None or size < 0:
            pieces = []
            while piece := self.read1(_PIECE):
                pieces.append(piece)
            return b"".join(pieces)
        first = self.read1(size)
        if len(first) == size or not first:
            return first
        pieces, got = [first], len(first)
        while got < size and (piece := self.read1(size - got)):
            pieces.append(piece)
            got += len(piece)
        return b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """At least one byte and at most `size`, b"" at the end. Raises InputBroken."""
        if size == 0 or not self._more():
            return b""
        at = self._at
        end = len(self._ready) if size < 0 else min(len(self._ready), at + size)
        self._at = end
        return self._ready[at:end] if at or end < len(self._ready) else self._ready

    def readline(self, size: int | None = -1, /) -> bytes:
        """To the next line feed, at most `size` bytes. Raises InputBroken."""
        limit = -1 if size is None else size
        pieces: list[bytes] = []
        got = 0
        while (limit < 0 or got < limit) and self._more():
            end = self._ready.find(b"\n", self._at) + 1 or len(self._ready)
            if limit >= 0:
                end = min(end, self._at + limit - got)
            piece = self._ready[self._at : end]
            self._at = end
            pieces.append(piece)
            got += len(piece)
            if piece.endswith(b"\n"):
                break
        return b"".join(pieces)

    def drain(self, most: int) -> bool:
        """Throw away what the application left, at most so many bytes. True: the content came to its end."""
        left = most - (len(self._ready) - self._at)
        self._ready, self._at = b"", 0
        while not self.reader.done and left > 0:
            try:
                if not self._more():
                    break
            except InputBroken:
                return False
            left -= len(self._ready)
            self._at = len(self._ready)
        return self.reader.done

    def _more(self) -> bool:
        """Whether at least one byte is ready, after waiting for it. False at the end."""
        while self._at >= len(self._ready):
            if self._error is not None:
                raise InputBroken(self._error)
            if self.reader.done:
                return False
            if self._ask is not None:
                ask, self._ask = self._ask, None
                ask()
            try:
                data = self._receive()
            except MessageError as error:
                self._error = error
                continue
            if data:
                self._feed(data)
            else:
                self._end_early()
        return True

    def _feed(self, data: bytes) -> None:
        try:
            self._ready, self._at = self.reader.feed(data), 0
        except MessageError as error:
            self._error = error

    def _end_early(self) -> None:
        try:
            self.reader.end_of_input()
        except MessageError as error:
            self._error = error


def no_input() -> io.BytesIO:
    """The input of a request without content."""
    return io.BytesIO()


def wanted(fields_named: dict[str, str], version: str) -> Literal["", "100", "unknown"]:
    """What Expect asks for (RFC 9110 section 10.1.1): "" nothing, "100", or what nobody knows."""
    value = fields_named.get("expect")
    if value is None or version == "1.0":
        return ""
    return "100" if value.lower() == "100-continue" else "unknown"
