"""A server that writes head and content with two calls, and what Nagle's rule makes of it on a kept connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from labctl.events import Event, Row
from labctl.fetch.exchange import Request, ask
from labctl.fetch.stream import Stream
from labctl.network import Network
from labctl.protocols.http1 import read_request_head, write_response_head
from labctl.protocols.url import Url
from labs.http.claims import TWO_WRITES
from labs.http.peer import Desk
from labs.telling import about, measured, opening, result, table
from labs.words import ms

PORT = 8080
REQUESTS = 5
BODY = b"The content, in a call of its own.\n"
# The delayed acknowledgement of Linux, less what clocks and a busy machine may cost.
LEAST_MS = 30.0


def show(desk: Desk) -> Iterator[Event]:
    yield opening("send(head), send(content)", "the same handler, two sockets")
    network = desk.internet.network
    if network is None:
        yield TWO_WRITES.not_seen("This sandbox has no network for a server of the lab's own.")
        return
    two = _times(desk, network, writes=2, at_once="server-sends-at-once" in desk.habits)
    one = _times(desk, network, writes=1, at_once=False)
    if len(two) < REQUESTS or len(one) < REQUESTS:
        yield TWO_WRITES.not_seen("The exchanges were not finished.")
        return
    rows = [
        Row(
            text=f"Request {number} on the kept connection: two writes {ms(a)}, one write {ms(b)}.",
            cells=(str(number), ms(a), ms(b)),
            hues=("mute", "warn" if a - b >= LEAST_MS else "", "ok"),
        )
        for number, (a, b) in enumerate(zip(two, one, strict=True), 1)
    ]
    yield table("two-writes", "How long each response took", ("", "two writes", "one write"), rows)
    yield about("Nagle", "no second small segment of the server while the first is not acknowledged")
    yield about("delayed", "no bare ACK of the client for some 40 ms: a request might come to carry it")
    yield about(
        "first", "a client's kernel acknowledges at once while a connection is new: a round trip, no 40 ms"
    )
    slow, fast = (round(sorted(took[1:])[(REQUESTS - 1) // 2], 1) for took in (two, one))
    yield measured("http.two_writes.slow", slow, f"Two writes took {ms(slow)} a response.", "ms")
    yield measured("http.two_writes.fast", fast, f"One write took {ms(fast)} a response.", "ms")
    cost = slow - fast
    yield TWO_WRITES.judged(
        cost >= LEAST_MS,
        f"Two writes took {ms(slow)} a response, one write {ms(fast)}: {ms(max(0.0, cost))} more.",
    )
    if cost >= LEAST_MS:
        yield result("Write a response in one call, or set TCP_NODELAY. The handler itself was never slow.")


def _times(desk: Desk, network: Network, *, writes: int, at_once: bool) -> list[float]:
    """Milliseconds of each response on one kept connection."""
    took: list[float] = []
    with _server(network, writes, at_once) as (address, port), network.client_socket() as sock:
        try:
            sock.connect((address, port))
        except OSError:
            return took
        stream = Stream(sock, desk.internet.clock)
        url = Url("http", address, port)
        for _ in range(REQUESTS):
            answer = ask(stream, Request("GET", url), clock=desk.internet.clock)
            if answer.failure:
                break
            took.append(((answer.times.end_at or 0.0) - answer.times.sent_at) * 1000)
    return took


@contextmanager
def _server(network: Network, writes: int, at_once: bool) -> Iterator[tuple[str, int]]:
    """Serves one connection in a thread that has ended afterwards."""
    boxed = network.client_address != network.server_address
    with network.server_socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((network.server_address, PORT if boxed else 0))
        listening.listen(1)
        thread = threading.Thread(target=_serve, args=(listening, writes, at_once), name="two writes")
        thread.start()
        try:
            yield listening.getsockname()[:2]
        finally:
            if thread.is_alive():
                thread.join(0.2)
            if thread.is_alive():
                listening.shutdown(socket.SHUT_RDWR)  # wakes a blocked accept
            thread.join()


def _serve(listening: socket.socket, writes: int, at_once: bool) -> None:
    try:
        connection, _ = listening.accept()
    except OSError:
        return
    head = write_response_head(200, "OK", (("Content-Length", str(len(BODY))),))
    with connection:
        connection.settimeout(5.0)
        if at_once:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = b""
        try:
            while True:
                while (found := read_request_head(buffer)) is None:
                    data = connection.recv(4096)
                    if not data:
                        return
                    buffer += data
                buffer = buffer[found[1] :]
                for part in (head, BODY) if writes == 2 else (head + BODY,):
                    connection.sendall(part)
        except OSError:
            return
