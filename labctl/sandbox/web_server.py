"""The web server of the town: one thread with one event loop, in which all sites, edges and their origins live."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from labctl.sandbox.web_stream import PlainStream

T = TypeVar("T")
Serve = Callable[[PlainStream], Coroutine[Any, Any, None]]
SocketAddress = tuple[str, int]


class WebServer:
    """Listeners and connections. `crashes` holds what should never happen; tests look at it.

    Make it in a thread that is in the network where it shall listen: its own thread starts there.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], PlainStream] = {}
        self._streams: weakref.WeakSet[PlainStream] = weakref.WeakSet()
        self._closed = False
        self._gate = threading.Lock()
        self.crashes: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="sandbox web")
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run this in the server's loop and wait for what it gives. Raises RuntimeError when it is closed."""
        with self._gate:
            # Nothing comes into the loop behind the end of it: nobody would ever answer.
            if self._closed:
                work.close()
                raise RuntimeError("the web server is closed")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise RuntimeError("the web server is closed") from None

    async def listen(
        self, address: SocketAddress, serve: Serve, hold: Callable[[str], float]
    ) -> SocketAddress:
        """Serve at this address (port 0: any). `hold`: peer's address to seconds. Raises OSError.

        Returns the address with its port. Call it in the server's loop.
        """
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":  # there it means that others may take the address away
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Some machines pace what they send (bbr), and flights cannot be told apart then.
            with contextlib.suppress(OSError, AttributeError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
            sock.bind(address)
            sock.listen(128)
            server = await self._loop.create_server(
                lambda: PlainStream(lambda stream: self._begin(stream, serve), hold), sock=sock
            )
        except BaseException:
            sock.close()
            raise
        self._servers.append(server)
        return sock.getsockname()[:2]  # type: ignore[no-any-return]

    def _begin(self, stream: PlainStream, serve: Serve) -> None:
        task = self._loop.create_task(self._converse(stream, serve))
        self._connections[task] = stream
        self._streams.add(stream)
        task.add_done_callback(lambda ended: self._connections.pop(ended, None))

    def socket_to(self, port: int) -> Any:
        """The server's socket of the connection from this port of a client; None when there is none."""
        for stream in list(self._connections.values()):
            if stream.port == port:
                return stream.sock
        return None

    async def _converse(self, stream: PlainStream, serve: Serve) -> None:
        """One connection to its end. A client that resets, lingers or speaks nonsense ends only its own."""
        try:
            await serve(stream)
            await stream.close()
        except OSError:  # ssl.SSLError and TimeoutError are OSErrors
            stream.abort()
        except asyncio.CancelledError:
            stream.abort()
            raise
        except Exception as error:
            self.crashes.append(error)
            stream.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(self._crashed)
        try:
            self._loop.run_forever()
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()

    def _crashed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, OSError):
            self.crashes.append(error or RuntimeError(context.get("message", "")))

    def close(self, *, also: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """End all connections, then `also`, then the thread. Idempotent."""
        with self._gate:
            already, self._closed = self._closed, True
        if already:
            return
        asyncio.run_coroutine_threadsafe(self._end(also), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _end(self, also: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        await self._hang_up()
        if also is not None:
            await also()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        # Whoever came, or listened, in the last moment.
        await self._hang_up()

    async def _hang_up(self) -> None:
        """Nobody comes any more, and who is there is sent away."""
        servers, self._servers = self._servers, []
        with contextlib.suppress(NotImplementedError):  # loops without readers accept in another way
            for server in servers:
                for sock in server.sockets:
                    self._loop.remove_reader(sock.fileno())
        # Whoever has been accepted becomes a connection before its server closes; asyncio would lose the socket.
        await _turns()
        for server in servers:
            server.close()
        connections = tuple(self._connections)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        # Also those whose task had not begun, or has left its last words to the kernel.
        for stream in tuple(self._streams):
            stream.abort()
        await _turns()


async def _turns() -> None:
    for _ in range(3):
        await asyncio.sleep(0)
