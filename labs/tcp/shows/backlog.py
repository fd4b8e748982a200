"""listen(1), and nobody who accepts: what the kernel does alone, and where it stops."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

from labctl.events import Event, Measure, Row, Rows
from labctl.protocols.tcp_ladder import Conversation, conversations
from labs.tcp import ladder
from labs.tcp.claims import BACKLOG
from labs.tcp.stage import Stage
from labs.telling import heading, note, opening, result
from labs.words import count, ms

CLIENTS, BACKLOG_ASKED = 3, 1
REQUEST = b"hello, is anybody there?\n"


def show(stage: Stage) -> Iterator[Event]:
    yield opening("a server that never accepts", f"listen({BACKLOG_ASKED}), {CLIENTS} clients")
    with ExitStack() as opened:
        listening = opened.enter_context(stage.listener(80, backlog=BACKLOG_ASKED))
        port = listening.getsockname()[1]
        clients = [opened.enter_context(stage.client()) for _ in range(CLIENTS)]
        patience = max(0.15, stage.rtt_ms * 5 / 1000)
        finished = [_connects(stage, each, port, patience) for each in clients]
        held = sum(finished)
        yield _table(finished)
        yield note(
            f"{count(held, 'handshake')} finished, with data sent and acknowledged, and the program did nothing. "
            "It is the kernel that opens connections; accept only fetches them."
        )
        segments = stage.crossed(port=port)
        hanging = [c for c, there in zip(clients, finished, strict=True) if not there]
        came = False
        if hanging:
            listening.accept()[0].close()
            began = time.monotonic()
            came = bool(select.select([], [hanging[0]], [], 2.5)[1])
            waited = (time.monotonic() - began) * 1000
            segments += stage.crossed(port=port)
            yield heading("The client that hangs", "one accept() makes room; its next SYN gets through")
            mine = [c for c in conversations(segments) if c.client[1] == hanging[0].getsockname()[1]]
            if mine:
                yield from ladder.exchanges(mine[0], only=("open",))
            if came:
                yield note(f"It took {ms(waited)} after the accept: nobody told the client, it tried again.")
    yield from _judged(stage, finished, conversations(segments), came)


def _connects(stage: Stage, client: socket.socket, port: int, patience: float) -> bool:
    """Start connecting; True when the connection is there in time, and then something is sent on it."""
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        client.connect((stage.network.server_address, port))
    if not select.select([], [client], [], patience)[1]:
        return False
    if client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        return False
    client.send(REQUEST)
    return True


def _table(finished: list[bool]) -> Rows:
    rows = []
    for number, there in enumerate(finished, 1):
        said = (
            "connected, and its data is acknowledged" if there else "hangs in connect: its SYN gets no answer"
        )
        rows.append(
            Row(
                text=f"Client {number}: {said}.",
                cells=(
                    f"client {number}",
                    "✓ connected" if there else "✗ silence",
                    said.partition(", ")[2] or said,
                ),
                hues=("", "ok" if there else "bad", "mute"),
            )
        )
    return Rows(
        text="What became of the clients.",
        id="backlog",
        title="Three clients, nobody accepts",
        columns=("client", "connect", "what happened"),
        rows=tuple(rows),
    )


def _judged(stage: Stage, finished: list[bool], seen: list[Conversation], came: bool) -> Iterator[Event]:
    held = sum(finished)
    yield Measure(f"The kernel finished {count(held, 'connection')}.", "tcp.backlog.finished", held)
    third = next((c for c in seen if not any(r.phase == "data" for r in c.rows)), None)
    silent = third is not None and not any(r.sender == "server" for r in third.rows if r.at_ms < 900)
    text = f"listen({BACKLOG_ASKED}) held {count(held, 'finished connection')}"
    if held == BACKLOG_ASKED + 1 and silent:
        yield BACKLOG.judged(True, f"{text}; the next SYN got no answer.")
        if came:
            yield result(
                "Connected does not mean that somebody answers, and hanging does not mean that nobody is there."
            )
    elif stage.network.evidence != "captured" and held == BACKLOG_ASKED + 1:
        yield BACKLOG.judged(True, f"{text}; the next connect heard nothing.")
    else:
        yield BACKLOG.judged(False, f"{text}, not {BACKLOG_ASKED + 1}.")
