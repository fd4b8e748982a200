"""A conversation as the rows of a ladder: relative numbers, states, labels, phases, and what each segment is.

Pure: segments in, rows out. `tcp_close.py` says how it ended, `tcp_sentences.py` explains numbers of the run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from labctl.protocols.tcp_analysis import Analysis, Mark, Reading
from labctl.protocols.tcp_endpoint import Endpoint, Role
from labctl.protocols.tcp_segments import Segment
from labctl.protocols.tcp_states import State

Phase = Literal["open", "data", "close", "reset"]
Place = tuple[str, int]

_MARK_WORDS: dict[Mark, str] = {
    "retransmission": "sent again",
    "fast-retransmission": "sent again",
    "out-of-order": "out of order",
    "duplicate-ack": "duplicate ACK",
    "zero-window": "window 0",
    "window-update": "window update",
    "window-probe": "window probe",
    "keep-alive": "keep-alive",
    "keep-alive-ack": "keep-alive answered",
}


@dataclass(frozen=True, slots=True)
class LadderRow:
    """One segment. `at_ms` is since the conversation's first. `seq` and `ack` are relative, `ack` None without ACK.

    `client_state` and `server_state` hold after the row; `client_shows` and `server_shows` are what a ladder
    prints: the state when it has changed, else "". A receiver's step of the handshake is shown with its answer.
    """

    number: int
    segment: Segment
    at_ms: float
    sender: Role
    reading: Reading
    phase: Phase
    client_state: State | None
    server_state: State | None
    client_shows: str
    server_shows: str

    @property
    def seq(self) -> int:
        """Relative to the SYN of its sender, which has 0."""
        return self.reading.seq

    @property
    def ack(self) -> int | None:
        """Relative to the SYN of its receiver; None without the ACK flag."""
        return self.reading.ack

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What the segment is besides its flags."""
        return self.reading.marks

    @property
    def heavy(self) -> bool:
        """Whether it carries bytes."""
        return self.segment.length > 0

    @property
    def label(self) -> str:
        """`PSH ACK  seq=1 ack=1  78 B`, with relative numbers."""
        return self._label(str(self.seq), str(self.ack), self.reading.sack, self.reading.dsack)

    @property
    def absolute_label(self) -> str:
        """The same with the numbers of the wire; `?` where nobody told them."""
        s = self.segment
        dsack = s.sack[0] if self.reading.dsack else None
        held = s.sack[1:] if dsack else s.sack
        seq = "?" if "seq" in s.unknown else str(s.seq)
        return self._label(seq, "?" if "ack" in s.unknown else str(s.ack), held, dsack)

    def _label(
        self, seq: str, ack: str, sack: tuple[tuple[int, int], ...], dsack: tuple[int, int] | None
    ) -> str:
        s = self.segment
        parts = [s.flag_words or "no flags", f"seq={seq}" + ("" if self.ack is None else f" ack={ack}")]
        if s.length:
            parts.append(f"{s.length} B")
        parts += [f"sack {left}-{right}" for left, right in sack]
        if dsack:
            parts.append(f"came twice {dsack[0]}-{dsack[1]}")
        return "  ".join(parts)

    @property
    def remark(self) -> str:
        """What it is, in the fewest words: `sent again`, `duplicate ACK`; "" for an ordinary one."""
        words = [_MARK_WORDS[m] for m in self.marks if m in _MARK_WORDS]
        if self.segment.dropped:
            words.append("lost")
        if self.segment.delayed_ms:
            words.append(f"held back {self.segment.delayed_ms:g} ms")
        return ", ".join(words)


class Conversation:
    """The segments of one connection, from the client's first SYN where that was captured.

    `server_state` is where the server began; by default it is concluded: LISTEN if it ever answered with
    anything but RST, CLOSED if RST was all it said, None (nobody knows) if it never said anything.
    """

    def __init__(self, segments: Iterable[Segment], *, server_state: State | None = None) -> None:
        self.segments = tuple(sorted(segments, key=lambda s: s.at_ns))
        if not self.segments:
            raise ValueError("a conversation needs a segment")
        self.client, self.server = _sides(self.segments)
        self.complete = any("S" in s.flags and "A" not in s.flags for s in self.segments)
        self.start_ns = self.segments[0].at_ns
        said = [s for s in self.segments if (s.source, s.source_port) == self.server]
        self.server_start: State | None = server_state
        if server_state is None and said and self.complete:
            self.server_start = "CLOSED" if all("R" in s.flags for s in said) else "LISTEN"
        # A connection met in the middle began before we looked.
        begun: State = "CLOSED" if self.complete else "ESTABLISHED"
        self.client_end = Endpoint("client", state=begun)
        self.server_end = Endpoint(
            "server", state=(self.server_start or "CLOSED") if self.complete else begun
        )
        self.rows = self._rows()

    @property
    def rtt_ms(self) -> float | None:
        """Between the client's last SYN before the answer and that answer, as captured; None without both."""
        sent: int | None = None
        for s in self.segments:
            if "S" in s.flags and "A" not in s.flags:
                sent = s.at_ns
            elif "S" in s.flags and sent is not None:
                return (s.at_ns - sent) / 1e6
        return None

    def rows_marked(self, *marks: Mark) -> tuple[LadderRow, ...]:
        """The rows that carry at least one of the marks."""
        return tuple(row for row in self.rows if set(marks) & set(row.marks))

    def _rows(self) -> tuple[LadderRow, ...]:
        analysis = Analysis()
        rows: list[LadderRow] = []
        shown: dict[Role, State | None] = {"client": None, "server": None}
        phase: Phase = "open" if self.complete else "data"
        for number, segment in enumerate(self.segments, 1):
            sender: Role = "client" if (segment.source, segment.source_port) == self.client else "server"
            own, peer = self.client_end, self.server_end
            if sender == "server":
                own, peer = peer, own
            own.sent(segment)
            before = peer.state
            if not segment.dropped:
                peer.received(segment)
            phase = _next_phase(phase, segment, rows)
            prints: dict[Role, str] = {"client": "", "server": ""}
            for end in (own, peer):
                # The answer to a SYN shows the step that the SYN caused: its row is where it is seen.
                state = before if end is peer and "S" in segment.flags else end.state
                if end is self.server_end and self.server_start is None and self.complete:
                    continue
                if state != shown[end.role] and not (number == 1 and state == "CLOSED" and end is own):
                    prints[end.role] = state
                    shown[end.role] = state
            rows.append(
                LadderRow(
                    number=number,
                    segment=segment,
                    at_ms=(segment.at_ns - self.start_ns) / 1e6,
                    sender=sender,
                    reading=analysis.read(segment, number),
                    phase=phase,
                    client_state=self.client_end.state,
                    server_state=None if not said_anything(self) else self.server_end.state,
                    client_shows=prints["client"],
                    server_shows=prints["server"],
                )
            )
        return tuple(rows)


def said_anything(conversation: Conversation) -> bool:
    """Whether the server's state can be known at all: it answered, or the connection was met in the middle."""
    return conversation.server_start is not None or not conversation.complete


def conversations(segments: Iterable[Segment]) -> list[Conversation]:
    """The connections among these segments, in the order of their first one.

    A SYN with another sequence number on ports that were used before begins a new connection.
    """
    found: dict[frozenset[Place], list[list[Segment]]] = {}
    begun: dict[frozenset[Place], int] = {}
    for s in sorted(segments, key=lambda s: s.at_ns):
        key = frozenset({(s.source, s.source_port), (s.target, s.target_port)})
        groups = found.setdefault(key, [])
        first = "S" in s.flags and "A" not in s.flags
        # A SYN from the other side crosses ours in a simultaneous open and belongs to it.
        crossing = bool(groups) and len(groups[-1]) < 4 and groups[-1][0].source_port != s.source_port
        if not groups or (first and begun.get(key) != s.seq and not crossing):
            groups.append([])
            if first:
                begun[key] = s.seq
        groups[-1].append(s)
    every = [group for groups in found.values() for group in groups]
    return [Conversation(g) for g in sorted(every, key=lambda g: g[0].at_ns)]


def _sides(segments: tuple[Segment, ...]) -> tuple[Place, Place]:
    for s in segments:
        if "S" in s.flags:
            ends = (s.source, s.source_port), (s.target, s.target_port)
            return (ends[1], ends[0]) if "A" in s.flags else ends
    first = segments[0]
    ends = (first.source, first.source_port), (first.target, first.target_port)
    # Without a SYN: servers have the lower port.
    return ends if first.source_port >= first.target_port else (ends[1], ends[0])


def _next_phase(phase: Phase, segment: Segment, rows: list[LadderRow]) -> Phase:
    if "R" in segment.flags:
        return "reset"
    if "F" in segment.flags or phase == "close":
        return "close"
    if phase == "open" and rows:
        opened = any("S" in r.segment.flags and "A" in r.segment.flags for r in rows)
        after_third = opened and any("S" not in r.segment.flags and not r.segment.dropped for r in rows)
        if after_third or (opened and segment.length):
            return "data"
    if phase == "reset":
        return "open" if "S" in segment.flags else "reset"
    return phase
