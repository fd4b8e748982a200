"""Frames of HTTP/2 out of the bytes of one direction (RFC 9113 sections 4 and 6), for showing."""

from __future__ import annotations

from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER_BYTES = 9
NAMES = (
    "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE",
    "CONTINUATION",
)  # fmt: skip
# Of a payload so much is kept.
KEPT = 512
_FLAGS = {
    "DATA": {1: "END_STREAM", 8: "PADDED"},
    "HEADERS": {1: "END_STREAM", 4: "END_HEADERS", 8: "PADDED", 32: "PRIORITY"},
    "SETTINGS": {1: "ACK"},
    "PING": {1: "ACK"},
    "CONTINUATION": {4: "END_HEADERS"},
    "PUSH_PROMISE": {4: "END_HEADERS", 8: "PADDED"},
}
SETTING_NAMES = {
    1: "HEADER_TABLE_SIZE",
    2: "ENABLE_PUSH",
    3: "MAX_CONCURRENT_STREAMS",
    4: "INITIAL_WINDOW_SIZE",
    5: "MAX_FRAME_SIZE",
    6: "MAX_HEADER_LIST_SIZE",
    8: "ENABLE_CONNECT_PROTOCOL",
    9: "NO_RFC7540_PRIORITIES",
}
ERROR_NAMES = (
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
    "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
)  # fmt: skip


class Frame(NamedTuple):
    """One frame as it was written or read: `at` seconds, `length` of the payload, whose first bytes are `payload`."""

    at: float
    sent: bool
    type: str
    flags: tuple[str, ...]
    stream_id: int
    length: int
    payload: bytes = b""

    @property
    def wire_bytes(self) -> int:
        """The frame with its header."""
        return HEADER_BYTES + self.length


class FrameReader:
    """Cuts one direction's bytes into frames; feed it in any pieces. The client's preface is skipped."""

    def __init__(self, *, sent: bool) -> None:
        self.sent = sent
        self._head = b""
        self._preface = len(PREFACE) if sent else 0
        self._frame: Frame | None = None
        self._left = 0

    @property
    def announced(self) -> int:
        """The length that the frame which is still coming says that it has; 0 between two frames."""
        return self._frame.length if self._frame is not None else 0

    def feed(self, data: bytes, at: float) -> list[Frame]:
        """The frames that end in `data`. Memory is bounded by KEPT, however long a frame says that it is."""
        done = []
        if self._preface:
            skipped = min(self._preface, len(data))
            self._preface -= skipped
            data = data[skipped:]
        while data or (self._frame is not None and not self._left):
            if self._frame is None:
                taken = HEADER_BYTES - len(self._head)
                self._head += data[:taken]
                data = data[taken:]
                if len(self._head) < HEADER_BYTES:
                    break
                self._frame = _frame(self._head, at, self.sent)
                self._left = self._frame.length
                self._head = b""
            part = data[: self._left]
            data = data[len(part) :]
            self._left -= len(part)
            room = KEPT - len(self._frame.payload)
            if room > 0 and part:
                self._frame = self._frame._replace(payload=self._frame.payload + part[:room])
            if self._left:
                break
            done.append(self._frame._replace(at=at))
            self._frame = None
        return done


def _frame(head: bytes, at: float, sent: bool) -> Frame:
    length, kind, bits = int.from_bytes(head[:3], "big"), head[3], head[4]
    name = NAMES[kind] if kind < len(NAMES) else f"type {kind}"
    flags = tuple(word for bit, word in _FLAGS.get(name, {}).items() if bits & bit)
    return Frame(at, sent, name, flags, int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, length)


def settings_of(frame: Frame) -> tuple[tuple[str, int], ...]:
    """Names and values of a SETTINGS frame, as far as its payload was kept."""
    found = []
    for at in range(0, len(frame.payload) - 5, 6):
        number = int.from_bytes(frame.payload[at : at + 2], "big")
        name = SETTING_NAMES.get(number, f"setting {number}")
        found.append((name, int.from_bytes(frame.payload[at + 2 : at + 6], "big")))
    return tuple(found)


def error_name(code: int) -> str:
    """The name of an error code of RST_STREAM and GOAWAY (RFC 9113 section 7)."""
    return ERROR_NAMES[code] if 0 <= code < len(ERROR_NAMES) else f"error {code}"
