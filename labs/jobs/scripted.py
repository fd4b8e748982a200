"""A server of streams that says what a show wants, connection by connection, and notes what it was asked."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from labs.jobs.wire import Head

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
_BREAK = struct.pack("ii", 1, 0)
# What was sent is read before the connection breaks.
_READ_S = 0.03


class Answer(NamedTuple):
    """All bytes of an answer. `broken`: then the connection breaks. `refused_s`: then nobody listens for so long."""

    data: bytes
    broken: bool = False
    refused_s: float = 0.0


class Scripted:
    """On 127.0.0.1, one connection at a time, one thread. A context manager.

    `answer` is asked for each request, with its number, from 0, and its fields by lower-case name.
    """

    def __init__(self, answer: Callable[[int, dict[str, str]], Answer]) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._address = self._listener.getsockname()
        self.url = f"http://127.0.0.1:{self._address[1]}/stream"
        self._heads: list[Head] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scripted", daemon=True)

    def heads(self) -> tuple[Head, ...]:
        """The requests so far."""
        return tuple(self._heads)

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join(5.0)
        self._listener.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._listener.settimeout(0.05)
            with contextlib.suppress(OSError):
                client, _ = self._listener.accept()
                with client:
                    client.settimeout(2.0)
                    self._one(client)

    def _one(self, client: socket.socket) -> None:
        raw = b""
        while b"\r\n\r\n" not in raw:
            if not (data := client.recv(65536)):
                return
            raw += data
        line, *rows = raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (r.partition(":") for r in rows)}
        self._heads.append(Head(time.monotonic(), line, fields))
        answer = self._answer(len(self._heads) - 1, fields)
        if answer.refused_s:
            self._listener.close()
        client.sendall(answer.data)
        if answer.broken:
            self._closing.wait(_READ_S)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BREAK)
        client.close()
        if answer.refused_s:
            self._closing.wait(answer.refused_s)
            self._listener = socket.create_server(self._address)
