"""Where the content of an HTTP/1.1 message ends, and reading it (RFC 9112 sections 6 and 7)."""

from __future__ import annotations

from typing import Literal, NamedTuple

from labctl.protocols.http1_fields import (
    Fields,
    MessageError,
    get,
    get_all,
    list_items,
    parse_fields,
    split_lines,
)

LAST_CHUNK = b"0\r\n\r\n"
# A chunk's size and its extensions; a longer line is an attack (RFC 9112 section 7.1.1).
CHUNK_LINE = 4096
TRAILERS = 65536
_HEX = b"0123456789abcdefABCDEF"


class Framing(NamedTuple):
    """How the end of the content is found. `length` counts bytes and belongs to "length" alone."""

    kind: Literal["none", "length", "chunked", "close"]
    length: int = 0


def framing(fields: Fields, version: str, *, response: bool) -> Framing:
    """What Transfer-Encoding and Content-Length say together; "close" when neither is there.

    Raises MessageError: two-lengths, bad-length, bad-coding, coding-unknown.
    """
    coding = get(fields, "Transfer-Encoding")
    lengths = get_all(fields, "Content-Length")
    if coding is None:
        return Framing("length", _length(lengths)) if lengths else Framing("close")
    if lengths:
        raise MessageError(
            "two-lengths", "The message has both Transfer-Encoding and Content-Length: its end is ambiguous."
        )
    if version == "1.0":
        raise MessageError(
            "bad-coding", "Transfer-Encoding stands in an HTTP/1.0 message: its end is ambiguous."
        )
    codings = list_items(coding)
    if codings == ["chunked"]:
        return Framing("chunked")
    if codings and codings[-1] == "chunked" and "chunked" not in codings[:-1]:
        raise MessageError("coding-unknown", f"The transfer coding {codings[0]!r} is not implemented.", 501)
    if response and codings and "chunked" not in codings:
        return Framing("close")
    raise MessageError("bad-coding", f"Transfer-Encoding {coding!r} does not end with chunked.")


def _length(lines: list[str]) -> int:
    values = {part.strip(" \t") for line in lines for part in line.split(",")}
    if len(values) > 1:
        raise MessageError(
            "two-lengths", f"Content-Length says {' and '.join(sorted(repr(v) for v in values)[:3])}."
        )
    value = values.pop()
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise MessageError("bad-length", f"Content-Length {value[:40]!r} is no number of bytes.")
    return int(value)


class BodyReader:
    """Takes wire bytes, gives content bytes. `excess` is what came after the end: the next message.

    `limit` bounds the content in bytes. Memory is bounded by what is fed, one chunk line and the trailers.
    """

    def __init__(self, framing: Framing, *, limit: int | None = None) -> None:
        self.framing = framing
        self.limit = limit
        self.received = 0
        self.trailers: Fields = ()
        self.excess = b""
        self.done = framing.kind == "none" or (framing.kind == "length" and not framing.length)
        self._left = framing.length  # of the content, or of the chunk
        self._state: Literal["size", "data", "crlf", "trailers"] = "size"
        self._pending = b""
        if framing.kind == "length":
            self._count(framing.length, announced=True)

    def feed(self, data: bytes) -> bytes:
        """The content bytes among `data`. Raises MessageError bad-chunk, body-too-big or one of a trailer field."""
        if self.done:
            self.excess += data
            return b""
        if self.framing.kind == "chunked":
            return self._chunked(data)
        if self.framing.kind == "close":
            self._count(len(data))
            return data
        part = data[: self._left]
        self._left -= len(part)
        self._count(len(part))
        if not self._left:
            self.done = True
            self.excess = data[len(part) :]
        return part

    def end_of_input(self) -> None:
        """The peer has closed. Raises MessageError closed-early when the content was not complete."""
        if self.framing.kind == "close":
            self.done = True
        if self.done:
            return
        if self.framing.kind == "length":
            raise MessageError(
                "closed-early",
                f"The connection closed after {self.received:,} of {self.framing.length:,} bytes of content.",
            )
        raise MessageError(
            "closed-early",
            f"The connection closed after {self.received:,} bytes of content, before the last chunk.",
        )

    def _count(self, more: int, *, announced: bool = False) -> None:
        if self.limit is not None and self.received + more > self.limit:
            raise MessageError("body-too-big", f"The content is longer than {self.limit:,} bytes.", 413)
        if not announced:
            self.received += more

    def _chunked(self, data: bytes) -> bytes:
        buffer = self._pending + data if self._pending else data
        self._pending = b""
        content = []
        at = 0
        while not self.done:
            if self._state == "data":
                part = buffer[at : at + self._left]
                if not part:
                    break
                content.append(part)
                self._count(len(part))
                at += len(part)
                self._left -= len(part)
                if not self._left:
                    self._state = "crlf"
                continue
            if self._state == "crlf":
                two = buffer[at : at + 2]
                if not b"\r\n".startswith(two):
                    raise MessageError("bad-chunk", "A chunk is longer than its size says: no CRLF after it.")
                if len(two) < 2:
                    break
                at += 2
                self._state = "size"
                continue
            if self._state == "trailers":
                end = self._end(buffer, at)
                if end < 0:
                    break
                self.done, at = True, end
                continue
            end = buffer.find(b"\r\n", at)
            if end < 0:
                self._unfinished_line(buffer, at)
                break
            self._left = _chunk_size(buffer[at:end])
            self._state = "data" if self._left else "trailers"
            at = end + 2
        if self.done:
            self.excess = buffer[at:]
        else:
            self._pending = buffer[at:]
        return b"".join(content)

    def _end(self, buffer: bytes, at: int) -> int:
        """Where the message ends, with its trailers read; -1 when more bytes are needed."""
        if buffer.startswith(b"\r\n", at):
            return at + 2
        end = buffer.find(b"\r\n\r\n", at)
        if (end if end >= 0 else len(buffer)) - at > TRAILERS:
            raise MessageError("head-too-big", f"The trailer section is longer than {TRAILERS:,} bytes.", 431)
        if end < 0:
            return -1
        self.trailers = parse_fields(split_lines(buffer[at : end + 4]))
        return end + 4

    def _unfinished_line(self, buffer: bytes, at: int) -> None:
        line = buffer[at:]
        if len(line) > CHUNK_LINE:
            raise MessageError("bad-chunk", f"A chunk's size line is longer than {CHUNK_LINE:,} bytes.")
        if b"\n" in line:
            raise MessageError("bad-chunk", "A chunk's size line ends with a lone LF.")
        if line and line[0] not in _HEX:
            _chunk_size(line.rstrip(b"\r"))


def _chunk_size(line: bytes) -> int:
    digits, _, extension = line.partition(b";")
    digits = digits.rstrip(b" \t")
    if not digits or len(digits) > 16 or digits.translate(None, _HEX):
        raise MessageError(
            "bad-chunk", f"A chunk's size is no hexadecimal number: {line[:20].decode('latin-1')!r}."
        )
    if len(line) > CHUNK_LINE or b"\n" in extension or b"\r" in extension or b"\0" in extension:
        raise MessageError("bad-chunk", "A chunk's extension contains a line end, a NUL, or is too long.")
    return int(digits, 16)


def write_chunk(data: bytes) -> bytes:
    """One chunk; b"" for no data, because a chunk of size 0 would end the message."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
