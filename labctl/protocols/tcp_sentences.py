"""Sentences that point at a number of this very run: `ack=79: I have bytes 1 to 78, send 79 next`."""

from __future__ import annotations

from dataclasses import dataclass

from labctl.protocols.tcp_close import how_it_closed
from labctl.protocols.tcp_ladder import Conversation, LadderRow

# Linux keeps TIME-WAIT for a fixed minute (TCP_TIMEWAIT_LEN); RFC 9293 section 3.4.2 asks for 2 MSL, 4 minutes.
TIME_WAIT_S = 60


@dataclass(frozen=True, slots=True)
class Sentence:
    """`term` is what the ladder shows (`ack=79`, `TIME-WAIT`), `text` what it says; `row` where it stands."""

    term: str
    text: str
    row: int


def sentences(conversation: Conversation) -> tuple[Sentence, ...]:
    """What there is to say about this run, the plainest first. A sentence without its number is not said."""
    said = [
        _acknowledgement(conversation),
        _handshake(conversation),
        _gap(conversation),
        _sent_again(conversation),
        _came_twice(conversation),
        _zero_window(conversation),
        _time_wait(conversation),
    ]
    return tuple(s for s in said if s is not None)


def _acknowledgement(conversation: Conversation) -> Sentence | None:
    for index, row in enumerate(conversation.rows):
        earlier = conversation.rows[:index]
        data = [r for r in earlier if r.sender != row.sender and r.heavy and not r.segment.dropped]
        if row.ack is None or row.ack < 2 or not data or "F" in row.segment.flags:
            continue
        last = next((r for r in data if r.seq + r.segment.length == row.ack), None)
        if last is None:
            continue
        arithmetic = f"{last.seq} + {last.segment.length} = {row.ack}"
        have = "byte 1" if row.ack == 2 else f"bytes 1 to {row.ack - 1}"
        return Sentence(f"ack={row.ack}", f"I have {have}, send {row.ack} next.   {arithmetic}", row.number)
    return None


def _handshake(conversation: Conversation) -> Sentence | None:
    answer = next((r for r in conversation.rows if set("SA") <= set(r.segment.flags)), None)
    if answer is None or answer.ack != 1:
        return None
    text = (
        "The SYN has number 0 and carries no byte, yet it uses one number up, so that it can be acknowledged."
    )
    return Sentence("ack=1", text, answer.number)


def _gap(conversation: Conversation) -> Sentence | None:
    row = next((r for r in conversation.rows_marked("sack") if r.reading.sack), None)
    if row is None or row.ack is None:
        return None
    left, right = min(row.reading.sack)
    text = f"Bytes {row.ack} to {left - 1} are missing; I hold {left} to {right - 1} already."
    return Sentence(f"sack {left}-{right}", text, row.number)


def _sent_again(conversation: Conversation) -> Sentence | None:
    again = conversation.rows_marked("retransmission", "fast-retransmission")
    row = again[0] if again else None
    if row is None or row.reading.first_row is None:
        return None
    first = conversation.rows[row.reading.first_row - 1]
    waited = row.at_ms - first.at_ms
    hints = row.reading.hints
    if hints:
        counted = "one ACK that asked" if hints == 1 else f"{hints} ACKs that asked"
        why = f"after {counted} for {row.seq}"
    else:
        why = "because a timer ran out: no ACK had asked for it"
    text = f"Row {first.number} again, {waited:.1f} ms later, {why}."
    return Sentence(f"seq={row.seq}", text, row.number)


def _came_twice(conversation: Conversation) -> Sentence | None:
    row = next((r for r in conversation.rows if r.reading.dsack), None)
    if row is None or row.reading.dsack is None:
        return None
    left, right = row.reading.dsack
    term = f"came twice {left}-{right}"
    return Sentence(term, f"Bytes {left} to {right - 1} were sent again for nothing.", row.number)


def _zero_window(conversation: Conversation) -> Sentence | None:
    row = next(iter(conversation.rows_marked("zero-window")), None)
    if row is None:
        return None
    text = f"The {row.sender}'s buffer is full: its program does not read, and the other side must wait."
    return Sentence("window 0", text, row.number)


def _time_wait(conversation: Conversation) -> Sentence | None:
    row: LadderRow | None = next(
        (r for r in conversation.rows if "TIME-WAIT" in (r.client_shows, r.server_shows)), None
    )
    if row is None:
        return None
    who = how_it_closed(conversation).time_wait
    side = "Both sides" if who is None else f"The {who}"
    keep = "keep their" if who is None else "keeps its"
    closed = "at the same time" if who is None else "first"
    text = f"{side} closed {closed} and {keep} port for {TIME_WAIT_S} s, to answer a FIN that comes again."
    return Sentence("TIME-WAIT", text, row.number)
