"""A reverse proxy that keeps answers back as nginx does by default, and passes on at once what asks for it."""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import threading

BUFFER = 4096
_READ = 65536
_HOP = re.compile(rb"\r\n(?:Host|Connection):[^\r\n]*", re.IGNORECASE)
_AT_ONCE = re.compile(rb"\r\nX-Accel-Buffering:[ \t]*no[ \t]*(?:\r\n|$)", re.IGNORECASE)


class BufferingProxy:
    """On 127.0.0.1 before one server; one request at a time, one thread. A context manager.

    An answer waits, its head too, until there are 4 KB of it or its end; not so one with X-Accel-Buffering: no, unless
    `ignores` says that the field counts for nothing (nginx's proxy_ignore_headers).
    """

    def __init__(self, host: str, port: int, *, ignores: bool = False) -> None:
        self._target = (host, port)
        self._ignores = ignores
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="buffering-proxy", daemon=True)

    def __enter__(self) -> BufferingProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join(5.0)
        self._listener.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(OSError):
                client, _ = self._listener.accept()
                with client, socket.create_connection(self._target, timeout=5.0) as server:
                    client.settimeout(5.0)
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._one(client, server)

    def _one(self, client: socket.socket, server: socket.socket) -> None:
        """Raises OSError."""
        asked = b""
        while b"\r\n\r\n" not in asked:
            if not (data := client.recv(_READ)):
                return
            asked += data
        head, end, body = asked.partition(b"\r\n\r\n")
        host = f"\r\nHost: {self._target[0]}:{self._target[1]}\r\nConnection: close".encode()
        server.sendall(_HOP.sub(b"", head) + host + end + body)
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ)
            selector.register(server, selectors.EVENT_READ)
            self._answer(client, server, selector)

    def _answer(
        self, client: socket.socket, server: socket.socket, selector: selectors.DefaultSelector
    ) -> None:
        kept, head, at_once = b"", b"", False
        while not self._closing.is_set():
            ready = [key.fileobj for key, _ in selector.select(0.05)]
            if client in ready and not client.recv(_READ):
                return
            if server not in ready:
                continue
            data = server.recv(_READ)
            kept += data
            if b"\r\n\r\n" not in head:
                head += data
                fields, ended, _ = head.partition(b"\r\n\r\n")
                at_once = bool(ended) and not self._ignores and _AT_ONCE.search(fields) is not None
            if at_once or len(kept) >= BUFFER or not data:
                client.sendall(kept)
                kept = b""
            if not data:
                return
