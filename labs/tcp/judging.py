"""What one conversation shows about the claims: judged by what crossed, never by what was meant to happen."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Measure, Verdict
from labctl.protocols.tcp_close import Close, how_it_closed
from labctl.protocols.tcp_ladder import Conversation, LadderRow
from labs.tcp.claims import NUMBERS, THREE_SEGMENTS, TWO_FINS
from labs.tcp.telling import plainly
from labs.words import count, ms

AGAIN = ("retransmission", "fast-retransmission")


def captured(conversation: Conversation) -> bool:
    """Whether every segment was captured: only then may segments be counted."""
    return all(row.segment.evidence == "captured" for row in conversation.rows)


def before_data(conversation: Conversation) -> list[LadderRow]:
    """What crossed before the first byte, the swallowed ones left out."""
    rows = [row for row in conversation.rows if not row.segment.dropped]
    first = next((i for i, row in enumerate(rows) if row.heavy or "F" in row.segment.flags), len(rows))
    return rows[:first]


def round_trip_ms(conversation: Conversation) -> float | None:
    """From the SYN to what the client sent when the answer had come.

    None of counters: by when something had crossed is known of them, not when.
    """
    if not captured(conversation):
        return None
    answered = False
    for row in conversation.rows:
        if set("SA") <= set(row.segment.flags) and row.sender == "server":
            answered = True
        elif answered and row.sender == "client":
            return row.at_ms
    return None


def opened(conversation: Conversation) -> Iterator[Event]:
    """Measures of the handshake, and the verdict on it."""
    first = before_data(conversation)
    rtt = round_trip_ms(conversation)
    if rtt is not None:
        # A loopback's is a few hundredths of a millisecond.
        value = round(rtt, 1 if rtt >= 0.05 else 3)
        yield Measure(f"The round trip took {ms(value)}.", "tcp.rtt", value, "ms")
    if not captured(conversation):
        yield THREE_SEGMENTS.not_seen("The segments were not captured, so they cannot be counted here.")
        return
    if any(row.heavy for row in conversation.rows):
        yield Measure(
            f"{count(len(first), 'segment')} crossed before the first byte of data.",
            "tcp.open.segments",
            len(first),
        )
    yield judged_opening(first, conversation)


def judged_opening(first: list[LadderRow], conversation: Conversation) -> Verdict:
    flags = [row.segment.flags for row in first]
    if flags == ["S", "SA", "A"]:
        return THREE_SEGMENTS.judged(True, "SYN, SYN ACK and ACK crossed before any byte of data.")
    if not flags or flags == ["S"] * len(flags) or "R" in "".join(flags):
        return THREE_SEGMENTS.not_seen("No connection was opened.")
    after = next((row for row in conversation.rows if row.heavy), None)
    said = ", ".join(row.segment.flag_words for row in first)
    carried = f"; the next one carried {count(after.segment.length, 'byte')} already" if after else ""
    return THREE_SEGMENTS.judged(False, f"What crossed before the data was {said}{carried}.")


def exchanged(conversation: Conversation) -> Iterator[Event]:
    """Measures of a request and its reply."""
    data = [r for r in conversation.rows if r.heavy and not set(AGAIN) & set(r.marks)]
    asked = [r for r in data if r.sender == "client"]
    if not asked:
        return
    size = sum(r.segment.length for r in asked)
    yield Measure(f"The client sent {count(size, 'byte')}.", "tcp.request.bytes", size, "B")
    ack = next((r for r in conversation.rows if r.sender == "server" and (r.ack or 0) > 1), None)
    if ack is not None and ack.ack is not None:
        yield Measure(f"The server's first ACK of them was ack={ack.ack}.", "tcp.request.ack", ack.ack)
    answer = sum(r.segment.length for r in data if r.sender == "server")
    yield Measure(f"The server sent {count(answer, 'byte')}.", "tcp.reply.bytes", answer, "B")


def closed(conversation: Conversation) -> Iterator[Event]:
    """Measures of the close, and the verdict on its two FINs."""
    close = how_it_closed(conversation)
    if not captured(conversation):
        yield TWO_FINS.not_seen("The segments were not captured, so the FINs cannot be counted here.")
        return
    if close.kind in ("three", "four", "simultaneous"):
        segments = len(close.rows)
        yield Measure(f"The close took {count(segments, 'segment')}.", "tcp.close.segments", segments)
    yield _fins(conversation, close)


def close_said(conversation: Conversation, close: Close) -> str:
    """How it closed, and no more than was seen: how many segments it took is known only of captured ones."""
    if captured(conversation) or close.kind not in ("three", "four", "simultaneous"):
        return plainly(close.text)
    first = f", the {close.first} first" if close.first and close.kind != "simultaneous" else ""
    between = f", and {count(close.bytes_after, 'byte')} came in between" if close.bytes_after else ""
    return (
        f"Both sides have closed{first}{between}. Whether an ACK went alone between the two FINs "
        "is not visible from here."
    )


def _fins(conversation: Conversation, close: Close) -> Verdict:
    if close.kind in ("three", "four", "simultaneous"):
        acknowledged = len(close.rows) >= 3
        return TWO_FINS.judged(
            acknowledged,
            "Both FINs were acknowledged." if acknowledged else "A FIN stayed without its acknowledgement.",
        )
    reset = next((row for row in conversation.rows if "R" in row.segment.flags), None)
    if reset is not None and reset.sender == "client":
        return TWO_FINS.not_seen(
            "Our own side sent RST: more came when it had closed already, and nobody would read that."
        )
    if close.kind == "reset" and any("F" in row.segment.flags for row in conversation.rows):
        return TWO_FINS.judged(False, plainly(close.text))
    return TWO_FINS.not_seen(plainly(close.text))


def counted(conversation: Conversation) -> Iterator[Event]:
    """Whether the books balance: no ACK beyond what was sent, and the last one is bytes + 2."""
    if not captured(conversation):
        yield NUMBERS.not_seen("The segments were not captured, so their numbers cannot be added up here.")
        return
    sent, size, finished, last, beyond = 1, 0, False, 0, None
    for row in conversation.rows:
        if row.sender == "client":
            end = row.seq + row.segment.span
            size += row.segment.length if not set(AGAIN) & set(row.marks) else 0
            sent = max(sent, end)
            finished = finished or "F" in row.segment.flags
        elif row.ack is not None and "R" not in row.segment.flags:
            last = max(last, row.ack)
            if row.ack > sent and beyond is None:
                beyond = (row, sent)
    yield Measure(f"The client numbered {count(size, 'byte')} of its own.", "tcp.bytes.sent", size, "B")
    yield Measure(f"The server's last acknowledgement was ack={last}.", "tcp.bytes.last_ack", last)
    if beyond is not None:
        row, sent = beyond
        yield NUMBERS.judged(
            False, f"At {ms(row.at_ms)} came ack={row.ack}, and only numbers below {sent} had been sent."
        )
    elif not finished or last != size + 2:
        yield NUMBERS.not_seen("The client's FIN was not acknowledged, so there is no last number.")
    else:
        yield NUMBERS.judged(True, f"1 for SYN, {size} bytes, 1 for FIN: the last one is ack={last}.")
