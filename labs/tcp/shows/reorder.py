"""Overtaken, not lost: what a late segment sets off."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from labctl.events import Event, Measure
from labctl.network import Rule
from labctl.protocols.tcp_ladder import Conversation
from labs.tcp import ladder
from labs.tcp.claims import REORDERED
from labs.tcp.programs import leave, read_exactly, read_head, read_to_the_end, request
from labs.tcp.stage import Stage, converse
from labs.tcp.target import OURS
from labs.tcp.telling import explained
from labs.telling import opening, result
from labs.words import ms

FULL, SEGMENTS = 1448, 6


def show(stage: Stage) -> Iterator[Event]:
    # Long enough to look lost, and shorter than the way of the repeated one.
    late = max(5.0, round(stage.rtt_ms * 0.75, 1))
    yield opening("a segment is overtaken", f"the second one is held back for {ms(late)}")

    def program(connection: socket.socket) -> None:
        read_head(connection)
        for _ in range(SEGMENTS):
            connection.sendall(b"x" * FULL)
        read_to_the_end(connection)
        leave(stage, connection)

    def client(connection: socket.socket) -> None:
        connection.sendall(request(OURS.host))
        read_exactly(connection, SEGMENTS * FULL)

    segments = converse(
        stage,
        program,
        client,
        Rule(lambda s: s.length > 0, "delay", "to-client", nth=2, delay_ms=late),
        prepare=lambda listening: listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    )
    conversation = Conversation(segments)
    yield from ladder.exchanges(conversation, phases={"data": "six segments of reply"})
    yield from explained(conversation, "sack", "seq=", "came twice")
    yield Measure(f"The second segment was held back for {ms(late)}.", "tcp.reorder.late", late, "ms")
    yield from _judged(conversation)


def _judged(conversation: Conversation) -> Iterator[Event]:
    again = next(iter(conversation.rows_marked("fast-retransmission", "retransmission")), None)
    if again is None:
        yield REORDERED.not_seen(
            "Nothing was sent twice: the late segment came before anybody took it for lost."
        )
        return
    told = next((r for r in conversation.rows if r.reading.dsack), None)
    if told is not None and told.reading.dsack is not None:
        left, right = told.reading.dsack
        text = f"seq={again.seq} went out again at {ms(again.at_ms)}; at {ms(told.at_ms)}: {left}-{right} came twice."
        yield REORDERED.judged(True, text)
        yield result("Nothing was lost, and yet a segment was sent twice: TCP sees loss only from outside.")
    else:
        yield REORDERED.judged(
            False, f"seq={again.seq} went out again at {ms(again.at_ms)}, and nobody said that it came twice."
        )
