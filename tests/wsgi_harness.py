"""What the tests of the WSGI server share: a scripted client, a server for a test, and a raw client."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Iterator
from itertools import chain

from labctl.protocols.http1 import BodyReader, read_response_head, response_framing
from labctl.serving.wsgi_server import WsgiServer
from labctl.serving.wsgi_server_connection import Connection
from labctl.serving.wsgi_server_limits import Limits, Service
from labctl.serving.wsgi_server_socket import ClientGone

WAITS = TimeoutError()


class Scripted:
    """A client that sends its pieces, one a receive; WAITS is one that does not come in time. Then it closes.

    Instead of a piece there may be a generator of them.
    """

    name = ("127.0.0.1", 8000)

    def __init__(self, *pieces, takes=None):
        self.pieces = chain.from_iterable(
            [piece] if isinstance(piece, (bytes, Exception)) else piece for piece in pieces
        )
        self.takes = takes  # how many sends it takes before it is gone
        self.sent = b""
        self.sends = []
        self.waits = []
        self.gone = False
        self.parted = 0
        self.reset = False

    def receive(self, seconds):
        assert not self.gone
        self.waits.append(seconds)
        piece = next(self.pieces, b"")
        if piece is WAITS:
            raise TimeoutError
        return piece

    def send(self, pieces):
        if self.takes is not None and len(self.sends) >= self.takes:
            self.gone = True
            raise ClientGone("gone.")
        assert not self.gone
        self.sends.append(b"".join(pieces))
        self.sent += self.sends[-1]

    def part(self, seconds):
        self.parted += 1

    def reset_when_closed(self):
        self.gone = self.reset = True


def converse(app, *pieces, limits=None, tell=None, ending=False, **words):
    """Serve a scripted client to its end."""
    client = Scripted(*pieces, **words)
    errors = io.StringIO()
    event = threading.Event()
    if ending:
        event.set()
    Connection(
        client, ("127.0.0.9", 4711), Service(app, limits or Limits(), event, threading.Event(), tell, errors)
    ).serve()
    client.errors = errors.getvalue()
    return client


def responses(raw, methods=("GET",) * 99):
    """The (status, fields, content, complete) of each response; interim ones without content."""
    found = []
    methods = list(methods)
    while raw:
        head, at = read_response_head(raw)
        method = "GET" if head.status == 100 else methods.pop(0)
        reader = BodyReader(response_framing(method, head))
        content = reader.feed(raw[at:])
        complete = reader.done or reader.framing.kind == "close"
        found.append((head.status, dict(head.fields), content, complete))
        raw = reader.excess or (raw[at:] if reader.framing.kind == "none" else b"")
    return found


@contextlib.contextmanager
def serving(app, **words) -> Iterator[WsgiServer]:
    """A server on a free port. In the end none of its threads is left."""
    before = set(threading.enumerate())
    server = WsgiServer(app, ("127.0.0.1", 0), errors=words.pop("errors", io.StringIO()), **words)
    try:
        yield server
    finally:
        assert server.close()
    assert set(threading.enumerate()) <= before


def exchange(address, raw, timeout=10.0):
    """Send all of it on one connection and read until the server closes."""
    with socket.create_connection(address, timeout) as client:
        client.sendall(raw)
        return received(client)


def received(client):
    """All that comes until the end."""
    got = b""
    while data := client.recv(65536):
        got += data
    return got
