"""TLS records off a stream of bytes (RFC 8446 section 5.1, RFC 5246 section 6.2.1): five bytes of header each.

`RecordReader` takes one direction's bytes as they come. It never raises: when the bytes are no TLS, or end in the
middle of a record, `trouble` says so.
"""

from __future__ import annotations

from typing import NamedTuple

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 20, 21, 22, 23, 24
TYPES = {
    CHANGE_CIPHER_SPEC: "change_cipher_spec",
    ALERT: "alert",
    HANDSHAKE: "handshake",
    APPLICATION_DATA: "application_data",
    HEARTBEAT: "heartbeat",
}
HEADER = 5
# RFC 5246 allows 2,048 bytes above 16,384 for compression and encryption, RFC 8446 only 256.
LONGEST = 16384 + 2048


class Record(NamedTuple):
    """One record. `at` is when its last byte had come, on the clock of whoever feeds; `version` as in its header."""

    at: float
    type: int
    version: int
    fragment: bytes

    @property
    def name(self) -> str:
        """`handshake`, `application_data`, ..."""
        return TYPES[self.type]

    @property
    def header(self) -> bytes:
        """The five bytes before the fragment: TLS 1.3 authenticates them."""
        return bytes((self.type,)) + self.version.to_bytes(2, "big") + len(self.fragment).to_bytes(2, "big")

    @property
    def size(self) -> int:
        """Bytes on the wire, the header included."""
        return HEADER + len(self.fragment)


class RecordReader:
    """One direction of one connection. `rest` is what has come of a record that is not whole yet."""

    def __init__(self) -> None:
        self.rest = b""
        self._broken = ""

    def feed(self, data: bytes, at: float = 0.0) -> list[Record]:
        """The records that are whole now. Nothing more comes of a stream that is no TLS."""
        buffer = self.rest + data
        records: list[Record] = []
        start = 0
        while not self._broken and len(buffer) - start >= HEADER:
            kind, version = buffer[start], int.from_bytes(buffer[start + 1 : start + 3], "big")
            length = int.from_bytes(buffer[start + 3 : start + 5], "big")
            self._broken = _wrong(kind, version, length)
            end = start + HEADER + length
            if self._broken or len(buffer) < end:
                break
            records.append(Record(at, kind, version, buffer[start + HEADER : end]))
            start = end
        self.rest = buffer[start:]
        return records

    @property
    def trouble(self) -> str:
        """ "" when all that came was whole records; else a sentence."""
        if self._broken:
            return self._broken
        if not self.rest:
            return ""
        if len(self.rest) < HEADER:
            return f"The stream ends {len(self.rest)} bytes into a record's header of {HEADER}."
        length = int.from_bytes(self.rest[3:5], "big")
        return f"The stream ends {len(self.rest) - HEADER} bytes into a record of {length}."


def read_records(data: bytes) -> tuple[list[Record], str]:
    """All records in these bytes, and what is wrong with them ("" when nothing is)."""
    reader = RecordReader()
    return reader.feed(data), reader.trouble


def _wrong(kind: int, version: int, length: int) -> str:
    if kind not in TYPES:
        return f"This is no TLS: a record cannot begin with byte {kind:#04x}."
    if version >> 8 != 3:
        return f"This is no TLS: a record's version cannot be {version:#06x}."
    if length > LONGEST:
        return f"A record of {length} bytes is longer than TLS allows."
    return ""
