"""The stream server: thousands of idle streams in one process, where a thread for each would be too many.

`python -m labctl.jobs.stream_server`, with the settings in LABCTL_JOBS and a listening socket's descriptor in
LABCTL_JOBS_FD, which stays open while we are started again. It answers GET /api/jobs/ID/stream by the rules of the web
application, from the same store, and nothing else.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from labctl.jobs.feed import Feed
from labctl.jobs.settings import Settings
from labctl.jobs.stream_server_channel import Channels
from labctl.jobs.stream_server_connection import Connection, Limits
from labctl.jobs.stream_server_gate import Answer, Begin, Gate
from labctl.protocols import sse
from labctl.protocols.http1 import RequestHead

if TYPE_CHECKING:
    from labctl.jobs.store import Store

DESCRIPTOR = "LABCTL_JOBS_FD"
_LOOKUPS = 4  # threads that ask the store for newcomers
_AT_ONCE = 200  # beats in a row, before events get their turn
_BACKLOG = 4096
_SPARE_FILES = 300
_MOST_FILES = 65_536


class StreamServer:
    """Serves streams on a listening socket, on the running loop. `limits` are for each connection."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        gate: Gate,
        feed: Feed,
        limits: Limits = Limits(),  # noqa: B008
    ) -> None:
        self.settings = settings
        self.limits = limits
        self.gate = gate
        self.loop = asyncio.get_running_loop()
        self.channels = Channels(feed, self.loop)
        self.now = self.loop.time()  # as of the last tick: exact enough for beats, and free to read
        self.dropped = 0
        self._feed = feed
        self._connections: set[Connection] = set()
        self._streams: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="jobs lookup")
        self._ended = asyncio.Event()
        self._tick_s = max(0.01, min(1.0, settings.heartbeat_s / 4, limits.head_s / 2, limits.last_s / 2))

    async def serve(self, listener: socket.socket) -> None:
        """Until `end` is called; then no new connection is taken, and those that are open are ended."""
        server = await self.loop.create_server(lambda: Connection(self), sock=listener, backlog=_BACKLOG)
        timer = self.loop.call_later(self._tick_s, self._tick)
        try:
            await self._ended.wait()
        finally:
            timer.cancel()
            self._ended.set()
            server.close()
            self._feed.close()
            await self._end_all()
            self._pool.shutdown()

    def end(self) -> None:
        """Ends `serve`, from the loop's thread. Clients see a clean end and come back."""
        self._ended.set()

    def admit(self, connection: Connection) -> bool:
        """False when there are so many that not even an answer can be given."""
        self._connections.add(connection)
        return len(self._connections) <= self.limits.connections + self.limits.refusals

    def crowded(self) -> Answer | None:
        """The answer when there are too many connections."""
        if len(self._connections) <= self.limits.connections:
            return None
        sentence = "The stream server has as many connections as it bears."
        return Answer(503, "too-many-connections", sentence, (("Retry-After", "5"),))

    def ask(self, connection: Connection, head: RequestHead, fields: Mapping[str, str]) -> None:
        """Has the gate decide in a thread, and the connection told."""
        asked = self.loop.run_in_executor(self._pool, self.gate.decide, head, fields)

        def tell(done: asyncio.Future[Answer | Begin]) -> None:
            if done.cancelled():
                return
            if done.exception() is not None:
                context = {"message": "a request failed", "exception": done.exception()}
                self.loop.call_exception_handler(context)
                connection.decided(Answer(500, "failed", "The stream server failed; its log says why."))
            elif not self._ended.is_set():
                connection.decided(done.result())

        asked.add_done_callback(tell)

    def take_stream(self, connection: Connection, user: str) -> Answer | None:
        """Counts a stream of this user; an answer when there are too many already."""
        if self._streams[user] >= self.settings.streams_per_user:
            sentence = f"You have {self._streams[user]} streams open, and more are not allowed."
            return Answer(429, "too-many-streams", sentence, (("Retry-After", "5"),))
        self._streams[user] += 1
        connection.user = user
        return None

    def lost(self, connection: Connection) -> None:
        """The connection is gone, whoever ended it."""
        self._connections.discard(connection)
        self.channels.leave(connection)
        if connection.user:
            self._streams[connection.user] -= 1
            if not self._streams[connection.user]:
                del self._streams[connection.user]
            connection.user = ""

    def _tick(self) -> None:
        """One timer for all: deadlines and beats."""
        if self._ended.is_set():
            return
        now = self.now = self.loop.time()
        quiet = []
        for connection in list(self._connections):
            if connection.state == "streaming":
                if now - connection.sent_at >= self.settings.heartbeat_s:
                    quiet.append(connection)
            elif connection.until and now > connection.until:
                connection.transport.abort()
        self._beat(quiet)
        self.loop.call_later(self._tick_s, self._tick)

    def _beat(self, quiet: list[Connection]) -> None:
        for connection in quiet[:_AT_ONCE]:
            if connection.state == "streaming":
                connection.send(sse.BEAT)
        if len(quiet) > _AT_ONCE:
            self.loop.call_soon(self._beat, quiet[_AT_ONCE:])

    async def _end_all(self) -> None:
        for connection in list(self._connections):
            connection.transport.close()
        for _ in range(50):
            if not self._connections:
                return
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.transport.abort()
        await asyncio.sleep(0)


def raise_files() -> int:
    """Lets this process open as many files as it may; how many that are."""
    try:
        import resource
    except ImportError:
        return 512
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else hard
    with suppress(ValueError, OSError):
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft


async def run(settings: Settings, listener: socket.socket) -> None:
    """A whole server: store, users, feed. Ends on SIGTERM or SIGINT."""
    from labctl.jobs.access import Access
    from labctl.jobs.store import Store

    store = Store(settings)
    most = max(10, min(Limits().connections, raise_files() - _SPARE_FILES))
    feed = Feed(store, settings)
    try:
        gate = Gate(store, Access(settings))
        server = StreamServer(settings, store, gate, feed, Limits(connections=most))
        for number in (signal.SIGTERM, signal.SIGINT):
            server.loop.add_signal_handler(number, server.end)
        await server.serve(listener)
    finally:
        feed.close()
        store.close()


def main() -> None:
    """With what the service left in the environment."""
    settings = Settings.from_environment()
    listener = socket.socket(fileno=int(os.environ[DESCRIPTOR]))
    listener.setblocking(False)
    asyncio.run(run(settings, listener))


if __name__ == "__main__":
    main()
