"""A FIN ends one direction: the answer still comes."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from labctl.events import Event, Measure
from labctl.protocols.tcp_close import how_it_closed
from labctl.protocols.tcp_ladder import Conversation
from labs.tcp import judging, ladder
from labs.tcp.claims import HALF_CLOSE
from labs.tcp.programs import leave, read_to_the_end
from labs.tcp.stage import Program, Stage, converse
from labs.telling import note, opening, result
from labs.words import count

LINES = b"pear\napple\nquince\n"
# The server thinks for so long, so that its acknowledgement of the FIN goes alone.
THINKS_S = 0.1


def show(stage: Stage) -> Iterator[Event]:
    yield opening("half-close", "send the end, then listen")
    heard: list[int] = []

    def client(connection: socket.socket) -> None:
        connection.sendall(LINES)
        connection.shutdown(socket.SHUT_WR)
        heard.append(read_to_the_end(connection))

    segments = converse(stage, _sorts(stage), client)
    if not segments:
        return
    conversation = Conversation(segments)
    yield from ladder.exchanges(conversation, phases={"data": "the client's lines", "close": "half closed"})
    close = how_it_closed(conversation)
    yield note(judging.close_said(conversation, close))
    size = heard[0] if heard else 0
    yield Measure(
        f"The client read {count(size, 'byte')} after its own FIN.", "tcp.half_close.bytes", size, "B"
    )
    yield HALF_CLOSE.judged(
        size > 0,
        f"The client had sent its FIN, and then read {count(size, 'byte')}."
        if size
        else "The client had sent its FIN, and nothing came any more.",
    )
    if size:
        yield result("shutdown(SHUT_WR) says: I have no more to send. close() also stops listening.")


def _sorts(stage: Stage) -> Program:
    def program(connection: socket.socket) -> None:
        read = b""
        while some := connection.recv(4096):
            read += some
        time.sleep(THINKS_S)
        if not stage.manners.server_leaves_at_end:
            connection.sendall(b"".join(sorted(read.splitlines(keepends=True))))
        leave(stage, connection)

    return program
