"""A small WSGI server: one acceptor, at most so many threads, a connection a thread, HTTP/1.1 by our own parser.

    with WsgiServer(app, ("127.0.0.1", 0)) as server:
        print(server.address)

A connection keeps its thread while it lasts. When another one waits for a thread, the one that is silent for the
longest time is closed, and the busy ones end with their response. So a client cannot hold the server by doing nothing,
nor by asking on and on; slow ones are bounded by `Limits`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import socket
import sys
import threading
import time
import traceback
from typing import IO

from labctl.protocols.wsgi_contract import Application
from labctl.serving.wsgi_server_connection import Connection
from labctl.serving.wsgi_server_limits import Limits, Service, Tell
from labctl.serving.wsgi_server_socket import ClientSocket

_BACKLOG = 128


class WsgiServer:
    """Serves from the moment it is made. `address` is (host, port), or the path of a Unix socket.

    `at` says where to listen; a listening socket is taken as it is, and closed in the end. At most `threads`
    connections are served at once, the others wait in the backlog. `on_event(kind, data)` is called in the thread
    of the connection: "begin", "end" and "broken" of a request, "refused" of what was none. Raises OSError.
    """

    def __init__(
        self,
        app: Application,
        at: tuple[str, int] | str | socket.socket = ("127.0.0.1", 0),
        *,
        threads: int = 32,
        limits: Limits | None = None,
        on_event: Tell | None = None,
        errors: IO[str] | None = None,
        backlog: int = _BACKLOG,
        multiprocess: bool = False,
    ) -> None:
        self._listener = at if isinstance(at, socket.socket) else listen(at, backlog)
        self._listener.setblocking(False)
        name = self._listener.getsockname()
        self.address: tuple[str, int] | str = name if isinstance(name, str) else name[:2]
        self._most = threads
        self._ending = threading.Event()
        self._service = Service(
            app,
            limits or Limits(),
            self._ending,
            threading.Event(),
            on_event,
            errors or sys.stderr,
            multithread=threads > 1,
            multiprocess=multiprocess,
        )
        self._given: queue.SimpleQueue[tuple[socket.socket, tuple[str, int] | str] | None] = (
            queue.SimpleQueue()
        )
        # All below belongs to the lock.
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._threads: list[threading.Thread] = []
        self._serving: dict[Connection, ClientSocket] = {}
        self._busy = 0
        self._wake, self._woken = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, name="wsgi accept", daemon=True)
        self._acceptor.start()

    def __enter__(self) -> WsgiServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The acceptor's thread.

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while selector.select() and self._wait_for_room():
                try:
                    sock, client = self._listener.accept()
                except BlockingIOError:  # it was gone before it was accepted
                    continue
                except OSError:  # no descriptors are left: one may be free again soon
                    self._ending.wait(0.05)
                    continue
                self._hand_on(sock, client if isinstance(client, str) else client[:2])

    def _wait_for_room(self) -> bool:
        """Until a thread is free; a silent connection makes room. False when the server ends."""
        with self._room:
            while self._busy >= self._most and not self._ending.is_set():
                self._service.crowded.set()
                self._evict()
                # A connection that falls silent does not notify: that would cost each request a lock.
                self._room.wait(0.05)
            self._service.crowded.clear()
            return not self._ending.is_set()

    def _evict(self) -> None:
        before = time.monotonic() - self._service.limits.crowded_s
        silent = [each for each in self._serving if 0 < each.silent_since <= before]
        if silent:
            longest = min(silent, key=lambda each: each.silent_since)
            if self._serving[longest].quiet():
                self._serving[longest].interrupt()

    def _hand_on(self, sock: socket.socket, client: tuple[str, int] | str) -> None:
        with self._lock:
            self._busy += 1
            if self._busy > len(self._threads):
                name = f"wsgi {len(self._threads) + 1}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
        self._given.put((sock, client))

    # A connection's thread.

    def _work(self) -> None:
        while (given := self._given.get()) is not None:
            sock, client = given
            try:
                with sock, contextlib.suppress(OSError):  # the client may be gone already
                    self._serve(ClientSocket(sock, self._service.limits.write_s), client)
            except Exception:  # a bug of ours ends one connection, not the thread
                traceback.print_exc(file=self._service.errors)
            finally:
                with self._room:
                    self._busy -= 1
                    self._room.notify()

    def _serve(self, stream: ClientSocket, client: tuple[str, int] | str) -> None:
        connection = Connection(stream, client, self._service)
        with self._lock:
            if self._ending.is_set():
                return
            self._serving[connection] = stream
        try:
            connection.serve()
        finally:
            with self._lock:
                del self._serving[connection]

    # The end.

    def close(self, grace_s: float = 2.0) -> bool:
        """Stop listening, let running requests end, cut what is not through after `grace_s` seconds.

        False: an application does not come back, and its threads are left (they are daemons). Idempotent.
        """
        if not self._ending.is_set():
            self._ending.set()
            with self._room:
                self._room.notify_all()
            self._wake.send(b"\0")
            self._acceptor.join()
            self._listener.close()
            if isinstance(self.address, str) and self.address:
                with contextlib.suppress(OSError):
                    os.unlink(self.address)
            for _ in self._threads:
                self._given.put(None)
            self._wake.close()
            self._woken.close()
        self._interrupt_silent()
        end = time.monotonic() + grace_s
        self._join(end)
        with self._lock:
            for stream in self._serving.values():
                stream.abort()
        return self._join(end + 1.0)

    def _interrupt_silent(self) -> None:
        with self._lock:
            for connection, stream in self._serving.items():
                if connection.silent_since:
                    stream.interrupt()

    def _join(self, end: float) -> bool:
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)


def listen(at: tuple[str, int] | str, backlog: int = _BACKLOG) -> socket.socket:
    """A listening socket. Raises OSError."""
    if isinstance(at, tuple):
        family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
        return socket.create_server(at, family=family, backlog=backlog)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(at)
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    return listener
