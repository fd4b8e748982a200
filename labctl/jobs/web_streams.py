"""Streams out of a pool of threads: how many are admitted, and a body that gives its place back when the client left.

A stream holds a thread for as long as it lasts. With as many streams as threads the whole site stands still, so fewer
are admitted than there are threads, and the rest is told to come again.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from labctl.jobs.settings import Settings
from labctl.jobs.web_answers import RETRY_S, Refusal, too_much
from labctl.protocols import sse

if TYPE_CHECKING:
    from labctl.jobs.store import Event

# Who takes nothing for so long has gone, even when it never said so.
_STALLED_MS = 30_000


class Places:
    """How many streams a process has, in all and by user. Thread safe."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.streams
        self._most_of_one = settings.streams_per_user
        self._limited = "no-admission-limit" not in settings.faults
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()

    @property
    def used(self) -> int:
        """Streams that are open now."""
        with self._lock:
            return self._used.total()

    def take(self, user: str) -> Callable[[], None]:
        """A place, and what gives it back (once, however often it is called). Raises Refusal 429, 503."""
        with self._lock:
            if self._limited:
                if self._used.total() >= self._most:
                    raise too_much(503, "All places for streams are taken.", RETRY_S, "no-place")
                if self._used[user] >= self._most_of_one:
                    raise too_much(429, "You have too many streams open.", RETRY_S, "too-many-streams")
            self._used[user] += 1
        given_back = threading.Lock()

        def give_back() -> None:
            if given_back.acquire(blocking=False):
                with self._lock:
                    self._used[user] -= 1
                    if not self._used[user]:
                        del self._used[user]

        return give_back


class Body:
    """The bytes of one stream. Its server calls `close`, also when no byte of it was asked for: a generator that never
    began would not notice, and keep its place."""

    def __init__(
        self, settings: Settings, heard: Iterator[tuple[Event, ...]], closed: Callable[[bool], None]
    ) -> None:
        self._heard = heard
        self._closed = closed
        self._faults = settings.faults
        self._ended = False
        self._first: bytes | None = beginning(settings)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        for events in self._heard:
            if events:
                return self._encoded(events)
            if "no-heartbeat" not in self._faults:
                return sse.BEAT
        self._ended = True
        raise StopIteration

    def close(self) -> None:
        """The stream is over, at its end or before."""
        close = getattr(self._heard, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._closed(self._ended)

    def _encoded(self, events: tuple[Event, ...]) -> bytes:
        without = "ids-left-out" in self._faults
        # An event that stands in no store has no id there either.
        return b"".join(
            sse.encode(event.type, event.data, None if without or event.id < 0 else event.id)
            for event in events
        )


def beginning(settings: Settings) -> bytes:
    """How long a client waits before it comes back: milliseconds, and digits only."""
    if "retry-in-seconds" in settings.faults:
        return f"retry: {settings.retry_ms / 1000}\n\n".encode()
    return sse.encode_retry(settings.retry_ms)


def headers(settings: Settings) -> dict[str, str]:
    """Of a stream: kept by no cache, and passed on at once by nginx."""
    found = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if "no-accel-header" in settings.faults:
        del found["X-Accel-Buffering"]
    return found


def last_event_id(field: str | None, query: str | None) -> int:
    """The id of the last event that the client has, -1 for none. The field counts, then the query, which is what a
    page that opens a new EventSource can set. Raises Refusal 400."""
    text = field or query or "-1"
    if text != "-1" and not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Refusal(400, "last-event-id-invalid", "Last-Event-ID is not the id of an event.")
    return int(text)


def notice_stalled(connection: Any) -> None:
    """A client that takes nothing any more and never closes: the kernel ends its connection. Linux, else nothing."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if isinstance(connection, socket.socket) and option is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, option, _STALLED_MS)
