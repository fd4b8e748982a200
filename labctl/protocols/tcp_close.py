"""How a conversation ended: three segments, four, both at once, a reset, or not at all, and what decided it.

FIN and ACK of FIN go each way (RFC 9293 section 3.6); the second side's ACK may ride on its FIN when its program
closes before the delayed acknowledgement is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from labctl.protocols.tcp_endpoint import Role
from labctl.protocols.tcp_ladder import Conversation, LadderRow

Kind = Literal["three", "four", "simultaneous", "reset", "refused", "half", "open"]


@dataclass(frozen=True, slots=True)
class Close:
    """`first` is the side that finished first, `time_wait` the one that has to wait; None where there is none.

    `rows` are the numbers of the rows that made the close: FIN, its ACK, FIN, its ACK. `gap_ms` lies between the two
    FINs (0 where there is one). `bytes_after` counts what still came between them.
    """

    kind: Kind
    first: Role | None
    time_wait: Role | None
    rows: tuple[int, ...]
    gap_ms: float
    bytes_after: int
    text: str


def how_it_closed(conversation: Conversation) -> Close:
    """Judge the close of a whole conversation. Retransmitted FINs count once."""
    rows = conversation.rows
    reset = next((r for r in rows if "R" in r.segment.flags), None)
    fins = {role: _first_fin(rows, role) for role in ("client", "server")}
    client_fin, server_fin = fins["client"], fins["server"]
    present = sorted((f for f in (client_fin, server_fin) if f is not None), key=lambda r: r.number)
    if reset is not None and len(present) < 2:
        return _by_reset(conversation, reset, present)
    if not present:
        opened = not conversation.complete or any("A" in r.segment.flags for r in rows)
        text = (
            "Nobody has closed the connection."
            if opened
            else "The SYN had no answer: there was no connection."
        )
        return Close("open", None, None, (), 0.0, 0, text)
    one = present[0]
    if len(present) == 1:
        ack = _ack_of(rows, one)
        still = "server" if one.sender == "client" else "client"
        text = f"The {one.sender} has said that it will send no more (row {one.number}); the {still} may still send."
        return Close("half", one.sender, None, _numbers(one, ack), 0.0, _bytes_after(rows, one, None), text)
    return _both(rows, one, present[1])


def _both(rows: tuple[LadderRow, ...], one: LadderRow, two: LadderRow) -> Close:
    gap = two.at_ms - one.at_ms
    ack_one, ack_two = _ack_of(rows, one), _ack_of(rows, two)
    after = _bytes_after(rows, one, two)
    numbers = _numbers(one, ack_one, two, ack_two)
    if two.ack is None or two.ack <= _fin_number(one):
        if ack_one is None or ack_one.number > two.number:
            text = (
                f"Both sides sent FIN before they had seen the other's (rows {one.number} and {two.number}, "
                f"{gap:.1f} ms apart): a simultaneous close, and both wait."
            )
            return Close("simultaneous", one.sender, None, numbers, gap, after, text)
    elif ack_one is not None and ack_one.number == two.number:
        text = (
            f"Three segments: the {two.sender}'s program had closed before its kernel sent a bare ACK, so FIN and ACK "
            f"went out as one (row {two.number}), {gap:.1f} ms after the {one.sender}'s FIN left."
        )
        return Close("three", one.sender, one.sender, numbers, gap, after, text)
    between = f" and sent {after} B in between" if after else ""
    number = ack_one.number if ack_one else two.number
    text = (
        f"Four segments: the {two.sender} acknowledged the FIN (row {number}) because its program was not done; "
        f"it closed {gap:.1f} ms after that FIN{between} (row {two.number})."
    )
    return Close("four", one.sender, one.sender, numbers, gap, after, text)


def _by_reset(conversation: Conversation, reset: LadderRow, fins: list[LadderRow]) -> Close:
    first = fins[0].sender if fins else None
    numbers = _numbers(*fins[:1], reset)
    if conversation.complete and conversation.server_start == "CLOSED":
        text = f"Nobody listens on port {conversation.server[1]}: its kernel answered the SYN with RST."
        return Close("refused", None, None, numbers, 0.0, 0, text)
    text = (
        f"The {reset.sender} sent RST (row {reset.number}): the connection is gone at once, and nobody waits."
    )
    return Close("reset", first, None, numbers, 0.0, 0, text)


def _first_fin(rows: tuple[LadderRow, ...], role: str) -> LadderRow | None:
    return next((r for r in rows if r.sender == role and "F" in r.segment.flags), None)


def _fin_number(row: LadderRow) -> int:
    return row.seq + row.segment.span - 1


def _ack_of(rows: tuple[LadderRow, ...], fin: LadderRow) -> LadderRow | None:
    number = _fin_number(fin)
    later = (r for r in rows if r.number > fin.number and r.sender != fin.sender)
    return next(
        (r for r in later if r.ack is not None and r.ack > number and "R" not in r.segment.flags), None
    )


def _bytes_after(rows: tuple[LadderRow, ...], one: LadderRow, two: LadderRow | None) -> int:
    end = two.number if two else len(rows)
    again = ("retransmission", "fast-retransmission")
    late = (r for r in rows if one.number < r.number <= end and r.sender != one.sender)
    return sum(r.segment.length for r in late if not set(again) & set(r.marks))


def _numbers(*rows: LadderRow | None) -> tuple[int, ...]:
    return tuple(sorted({r.number for r in rows if r is not None}))
