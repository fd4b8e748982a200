"""Server-sent events on the wire: an encoder, and the parser of the WHATWG HTML standard, section 9.2.6.

What a browser does with them (when it connects again, when it gives up) is in `sse_source`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

BEAT = b": beat\n\n"
LIMIT = 16 * 1024 * 1024
DEFAULT_RETRY_MS = 3000  # Chromium's, when no server said another.

_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


class SseEvent(NamedTuple):
    """One event. `type` is "message" without an `event` line; `last_event_id` is the id that is now the last one."""

    type: str
    data: str
    last_event_id: str


class EventTooLarge(ValueError):
    """One event, or one line, has more bytes than the parser's limit."""


def encode(event_type: str, data: str | Mapping[str, Any], id: int | str | None = None) -> bytes:
    """One event as bytes; a mapping becomes JSON on one line, a text one `data` line per line of its own.

    `event_type` "" or "message" writes no `event` line, `id` None no `id` line. Raises ValueError for a line end in
    the type or the id, or a NUL in the id: nobody could read them.
    """
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    lines = []
    if id is not None:
        lines.append(f"id: {_on_one_line(str(id), 'an id')}")
    if event_type not in ("", "message"):
        lines.append(f"event: {_on_one_line(event_type, 'an event type')}")
    lines += [f"data: {line}" for line in _LINE_ENDS.split(text)]
    return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


def encode_retry(milliseconds: int) -> bytes:
    """The block that sets how long a client waits before it connects again."""
    return b"retry: %d\n\n" % milliseconds


def _on_one_line(text: str, what: str) -> str:
    if _LINE_ENDS.search(text) or "\0" in text:
        raise ValueError(f"{what} has no line end and no NUL")
    return text


class Parser:
    """Bytes in, complete events out; however the bytes are cut, the events are the same.

    `last_event_id` changes with a complete block only, and may be given from an earlier connection. `retry_ms`: what
    the last valid `retry` line said, None when there was none. `comments`: how many there were (heartbeats are
    comments).
    """

    def __init__(self, last_event_id: str = "", *, limit: int = LIMIT) -> None:
        self.last_event_id = last_event_id
        self.retry_ms: int | None = None
        self.comments = 0
        self._limit = limit
        self._rest: list[bytes] = []
        self._held = 0
        self._begun = False
        self._after_cr = False
        self._id = last_event_id
        self._type = ""
        self._data: list[str] = []

    def feed(self, data: bytes) -> list[SseEvent]:
        """The events that these bytes completed. Raises EventTooLarge; the parser is of no use then."""
        if self._after_cr and data:
            # The LF of a CR LF that was cut in two.
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if not data:
            return []
        if b"\n" not in data and b"\r" not in data:
            self._keep(data)
            return []
        self._after_cr = data.endswith(b"\r")
        # Not splitlines(): there are other line ends in its world, for bytes too.
        lines = re.split(rb"\r\n|\r|\n", b"".join([*self._rest, data]))
        self._rest = []
        self._held = sum(len(part) + 1 for part in self._data)
        self._keep(lines.pop())
        return [event for line in lines if (event := self._line(line)) is not None]

    def cut(self) -> SseEvent | None:
        """The event that was not complete when the connection ended, as a careless client would take it.

        A browser drops it. What it looked like is still told: a lab shows what goes wrong with it.
        """
        if self._rest:
            line, self._rest = b"".join(self._rest), []
            if (event := self._line(line)) is not None:
                return event
        return self._line(b"") if self._data else None

    def _keep(self, data: bytes) -> None:
        self._held += len(data)
        if self._held > self._limit:
            raise EventTooLarge(f"an event has more than {self._limit} bytes")
        if data:
            self._rest.append(data)

    def _line(self, raw: bytes) -> SseEvent | None:
        if not self._begun:
            self._begun = True
            raw = raw.removeprefix(_BOM)
        if not raw:
            return self._dispatch()
        if raw.startswith(b":"):
            self.comments += 1
            return None
        name, _, value = raw.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._held += len(value) + 1
            if self._held > self._limit:
                raise EventTooLarge(f"an event has more than {self._limit} bytes")
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry":
            self._retry(value)
        return None

    def _retry(self, value: str) -> None:
        if not value:
            # Chromium's reading of what the standard leaves open.
            self.retry_ms = DEFAULT_RETRY_MS
        elif value.isascii() and value.isdigit() and len(value) <= 20 and int(value) < 2**64:
            self.retry_ms = int(value)

    def _dispatch(self) -> SseEvent | None:
        self.last_event_id = self._id
        kind, data = self._type or "message", self._data
        self._type, self._data, self._held = "", [], 0
        return SseEvent(kind, "\n".join(data), self.last_event_id) if data else None
