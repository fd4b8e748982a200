"""A byte count that adds up: what each number is made of."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from labctl.events import Event, Row, Rows
from labctl.protocols.tcp_ladder import Conversation, LadderRow
from labs.tcp import judging, ladder
from labs.tcp.programs import leave, read_exactly, read_to_the_end
from labs.tcp.stage import Stage, converse
from labs.tcp.telling import explained
from labs.tcp.words import moment
from labs.telling import opening, result

SIZES = (5, 300, 41)
ANSWER = b"ok"


def show(stage: Stage) -> Iterator[Event]:
    total = sum(SIZES)
    yield opening("every byte has a number", f"{' + '.join(map(str, SIZES))} = {total} bytes")

    def program(connection: socket.socket) -> None:
        for size in SIZES:
            read_exactly(connection, size)
            connection.sendall(ANSWER)
        read_to_the_end(connection)
        leave(stage, connection)

    def client(connection: socket.socket) -> None:
        for size in SIZES:
            connection.sendall(b"x" * size)
            read_exactly(connection, len(ANSWER))

    segments = converse(stage, program, client)
    if not segments:
        return
    conversation = Conversation(segments)
    yield from ladder.exchanges(conversation, phases={"data": "three messages and their answers"})
    yield from explained(conversation, "ack=")
    yield _sums(conversation)
    yield from judging.counted(conversation)
    last = max((r.ack or 0 for r in conversation.rows if r.sender == "server"), default=0)
    if last == total + 2 and judging.captured(conversation):
        yield result(f"1 + {total} + 1 = {last}: SYN, {total} bytes and FIN, each counted once.")


def _sums(conversation: Conversation) -> Rows:
    rows = []
    for row in conversation.rows:
        if row.sender == "client" and row.segment.span:
            end = row.seq + row.segment.span
            rows.append(_row(conversation, row, end))
    return Rows(
        text="What the client sent, number by number.",
        id="sequence",
        title="What the client sent, number by number",
        columns=("what", "seq", "+", "next", "acknowledged"),
        rows=tuple(rows),
        show_columns=True,
    )


def _row(conversation: Conversation, row: LadderRow, end: int) -> Row:
    flags = row.segment.flags
    what = "SYN" if "S" in flags else "FIN" if "F" in flags else f"{row.segment.length} bytes"
    later = conversation.rows[row.number :]
    ack = next((r for r in later if r.sender == "server" and r.ack is not None and r.ack >= end), None)
    told = f"ack={ack.ack} {moment(ack.segment, ack.at_ms)}" if ack is not None else "never"
    return Row(
        text=f"{what}: {row.seq} + {row.segment.span} = {end}; acknowledged: {told}.",
        cells=(what, str(row.seq), str(row.segment.span), str(end), told),
    )
