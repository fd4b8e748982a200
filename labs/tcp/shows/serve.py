"""The ten-line server of every tutorial, running: each call as it happens, and what it gets wrong."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import time
from collections.abc import Callable, Iterator

from labctl.events import Event, Measure, Row, Rows
from labs.tcp.claims import ONE_RECV
from labs.tcp.programs import request
from labs.tcp.stage import Stage
from labs.tcp.target import OURS
from labs.tcp.ten_lines import BODY, HEAD, SOURCE, TenLines, shortened
from labs.telling import heading, note, opening, result
from labs.words import count, ms

PORT = 8000
HALF = b"GET / HT"
# Long enough for an answer that comes, short enough for one that does not.
PATIENCE = 0.35


def show(stage: Stage, port: int | None) -> Iterator[Event]:
    yield opening("the ten-line server", "every call, as it happens")
    yield _source()
    server = TenLines(stage, (port or PORT) if stage.boxed or port else 0)
    server.begin()
    try:
        yield from _whole_request(server)
        yield from _half_request(server)
        yield from _silent_client(server)
        yield from _cut_answer(server)
    finally:
        server.end()
    stage.crossed()
    yield from _once_more(server)
    yield result(
        "Read until the empty line, say how long the answer is, serve more than one, set SO_REUSEADDR."
    )


def _source() -> Rows:
    lines = SOURCE.split("\n")
    return Rows(
        text="The whole server:",
        id="source",
        title="The whole server",
        columns=("", "line"),
        rows=tuple(
            Row(text=line, cells=(str(number), line), hues=("mute", "accent"))
            for number, line in enumerate(lines, 1)
        ),
    )


def _visit(server: TenLines, act: Callable[[socket.socket], None]) -> bytes:
    """One client: it connects, acts, and hears the server out. Returns what it read."""
    heard = b""
    with server.stage.client() as client, contextlib.suppress(OSError):
        client.connect((server.stage.network.server_address, server.port))
        act(client)
        while some := client.recv(4096):
            heard += some
    return heard


def _whole_request(server: TenLines) -> Iterator[Event]:
    heard = _visit(server, lambda client: client.sendall(request(OURS.host)))
    yield _table(server, "A request that comes in one piece")
    fields = heard.partition(b"\r\n\r\n")[0].count(b"\r\n")
    yield note(f"The client got {shortened(heard)}, {count(fields, 'header field')}: it works, like this.")


def _half_request(server: TenLines) -> Iterator[Event]:
    answered = False

    def act(client: socket.socket) -> None:
        nonlocal answered
        client.sendall(HALF)
        answered = bool(select.select([client], [], [], PATIENCE)[0])
        client.sendall(request(OURS.host)[len(HALF) :])

    server.calls.clear()
    _visit(server, act)
    yield _table(server, "The same request in two pieces", f"the first is {HALF.decode()!r}")
    yield Measure(f"The first piece had {count(len(HALF), 'byte')}.", "tcp.recv.first", len(HALF), "B")
    yield ONE_RECV.judged(
        answered,
        f"recv gave the {len(HALF)} bytes that had come, and the server answered them."
        if answered
        else f"The server did not answer {len(HALF)} bytes: it went on reading until the empty line.",
    )


def _silent_client(server: TenLines) -> Iterator[Event]:
    server.calls.clear()
    alone, began = False, time.monotonic()
    with server.stage.client() as silent:
        silent.connect((server.stage.network.server_address, server.port))

        def act(client: socket.socket) -> None:
            nonlocal alone
            client.sendall(request(OURS.host))
            alone = bool(select.select([client], [], [], PATIENCE)[0])
            silent.close()

        _visit(server, act)
    took = (time.monotonic() - began) * 1000
    yield _table(server, "A client that says nothing", "and one behind it that has a request")
    if not alone:
        yield note(
            f"The second client waited {ms(took)}, until the first one left: one at a time, and nobody hurries it."
        )


def _cut_answer(server: TenLines) -> Iterator[Event]:
    server.calls.clear()
    server.dies_after = len(HEAD) + len(BODY) // 2
    heard = _visit(server, lambda client: client.sendall(request(OURS.host)))
    server.dies_after = None
    got = len(heard.partition(b"\r\n\r\n")[2])
    yield heading("An answer that is cut off", "the server stops in the middle")
    yield note(
        f"The client got 200 OK and {got} of {len(BODY)} bytes, and then the end: no Content-Length, so to every "
        "client this is a whole answer."
    )


def _once_more(server: TenLines) -> Iterator[Event]:
    again = TenLines(server.stage, server.port)
    title = "Stopped, and started again at once"
    try:
        again.begin()
    except OSError as error:
        yield _table(again, title)
        yield note(
            f"{errno.errorcode.get(error.errno or 0, 'OSError')}: nobody listens any more, but the old server closed "
            "its connections first, so they are in TIME-WAIT on its port. SO_REUSEADDR on both servers allows it."
        )
    else:
        again.end()
        yield _table(again, title)


def _table(server: TenLines, title: str, remark: str = "") -> Rows:
    return Rows(
        text=f"{title}: {remark}." if remark else f"{title}.",
        note=remark,
        id="calls",
        title=title,
        columns=("at", "call", "gave"),
        rows=tuple(
            Row(
                text=f"{ms(call.at_ms)}: {call.name}: {call.gave}.",
                cells=(ms(call.at_ms), call.name, call.gave),
                hues=("mute", "accent", ""),
            )
            for call in list(server.calls)
        ),
    )
