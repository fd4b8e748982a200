"""An EventSource as browsers have it, for Python: blocking, with Chromium's rules, and cancellable.

It never opens again by itself what a browser would not: after a 502, a 503 or a 404 it is closed, and whoever wants
more makes another one with the last id.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from urllib.parse import urlsplit

from labctl.jobs.eventsource_connection import Connection
from labctl.jobs.eventsource_pool import PER_HOST, WITHOUT_LIMIT, ConnectionPool
from labctl.protocols.sse_source import (
    CLOSED,
    CONNECTING,
    OPEN,
    RETRIES_ANY_STATUS,
    TAKES_HALF_EVENTS,
    Closed,
    Connect,
    Happening,
    Lost,
    Message,
    Opened,
    SourceState,
    Stop,
    Wait,
)

__all__ = [
    "CLOSED",
    "CONNECTING",
    "OPEN",
    "PER_HOST",
    "RETRIES_ANY_STATUS",
    "TAKES_HALF_EVENTS",
    "WITHOUT_LIMIT",
    "Closed",
    "ConnectionPool",
    "EventSource",
    "Lost",
    "Message",
    "Opened",
    "fetch",
]


class EventSource:
    """Iterate over it: Opened, Message, Lost and Closed as they happen; after Closed it ends.

    It connects when the iteration begins. `headers` may hold an Authorization, which a browser's cannot send;
    `last_event_id`: where to begin, "" for a browser's first connection. `pool`: the connections that it shares with
    others, none by default. `read_s`: silence that counts as a lost connection, in seconds; browsers wait for ever.
    `quirks`: RETRIES_ANY_STATUS, TAKES_HALF_EVENTS. `clock`: seconds that do not go back. Raises ValueError for what
    is no http URL.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        last_event_id: str = "",
        quirks: frozenset[str] = frozenset(),
        pool: ConnectionPool | None = None,
        read_s: float | None = None,
        context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        self._origin = origin(url)
        self._credentials = _credentials(headers, cookies)
        self._pool = pool if pool is not None else ConnectionPool(quirks=frozenset({WITHOUT_LIMIT}))
        self._state = SourceState(last_event_id, quirks=quirks)
        self._read_s = read_s
        self._context = context
        self._clock = clock
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._happenings = self._run()

    @property
    def ready_state(self) -> int:
        """0 connecting, 1 open, 2 closed."""
        return CLOSED if self._closing.is_set() else self._state.ready_state

    @property
    def last_event_id(self) -> str:
        """Of the last complete event."""
        return self._state.last_event_id

    def __iter__(self) -> Iterator[Happening]:
        return self._happenings

    def close(self) -> None:
        """From any thread, also while another one waits in the iteration; that ends soon."""
        self._closing.set()
        with self._lock:
            if self._connection is not None:
                self._connection.cancel()
        self._pool.wake()
        # An iteration that was left in the middle holds a connection. ValueError: it runs, and ends by itself.
        with contextlib.suppress(ValueError):
            self._happenings.close()

    def __enter__(self) -> EventSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> Generator[Happening, None, None]:
        while not self._closing.is_set():
            step = self._state.step(self._clock())
            if isinstance(step, Stop):
                return
            if isinstance(step, Wait):
                self._closing.wait(min(step.seconds, threading.TIMEOUT_MAX))
                continue
            # Read is never asked for here: `_told` reads until the connection is lost.
            assert isinstance(step, Connect)
            last: tuple[Happening, ...] = ()
            with self._pool.connection(self._origin, cancelled=self._closing.is_set) as taken:
                if taken:
                    last = yield from self._one_connection(step.fields)
            # Told when the place among the six is free again, however long our caller takes.
            if not self._closing.is_set():
                yield from last

    def _one_connection(
        self, fields: tuple[tuple[str, str], ...]
    ) -> Generator[Happening, None, tuple[Happening, ...]]:
        connection = Connection(self._credentials, read_s=self._read_s, context=self._context)
        with self._lock:
            self._connection = connection
        try:
            return (yield from self._told(connection, fields))
        finally:
            with self._lock:
                self._connection = None
            connection.close()

    def _told(
        self, connection: Connection, fields: tuple[tuple[str, str], ...]
    ) -> Generator[Happening, None, tuple[Happening, ...]]:
        """What one connection brings while it is open; the result is what is to be told of its end."""
        state = self._state
        why = "the server ended the stream"
        try:
            if self._closing.is_set():
                return ()
            status, found = connection.get(self.url, fields)
            told = state.answered(status, found.get("content-type", ""), self._clock())
            while state.ready_state == OPEN and not self._closing.is_set():
                yield from told
                if not (data := connection.read()):
                    break
                told = state.received(data, self._clock())
            else:
                return told
        except (OSError, http.client.HTTPException, ValueError) as problem:
            # ValueError: of a Location that is no URL, a host name that cannot be one.
            why = _words(problem)
        return state.ended(why, self._clock())


def fetch(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    cookies: Mapping[str, str] | None = None,
    pool: ConnectionPool | None = None,
    timeout_s: float = 10.0,
) -> int | None:
    """The status of a GET among a browser's connections; None when no place among the six came free in time.

    Raises OSError, HTTPException, ValueError.
    """
    pool = pool if pool is not None else ConnectionPool(quirks=frozenset({WITHOUT_LIMIT}))
    with pool.connection(origin(url), timeout_s=timeout_s) as taken:
        if not taken:
            return None
        connection = Connection(_credentials(headers, cookies), read_s=timeout_s)
        try:
            status, _ = connection.get(url, (("Accept", "*/*"),))
            while connection.read():
                pass
            return status
        finally:
            connection.close()


def origin(url: str) -> str:
    """What browsers count connections by: "http://127.0.0.1:8000". Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http URL: {url!r}")
    return f"{parts.scheme}://{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _credentials(headers: Mapping[str, str] | None, cookies: Mapping[str, str] | None) -> dict[str, str]:
    found = dict(headers or {})
    if cookies:
        found["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return found


def _words(problem: Exception) -> str:
    """Of a connection that failed: "Connection refused"."""
    if isinstance(problem, TimeoutError):
        return "the server was silent for too long"
    if isinstance(problem, http.client.RemoteDisconnected):
        return "the server ended the connection without an answer"
    if isinstance(problem, http.client.IncompleteRead):
        return "the connection ended in mid-stream"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return str(problem) or type(problem).__name__
