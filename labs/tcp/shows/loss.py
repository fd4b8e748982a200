"""One lost segment: in the middle the others tell, at the end only a timer does."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from labctl.events import Event, Measure
from labctl.network import Rule
from labctl.protocols.tcp_ladder import Conversation, LadderRow
from labctl.protocols.tcp_segments import Segment
from labs.tcp import judging, ladder
from labs.tcp.claims import FAST_RETRANSMIT, TAIL
from labs.tcp.programs import leave, read_exactly, read_head, read_to_the_end, request
from labs.tcp.stage import Program, Stage, converse
from labs.tcp.target import OURS
from labs.tcp.telling import explained
from labs.telling import heading, opening, result
from labs.words import count, ms

# What fits into one segment of 1,500 with IP, TCP and time stamps.
FULL = 1448
MORE = 100
NO_REASON = (
    "It was sent again; the acknowledgements were not captured, so why and when is not visible from here."
)


def show(stage: Stage) -> Iterator[Event]:
    yield opening("one segment is lost", "twice the same loss, two prices")
    middle = Conversation(_reply_of(stage, 6, lost=3))
    yield heading("The third of six segments is lost", "its followers arrive")
    yield from ladder.exchanges(middle, only=("data",), phases={"data": "six segments of reply"})
    yield from explained(middle, "sack", "seq=")
    yield from _judged_middle(middle)
    tail = Conversation(_reply_of(stage, 2, lost=2))
    yield heading("The last of two segments is lost", "nothing follows it")
    yield from ladder.exchanges(tail, only=("data",), phases={"data": "two segments of reply"})
    yield from explained(tail, "seq=")
    yield from _judged_tail(tail)
    costs = [again.at_ms - lost.at_ms for lost, again in map(_again, (middle, tail)) if lost and again]
    if len(costs) == 2 and judging.captured(middle) and judging.captured(tail):
        one, two = costs
        yield result(f"In the middle the gap was filled after {ms(one)}, at the end after {ms(two)}.")


def _reply_of(stage: Stage, segments: int, *, lost: int) -> list[Segment]:
    """A reply of so many full segments, of which the wire swallows one."""
    size = segments * FULL
    talks_on = stage.manners.server_goes_on_talking

    def client(connection: socket.socket) -> None:
        connection.sendall(request(OURS.host))
        read_exactly(connection, size + (4 * MORE if talks_on else 0))

    return converse(
        stage,
        _sends(stage, segments),
        client,
        Rule(lambda s: s.length > 0, "drop", "to-client", nth=lost),
        prepare=_write_at_once,
    )


def _write_at_once(listening: socket.socket) -> None:
    # So that the kernel makes one segment of each write, and the picture is the same each time.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _sends(stage: Stage, segments: int) -> Program:
    def program(connection: socket.socket) -> None:
        read_head(connection)
        for _ in range(segments):
            connection.sendall(b"x" * FULL)
        if stage.manners.server_goes_on_talking:
            for _ in range(4):
                time.sleep(0.001)
                connection.sendall(b"y" * MORE)
        read_to_the_end(connection)
        leave(stage, connection)

    return program


def _again(conversation: Conversation) -> tuple[LadderRow, LadderRow] | tuple[None, None]:
    """The row that was lost, and the one in which its bytes went out again."""
    lost = next((r for r in conversation.rows if r.segment.dropped and r.heavy), None)
    if lost is None:
        return None, None
    later = conversation.rows[lost.number :]
    again = next((r for r in later if r.seq == lost.seq and r.heavy and r.sender == lost.sender), None)
    return (lost, again) if again is not None else (None, None)


def _told(conversation: Conversation, lost: LadderRow, again: LadderRow) -> int:
    """How many acknowledgements that told of the gap arrived before the bytes went out again."""
    between = conversation.rows[lost.number : again.number - 1]
    return sum(
        1
        for r in between
        if not r.segment.dropped and {"sack", "duplicate-ack"} & set(r.marks) and not r.heavy
    )


def _judged_middle(conversation: Conversation) -> Iterator[Event]:
    lost, again = _again(conversation)
    if lost is None or again is None:
        yield FAST_RETRANSMIT.not_seen("The lost segment was not seen to be sent again.")
        return
    if not judging.captured(conversation):
        yield FAST_RETRANSMIT.not_seen(NO_REASON)
        return
    told, after = _told(conversation, lost, again), round(again.at_ms - lost.at_ms, 1)
    yield Measure(
        f"The segment in the middle was sent again after {ms(after)}.", "tcp.loss.after", after, "ms"
    )
    yield Measure(f"{count(told, 'ACK')} had told of the gap.", "tcp.loss.told", told)
    yield FAST_RETRANSMIT.judged(
        told > 0,
        f"{count(told, 'ACK')} told of the gap, and {ms(after)} after it was lost the segment went out again."
        if told
        else f"No ACK that told of the gap arrived: a timer had to run out, and that took {ms(after)}.",
    )


def _judged_tail(conversation: Conversation) -> Iterator[Event]:
    lost, again = _again(conversation)
    if lost is None or again is None:
        yield TAIL.not_seen("The lost segment was not seen to be sent again.")
        return
    if not judging.captured(conversation):
        yield TAIL.not_seen(NO_REASON)
        return
    told, after = _told(conversation, lost, again), round(again.at_ms - lost.at_ms, 1)
    yield Measure(f"The last segment was sent again after {ms(after)}.", "tcp.tail.after", after, "ms")
    yield TAIL.judged(
        told == 0,
        f"No ACK told of it; after {ms(after)} a timer ran out."
        if not told
        else f"{count(told, 'ACK')} told of the gap, because more had been sent behind it; it took {ms(after)}.",
    )
