"""The way to the origin: connections that are kept alive and pooled, one exchange at a time on each.

Nothing here awaits while a pooled connection is there: a miss is callbacks from the first byte to the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from labctl.sandbox.edge_listener import Listener, OriginFailure, not_connected
from labctl.sandbox.edge_origin_connection import OriginConnection

Connect = Callable[[Callable[[], Any]], Awaitable[Any]]
# A connection that has been idle for longer is not used again: most servers close theirs after 5 to 75 seconds.
IDLE_S = 4.0
_MOST_IDLE = 64


class Origin:
    """Where requests are forwarded to: `connect(factory)` opens one connection with that protocol.

    `delay_s` is waited before each request leaves, as distance; `timeout_s` of silence are a 504.
    """

    def __init__(self, connect: Connect, *, name: str, delay_s: float = 0.0, timeout_s: float = 60.0) -> None:
        self._connect = connect
        # All connections of this loop are read into it, and what came is taken out at once: a new buffer for each
        # read, as asyncio.Protocol has it, takes 256 kB from the system and gives them back, which costs 11 us.
        self.received = memoryview(bytearray(64 * 1024))
        self.name = name
        self.delay_s = delay_s
        self.timeout_s = timeout_s
        self.open: set[OriginConnection] = set()
        self._idle: list[OriginConnection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self.time: Callable[[], float] = asyncio.get_running_loop().time

    def send(self, listener: Listener, head: bytes, *, sent_all: bool = True, new: bool = False) -> None:
        """Send a request's head on an idle connection, or on a new one. What comes of it the listener hears."""
        if self.delay_s or self._closed:
            self._later(listener, head, sent_all, new)
            return
        while self._idle and not new:
            connection = self._idle.pop()
            if connection.transport.is_closing():
                continue
            if self.time() - connection.touched > IDLE_S:
                connection.transport.close()
                continue
            connection.start(listener, head, sent_all)
            return
        self._later(listener, head, sent_all, True)

    def _later(self, listener: Listener, head: bytes, sent_all: bool, new: bool) -> None:
        task = asyncio.get_running_loop().create_task(self._open(listener, head, sent_all, new))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, listener: Listener, head: bytes, sent_all: bool, new: bool) -> None:
        if self._closed:
            listener.failed(OriginFailure("closed", "The edge is being closed."))
            return
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if not new:
            while self._idle:
                old = self._idle.pop()
                if not old.transport.is_closing() and self.time() - old.touched <= IDLE_S:
                    if listener.cancelled:
                        self._idle.append(old)
                    else:
                        old.start(listener, head, sent_all)
                    return
        connection = OriginConnection(self)
        try:
            async with asyncio.timeout(min(self.timeout_s, 10.0)):
                await self._connect(lambda: connection)
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            if not listener.cancelled:
                listener.failed(not_connected(self.name, error))
            return
        if listener.cancelled:
            self.give_back(connection)
        elif not connection.transport.is_closing():
            connection.start(listener, head, sent_all)
        else:
            listener.failed(OriginFailure("closed", "The origin closed the connection and did not answer."))

    def give_back(self, connection: OriginConnection) -> None:
        """A connection whose exchange is over and that stays open."""
        if self._closed or len(self._idle) >= _MOST_IDLE:
            connection.transport.close()
        else:
            self._idle.append(connection)

    def forget(self, connection: OriginConnection) -> None:
        """A connection that is closed."""
        self.open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def sweep(self) -> None:
        """Give up on those that keep us waiting for longer than `timeout_s`, close what is idle for too long."""
        now = self.time()
        for connection in tuple(self.open):
            if connection.waiting and now - connection.touched > self.timeout_s:
                connection.timed_out()
        while self._idle and now - self._idle[0].touched > IDLE_S:
            self._idle.pop(0).transport.close()

    async def close(self) -> None:
        """End all connections; whoever waits is told."""
        self._closed = True
        for connection in tuple(self.open):
            if connection.transport is not None:
                connection.transport.abort()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
