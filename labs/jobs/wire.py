"""The way between client and server, where it can be cut: a relay that notes the requests that go through it."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from typing import NamedTuple

_READ = 65536
# SO_LINGER on, 0 s: closing sends RST, as a connection ends that broke.
_BREAK = struct.pack("ii", 1, 0)


class Head(NamedTuple):
    """A request as it went by: monotonic seconds, its first line, its fields by lower-case name."""

    at: float
    line: str
    fields: dict[str, str]


class Wire:
    """A relay on 127.0.0.1 to whatever `aim` says; one thread. A context manager."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._target: tuple[str, int] | None = None
        self._lock = threading.Lock()
        self._heads: list[Head] = []
        self._begun: dict[socket.socket, bytes] = {}
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        self._cutting = threading.Event()
        self._cut_done = threading.Event()
        self._closing = False
        for each in (self._listener, self._woken):
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    def aim(self, host: str, port: int) -> None:
        """Where connections lead from now on."""
        self._target = (host, port)
        if not self._thread.is_alive():
            self._thread.start()

    def heads(self) -> tuple[Head, ...]:
        """The requests so far."""
        with self._lock:
            return tuple(self._heads)

    def cut(self) -> None:
        """Break all connections that are open now. New ones go through."""
        self._cut_done.clear()
        self._cutting.set()
        self._waker.send(b".")
        self._cut_done.wait(5.0)

    def close(self) -> None:
        self._closing = True
        self._waker.send(b".")
        if self._thread.is_alive():
            self._thread.join(5.0)
        for each in (*self._pairs, self._listener, self._woken, self._waker):
            each.close()
        self._selector.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select():
                found = key.fileobj
                assert isinstance(found, socket.socket)
                if found is self._woken:
                    self._woken.recv(100)
                elif found is self._listener:
                    self._accept()
                elif found in self._pairs:
                    self._pass_on(found)
            if self._cutting.is_set():
                self._cutting.clear()
                for each in list(self._pairs):
                    self._end(each, broken=True)
                self._cut_done.set()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            client, _ = self._listener.accept()
            try:
                assert self._target is not None
                server = socket.create_connection(self._target, timeout=10.0)
            except OSError:
                client.close()
                return
            for one, other in ((client, server), (server, client)):
                one.setblocking(True)
                one.settimeout(5.0)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pairs[one] = other
                self._selector.register(one, selectors.EVENT_READ)
            self._begun[client] = b""

    def _pass_on(self, source: socket.socket) -> None:
        try:
            data = source.recv(_READ)
            if data:
                self._pairs[source].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._end(source, broken=False)
        elif source in self._begun:
            self._note(source, data)

    def _note(self, source: socket.socket, data: bytes) -> None:
        """One request a connection: the clients of this lab send no second one."""
        whole = self._begun[source] + data
        head, ended, _ = whole.partition(b"\r\n\r\n")
        self._begun[source] = whole
        if not ended:
            return
        del self._begun[source]
        line, *rows = head.decode("latin-1").split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (r.partition(":") for r in rows)}
        with self._lock:
            self._heads.append(Head(time.monotonic(), line, fields))

    def _end(self, source: socket.socket, *, broken: bool) -> None:
        other = self._pairs.get(source)
        for each in (source, other):
            if each is not None and self._pairs.pop(each, None) is not None:
                self._begun.pop(each, None)
                self._selector.unregister(each)
                if broken:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BREAK)
                each.close()
