"""What each segment of a connection is besides its flags: sent again, a duplicate ACK, a selective one, a probe.

RFC 5681 section 2 defines the duplicate ACK, RFC 2018 and RFC 2883 the blocks, RFC 9293 sections 3.8.4 and 3.8.6.1
keep-alives and window probes. One `Stream` per direction; segments come in the order of the capture.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from labctl.protocols.tcp_numbers import Coverage
from labctl.protocols.tcp_segments import Segment

Mark = Literal[
    "retransmission",
    "fast-retransmission",
    "out-of-order",
    "duplicate-ack",
    "sack",
    "dsack",
    "zero-window",
    "window-update",
    "window-probe",
    "keep-alive",
    "keep-alive-ack",
]
Block = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """One segment in relative numbers. `window` is scaled, in bytes; -1 where nobody told it.

    `duplicates` counts the duplicate ACKs of this number so far; `first_row` is the row in which these bytes went out
    first; `hints` how many duplicate or selective ACKs asked for them in between.
    """

    seq: int
    ack: int | None
    window: int
    marks: tuple[Mark, ...] = ()
    sack: tuple[Block, ...] = ()
    dsack: Block | None = None
    duplicates: int = 0
    first_row: int | None = None
    hints: int = 0


@dataclass
class Stream:
    """What one side has sent so far."""

    coverage: Coverage | None = None
    shift: int | None = None
    ack: int | None = None
    window: int | None = None
    duplicates: int = 0
    blocks: tuple[Block, ...] = ()
    probed: bool = False
    # (start, end, row) of everything sent, for "these bytes went out first in row 7".
    rows: list[tuple[int, int, int]] = field(default_factory=list)
    # (row, acknowledged) of the duplicate and selective ACKs that this side sent.
    asked: list[tuple[int, int]] = field(default_factory=list)

    def origin(self, number: int) -> Coverage:
        """The numbers of this side; `number` is the first when the connection was met in the middle."""
        if self.coverage is None:
            self.coverage = Coverage(number)
            # Met in the middle, the first byte is number 1, as it is after a SYN.
            self.coverage.origin = (number - 1) & 0xFFFFFFFF
            self.coverage.add(self.coverage.origin, 1)
        return self.coverage


class Analysis:
    """Reads the segments of one connection one by one."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, int], Stream] = {}

    def read(self, segment: Segment, row: int) -> Reading:
        """`row` is the number under which the segment will be shown."""
        own = self._streams.setdefault((segment.source, segment.source_port), Stream())
        peer = self._streams.setdefault((segment.target, segment.target_port), Stream())
        if "S" in segment.flags and (own.coverage is None or not own.coverage.ranges):
            own.coverage = Coverage(segment.seq)
            own.shift = segment.window_scale
        reset_without_number = "R" in segment.flags and own.coverage is None
        numbers = Coverage(segment.seq) if reset_without_number else own.origin(segment.seq)
        seq = numbers.relative(segment.seq)
        ack = peer.origin(segment.ack).relative(segment.ack) if "A" in segment.flags else None
        scaled = "S" not in segment.flags and own.shift is not None and peer.shift is not None
        window = segment.window << min(own.shift or 0, 14) if scaled else segment.window
        if "window" in segment.unknown:
            window = -1
        marks: list[Mark] = []
        sent = self._sent(segment, seq, own, peer, row, marks, numbers)
        heard = self._acknowledged(segment, ack, window, own, peer, row, marks)
        if "R" not in segment.flags:
            # The window of a SYN is never scaled: that the next one differs says nothing.
            own.window = None if "S" in segment.flags else window
            own.ack = ack if ack is not None else own.ack
        return Reading(seq, ack, window, tuple(marks), *heard, *sent)

    def _sent(
        self,
        segment: Segment,
        seq: int,
        own: Stream,
        peer: Stream,
        row: int,
        marks: list[Mark],
        numbers: Coverage,
    ) -> tuple[int | None, int]:
        if "R" in segment.flags:
            return None, 0
        highest, span = numbers.highest, segment.span
        probes = segment.length <= 1 and seq == highest - 1 and not set(segment.flags) & set("SFR")
        # With something outstanding it is the last byte sent again, not a probe.
        if probes and peer.ack is not None and peer.ack >= highest:
            marks.append("window-probe" if peer.window == 0 else "keep-alive")
            peer.probed = True
            return None, 0
        fresh = numbers.add(segment.seq, span)
        first = next((n for start, end, n in own.rows if start <= seq < end), None)
        hints = 0
        if span and seq < highest:
            if fresh == span:
                marks.append("out-of-order")
            else:
                hints = sum(1 for n, ack in peer.asked if n > (first or 0) and ack <= seq)
                marks.append("fast-retransmission" if hints else "retransmission")
        if span:
            own.rows.append((seq, seq + span, row))
        return first, hints

    def _acknowledged(
        self,
        segment: Segment,
        ack: int | None,
        window: int,
        own: Stream,
        peer: Stream,
        row: int,
        marks: list[Mark],
    ) -> tuple[tuple[Block, ...], Block | None, int]:
        if ack is None or set(segment.flags) & set("SR"):
            return (), None, 0
        numbers = peer.origin(segment.ack)
        blocks = tuple((numbers.relative(left), numbers.relative(right)) for left, right in segment.sack)
        dsack = _duplicate_block(blocks, ack)
        held = blocks[1:] if dsack else blocks
        news = bool(set(held) - set(own.blocks))
        own.blocks = held
        bare = segment.length == 0 and "F" not in segment.flags
        again = bare and ack == own.ack
        outstanding = numbers.highest > ack
        if dsack:
            marks.append("dsack")
        if held:
            marks.append("sack")
        if again and own.probed:
            marks.append("keep-alive-ack")
        elif again and outstanding and not dsack and (own.window in (None, window) or (held and news)):
            own.duplicates += 1
            marks.append("duplicate-ack")
        elif again and own.window not in (None, window) and not held and not marks:
            marks.append("window-update")
        if not again:
            own.duplicates = 0
        if (bare and held and (news or again)) or "duplicate-ack" in marks:
            own.asked.append((row, ack))
        if window == 0:
            marks.append("zero-window")
        own.probed = own.probed and not again
        return held, dsack, own.duplicates if "duplicate-ack" in marks else 0


def _duplicate_block(blocks: tuple[Block, ...], ack: int) -> Block | None:
    """The first block, when it reports bytes that came twice (RFC 2883 section 4)."""
    if not blocks:
        return None
    left, right = blocks[0]
    if right <= ack:
        return blocks[0]
    if len(blocks) > 1 and blocks[1][0] <= left and right <= blocks[1][1]:
        return blocks[0]
    return None
