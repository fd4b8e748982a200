"""TIME-WAIT: who keeps it, and how long still, read from the kernels."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from labctl.events import Event, Row, Rows
from labctl.protocols.tcp_ladder import Conversation
from labs.tcp import judging, ladder, time_wait
from labs.tcp.programs import REPLY, get, read_head, read_to_the_end, request, web
from labs.tcp.stage import Program, Stage, converse
from labs.tcp.target import OURS
from labs.tcp.telling import explained
from labs.telling import heading, note, opening, result

LOOKS, PAUSE = 3, 0.7


def show(stage: Stage) -> Iterator[Event]:
    yield opening("who stays behind", "read from /proc/net/tcp")
    first = Conversation(converse(stage, web(stage), get(OURS.host)))
    yield heading("The client closes first")
    yield from ladder.exchanges(first, only=("close", "reset"))
    if time_wait.of(stage, first):
        yield from explained(first, "TIME-WAIT")
    yield from _countdown(stage, first)
    second = Conversation(converse(stage, _leaves_first(), _hears_out))
    yield heading("The server closes first", "as every server does that ends a reply by closing")
    yield from ladder.exchanges(second, only=("close", "reset"))
    kept = time_wait.of(stage, second)
    if "server" in kept and "client" not in kept:
        yield note(
            f"Now the server keeps its port {kept['server'].port}, for {kept['server'].left_s:.1f} s more. "
            "A server that is started again meets this at bind, unless both it and its forerunner set "
            "SO_REUSEADDR: labctl port shows every case."
        )
    yield from judging.closed(first)
    yield from time_wait.judged(stage, first)
    if kept:
        yield result("TIME-WAIT follows the first FIN, not the role.")


def _countdown(stage: Stage, conversation: Conversation) -> Iterator[Event]:
    rows = []
    began = time.monotonic()
    for look in range(LOOKS):
        if look:
            time.sleep(PAUSE)
        at = time.monotonic() - began
        kept = time_wait.of(stage, conversation)
        for side, entry in kept.items():
            left = entry.left_s
            rows.append(
                Row(
                    text=f"After {at:.1f} s: {side} port {entry.port} in TIME-WAIT, {left:.1f} of 60 s left.",
                    cells=(f"{at:.1f} s", side, f":{entry.port}", f"{left:.1f} s"),
                    share=min(1.0, left / time_wait.LENGTH_S),
                )
            )
    yield Rows(
        text="TIME-WAIT as the kernels list it." if rows else "Neither kernel lists TIME-WAIT.",
        id="time-wait",
        title="In TIME-WAIT, on both sides",
        columns=("after", "side", "port", "left"),
        rows=tuple(rows),
        note="bar: share of the 60 s still left" if rows else "",
    )


def _leaves_first() -> Program:
    def program(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(REPLY)
        connection.shutdown(socket.SHUT_WR)
        read_to_the_end(connection)

    return program


def _hears_out(connection: socket.socket) -> None:
    connection.sendall(request(OURS.host))
    read_to_the_end(connection)
