"""Clients on a bad line: one reads an answer slowly, one sends an upload slowly; and somebody else who waits."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from labctl.protocols.http1 import write_request_head
from labctl.serving.asking import Address, ask

_STEP_S = 0.01
# The kernel takes what fits in here, whoever reads; small, so that the line is the client's pace.
_WINDOW_BYTES = 32 * 1024
_UPLOAD_BYTES = 400_000
_BEFORE_OTHER_S = 0.15


class Slow(NamedTuple):
    """What a slow client and somebody else saw. Milliseconds; `began_ns` on time.monotonic_ns()."""

    began_ns: int
    took_ms: float
    other_waited_ms: float
    bytes: int
    ok: bool


def read_slowly(where: Address, size: int, seconds: float) -> Slow:
    """Ask for `/big` and read its `size` bytes over so many seconds; meanwhile somebody else asks for `/quick`."""

    def converse(line: socket.socket) -> int:
        line.sendall(write_request_head("GET", "/big", (("Host", "www.shop.test"), ("Connection", "close"))))
        began, got = time.monotonic(), 0
        while True:
            allowed = size * (time.monotonic() - began) / seconds
            if got > allowed:
                time.sleep(_STEP_S)
                continue
            data = line.recv(256 * 1024)
            if not data:
                return got
            got += len(data)

    return _both(where, converse, size)


def send_slowly(where: Address, seconds: float) -> Slow:
    """Upload 400 kB to `/upload` over so many seconds; meanwhile somebody else asks for `/quick`."""

    def converse(line: socket.socket) -> int:
        fields = (
            ("Host", "www.shop.test"),
            ("Content-Length", str(_UPLOAD_BYTES)),
            ("Connection", "close"),
        )
        line.sendall(write_request_head("POST", "/upload", fields))
        began, sent = time.monotonic(), 0
        while sent < _UPLOAD_BYTES:
            due = min(_UPLOAD_BYTES, int(_UPLOAD_BYTES * (time.monotonic() - began) / seconds))
            if due > sent:
                line.sendall(b"x" * (due - sent))
                sent = due
            time.sleep(_STEP_S)
        while line.recv(65536):
            pass
        return sent

    return _both(where, converse, _UPLOAD_BYTES)


def _both(where: Address, converse: Callable[[socket.socket], int], size: int) -> Slow:
    waited: list[float] = []

    def other() -> None:
        time.sleep(_BEFORE_OTHER_S)
        answer = ask(where, "/quick", timeout_s=20.0)
        waited.append(answer.end_ms if answer.status == 200 else -1.0)

    thread = threading.Thread(target=other, name="somebody else", daemon=True)
    family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW_BYTES)
        line.settimeout(20.0)
        began_ns = time.monotonic_ns()
        thread.start()
        try:
            line.connect(where)
            got = converse(line)
        except OSError:
            got = -1
        took = (time.monotonic_ns() - began_ns) / 1e6
    thread.join()
    return Slow(began_ns, took, waited[0], got, got >= size and waited[0] >= 0)
