"""A server whose answers are a script: each GET gets the next one, and what was asked is kept."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

STREAM = "Content-Type: text/event-stream\r\n"


class Answer(NamedTuple):
    """`how` it ends: "end" (FIN), "reset" (RST), "hold" (when the client goes), "nothing" (without a head)."""

    body: str = ""
    status: str = "200 OK"
    fields: str = STREAM
    how: str = "end"


class Asked(NamedTuple):
    """One request for the stream; `last_event_id` None when it had no such field."""

    path: str
    last_event_id: str | None
    fields: dict[str, str]


class ScriptedStreams:
    """`answers` in order, the last one again and again; other paths than `/stream` get an empty page."""

    def __init__(self, answers: Sequence[Answer], port: int = 0) -> None:
        self.asked: list[Asked] = []
        self._answers = list(answers)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/stream"
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._closed = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def wait_asked(self, number: int, timeout_s: float = 20.0) -> None:
        """Until so many requests for the stream came."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked) >= number, timeout_s), self.asked

    def close(self) -> None:
        with self._changed:
            self._closed = True
            for held in (self._listener, *self._open):
                with contextlib.suppress(OSError):
                    held.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                if self._closed:
                    sock.close()
                    return
                self._open.add(sock)
            self._threads.append(threading.Thread(target=self._serve, args=(sock,)))
            self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with sock, contextlib.suppress(OSError):
                self._answer(sock)
        finally:
            with self._changed:
                self._open.discard(sock)

    def _answer(self, sock: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = sock.recv(65536)
            if not data:
                return
            head += data
        line, *lines = head.decode().split("\r\n")
        path = line.split(" ")[1]
        fields = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
        answer = Answer(fields="Content-Type: text/html\r\n")
        if path.startswith("/stream"):
            with self._changed:
                number = len(self.asked)
                answer = self._answers[min(number, len(self._answers) - 1)]
                self.asked.append(Asked(path, fields.get("last-event-id"), fields))
                self._changed.notify_all()
        if answer.how == "nothing":
            return
        sock.sendall(f"HTTP/1.1 {answer.status}\r\n{answer.fields}Connection: close\r\n\r\n".encode())
        sock.sendall(answer.body.encode())
        if answer.how == "hold":
            while sock.recv(65536):
                pass
        elif answer.how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.contextmanager
def scripted(*answers: Answer, port: int = 0) -> Iterator[ScriptedStreams]:
    server = ScriptedStreams(answers, port)
    try:
        yield server
    finally:
        server.close()
