"""The programs at the two ends: a small plain HTTP server with the manners of this world, and its client."""

from __future__ import annotations

import socket
import struct
import time

from labs.tcp.stage import Program, Stage

_BODY = b"<h1>Shop</h1>\n<p>One connection, one request, one reply.</p>\n"
REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
) % len(_BODY) + _BODY

_QUIETLY = struct.pack("ii", 1, 0)


def request(host: str, path: str = "/") -> bytes:
    """A GET, as short as it may be."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: labctl\r\n\r\n".encode()


def web(stage: Stage, reply: bytes = REPLY, *, requests: int = 1, wait_ms: float = 0.0) -> Program:
    """Answers as many requests, waits for the client's FIN, and closes `wait_ms` later."""

    def program(connection: socket.socket) -> None:
        for _ in range(requests):
            if not read_head(connection):
                break
            connection.sendall(reply)
        read_to_the_end(connection)
        leave(stage, connection, wait_ms)

    return program


def leave(stage: Stage, connection: socket.socket, wait_ms: float = 0.0) -> None:
    """What the server does between the client's FIN and its own; the caller closes."""
    if stage.manners.server_acknowledges_at_once:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        # Its own close takes as long as any program's does.
        wait_ms = max(wait_ms, 2.0)
    if wait_ms:
        time.sleep(wait_ms / 1000)
    if stage.manners.server_resets:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _QUIETLY)


def read_head(connection: socket.socket) -> bytes:
    """Until the empty line; what came before the end when there was none."""
    read = b""
    while b"\r\n\r\n" not in read:
        some = connection.recv(65536)
        if not some:
            break
        read += some
    return read


def read_to_the_end(connection: socket.socket) -> int:
    """How many bytes came until the other side's FIN."""
    total = 0
    while some := connection.recv(65536):
        total += len(some)
    return total


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or fewer when the other side finished earlier."""
    read = b""
    while len(read) < size:
        some = connection.recv(size - len(read))
        if not some:
            break
        read += some
    return read


def get(host: str, path: str = "/") -> Program:
    """The client: one GET, its whole reply, and then it leaves first."""

    def program(connection: socket.socket) -> None:
        connection.sendall(request(host, path))
        head = read_head(connection)
        before, _, body = head.partition(b"\r\n\r\n")
        length = 0
        for line in before.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length" and value.strip().isdigit():
                length = int(value)
        read_exactly(connection, length - len(body))

    return program
