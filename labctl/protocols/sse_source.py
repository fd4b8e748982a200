"""A browser's EventSource as a state machine: when it connects, what it sends, when it gives up for good.

Nothing is read or waited for here: the owner asks `step`, does what it says, and tells what came. The rules are those
of the WHATWG HTML standard, section 9.2, as Chromium 156 keeps to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.protocols.sse import DEFAULT_RETRY_MS, EventTooLarge, Parser, SseEvent

CONNECTING, OPEN, CLOSED = 0, 1, 2

# Not the browser's: what clients that were written in an afternoon do.
RETRIES_ANY_STATUS = "client-retries-any-status"
TAKES_HALF_EVENTS = "client-takes-half-events"


class Message(NamedTuple):
    """A complete event, as the page's listener gets it."""

    type: str
    data: str
    last_event_id: str


class Opened(NamedTuple):
    """The server's answer was a stream; `last_event_id` is what the request said, "" when it said none."""

    last_event_id: str


class Lost(NamedTuple):
    """The connection ended or failed. The next one follows `wait_ms` later; readyState is 0."""

    why: str
    wait_ms: int


class Closed(NamedTuple):
    """readyState is 2: there will be no other request. `status` is 0 when it was no answer that ended it."""

    status: int
    why: str


Happening = Message | Opened | Lost | Closed


class Connect(NamedTuple):
    """Send a GET with these fields, follow redirects, then tell `answered` or `ended`."""

    fields: tuple[tuple[str, str], ...]


class Read(NamedTuple):
    """Read, and tell `received` or `ended`."""


class Wait(NamedTuple):
    """Ask again in so many seconds."""

    seconds: float


class Stop(NamedTuple):
    """It is closed."""


class SourceState:
    """One EventSource. Times are seconds of any clock that does not go back.

    `ready_state`: 0 connecting, 1 open, 2 closed. `last_event_id`: a browser begins with "", and reopening in the
    middle is the page's business. `quirks`: RETRIES_ANY_STATUS, TAKES_HALF_EVENTS.
    """

    def __init__(self, last_event_id: str = "", *, quirks: frozenset[str] = frozenset()) -> None:
        self.ready_state = CONNECTING
        self.last_event_id = last_event_id
        self.retry_ms = DEFAULT_RETRY_MS
        self.connections = 0
        self._quirks = quirks
        self._parser = Parser(last_event_id)
        self._due: float | None = None
        self._asked = False

    @property
    def connected(self) -> bool:
        """A request is on its way, or its stream is open."""
        return self._asked and self.ready_state != CLOSED

    def step(self, now: float) -> Connect | Read | Wait | Stop:
        """What to do next."""
        if self.ready_state == CLOSED:
            return Stop()
        if self._asked:
            return Read()
        if self._due is not None and now < self._due:
            return Wait(self._due - now)
        self._due = None
        self._asked = True
        self.connections += 1
        return Connect(tuple(self._fields()))

    def answered(self, status: int, content_type: str, now: float) -> tuple[Happening, ...]:
        """The head of a response came; `status` after redirects, `content_type` the field's value or "".

        Only a 200 with text/event-stream is a stream. All else ends it for good, a proxy's 502 too.
        """
        if self.ready_state == CLOSED:
            return ()
        why = _refusal(status, content_type)
        if why and RETRIES_ANY_STATUS in self._quirks:
            return self._lose(why, now)
        if why:
            return self._close(status, why)
        self.ready_state = OPEN
        self._parser = Parser(self.last_event_id)
        return (Opened(self.last_event_id),)

    def received(self, data: bytes, now: float) -> tuple[Happening, ...]:
        """Bytes of the body came."""
        if self.ready_state != OPEN:
            return ()
        try:
            events = self._parser.feed(data)
        except EventTooLarge as problem:
            return self._close(0, str(problem))
        self._learn()
        return tuple(_message(event) for event in events)

    def ended(self, why: str, now: float) -> tuple[Happening, ...]:
        """The connection ended, in whatever way, or could not be made. What was not complete is dropped."""
        if self.ready_state == CLOSED:
            return ()
        found: tuple[Happening, ...] = ()
        if self.ready_state == OPEN and TAKES_HALF_EVENTS in self._quirks:
            if (half := self._parser.cut()) is not None:
                found = (_message(half),)
            self._learn()
        return (*found, *self._lose(why, now))

    def close(self) -> tuple[Happening, ...]:
        """The page's `close()`; nothing more happens."""
        return () if self.ready_state == CLOSED else self._close(0, "closed by the client")

    def _fields(self) -> Iterator[tuple[str, str]]:
        yield "Accept", "text/event-stream"
        yield "Cache-Control", "no-cache"
        if self.last_event_id:
            yield "Last-Event-ID", self.last_event_id

    def _learn(self) -> None:
        self.last_event_id = self._parser.last_event_id
        if self._parser.retry_ms is not None:
            self.retry_ms = self._parser.retry_ms

    def _lose(self, why: str, now: float) -> tuple[Happening, ...]:
        self.ready_state, self._asked = CONNECTING, False
        self._due = now + self.retry_ms / 1000
        return (Lost(why, self.retry_ms),)

    def _close(self, status: int, why: str) -> tuple[Happening, ...]:
        self.ready_state, self._asked = CLOSED, False
        return (Closed(status, why),)


def media_type(content_type: str) -> tuple[str, str]:
    """The essence and the charset of a Content-Type field, both in lower case, "" for what is not there."""
    essence, *parameters = content_type.split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return essence.strip().lower(), value.strip().strip('"').lower()
    return essence.strip().lower(), ""


def _refusal(status: int, content_type: str) -> str:
    """Why this is no stream; "" when it is one."""
    if status != 200:
        return f"status {status}"
    essence, charset = media_type(content_type)
    if essence != "text/event-stream":
        return f"Content-Type {essence or 'missing'}"
    if charset not in ("", "utf-8", "utf8"):
        return f"charset {charset}"
    return ""


def _message(event: SseEvent) -> Message:
    return Message(*event)
