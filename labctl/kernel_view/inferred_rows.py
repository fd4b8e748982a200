"""The rows of a connection that nobody captured: relative numbers while it goes on, segments in the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from labctl.kernel_view.tcp_info import TcpInfo
from labctl.protocols.tcp_endpoint import Endpoint, Role
from labctl.protocols.tcp_options import Option
from labctl.protocols.tcp_segments import Segment

Place = tuple[str, int]
# The receive window is told as it is now, not as it stood in a segment.
_NOT_TOLD = ("ip_id", "options", "ttl", "window")
# Where a side may send something new, and where it may only send again (RFC 9293 section 3.10.4).
_SENDING = ("ESTABLISHED", "CLOSE-WAIT")
_FINISHING = ("FIN-WAIT-1", "CLOSING", "LAST-ACK")


@dataclass
class Side:
    """What one side is known to have done. `told` counts the bytes that have a row."""

    place: Place
    role: Role
    info: TcpInfo | None = None
    written: bytearray = field(default_factory=bytearray)
    told: int = 0
    data_segments: int = 0
    retransmits: int = 0
    acks: int = 0
    fin: bool = False
    acknowledged: int = 0
    # The highest acknowledgement that has a row of this side.
    shown: int = -1
    looked_ns: int = 0


class InferredRows:
    """Rows are added in the order in which they must have crossed; numbers are relative to each side's SYN."""

    def __init__(self, client: Place, server: Place) -> None:
        self.sides: dict[Role, Side] = {"client": Side(client, "client"), "server": Side(server, "server")}
        self.losing: set[Role] = set()
        # What the client's SYN must have carried, where its bytes are not known.
        self.syn_options: tuple[Option, ...] = ()
        self._rows: list[Segment] = []
        self._roles: list[Role] = []

    def peer(self, role: Role) -> Role:
        """The other side."""
        return "server" if role == "client" else "client"

    def first_is_lost(self) -> None:
        """The SYN that has just been added was lost on purpose; it is still the only row."""
        if len(self._rows) == 1:
            self._rows[0] = replace(self._rows[0], dropped=True)

    def first_to_finish(self) -> Role:
        """The side of the first FIN."""
        return next(role for role, row in zip(self._roles, self._rows, strict=True) if "F" in row.flags)

    def acknowledgement(self, role: Role, *, everything: bool = False) -> int:
        """What this side acknowledges: what its kernel has counted, or `everything` that the other side sent.

        Never more than has a row: the other side's next step may be counted before it is told.
        """
        side, peer = self.sides[role], self.sides[self.peer(role)]
        sent = 1 + peer.told + peer.fin
        if side.info is not None and side.info.bytes_received is not None and not everything:
            side.acknowledged = max(side.acknowledged, min(sent, 1 + side.info.bytes_received))
            return side.acknowledged
        return sent

    def add(
        self,
        role: Role,
        at_ns: int,
        flags: str,
        seq: int,
        *,
        ack: int | None = None,
        length: int = 0,
        options: tuple[Option, ...] = (),
        cut: bool = True,
    ) -> None:
        """One more row. `ack` is what the side's kernel has counted unless given.

        `cut` False: the bytes are those of several segments, and nobody told where one ended.
        """
        side, peer = self.sides[role], self.sides[self.peer(role)]
        if "A" in flags and ack is None:
            ack = self.acknowledgement(role)
        side.shown = max(side.shown, ack or 0)
        self._roles.append(role)
        self._rows.append(
            Segment(
                # Two rows of the same moment keep their order.
                at_ns=max(at_ns, self._rows[-1].at_ns + 1 if self._rows else 0),
                source=side.place[0],
                source_port=side.place[1],
                target=peer.place[0],
                target_port=peer.place[1],
                seq=seq,
                ack=ack or 0,
                flags=flags,
                window=0,
                payload=bytes(side.written[seq - 1 : seq - 1 + length]) if length else b"",
                # The bytes of a program that is not ours are not known, only how many.
                stated_length=length if len(side.written) < seq - 1 + length else None,
                options=options,
                evidence="inferred",
                unknown=() if cut else ("cut",),
                # A bare ACK is the kernel's own: the TTL that loses a row is set for one call of the program.
                dropped=role in self.losing and flags != "A",
            )
        )

    def segments(self, syn: Segment | None) -> list[Segment]:
        """The rows with absolute numbers where the SYN's bytes tell them; the last SYN that arrived is those bytes.

        A row that the state machine of RFC 9293 does not allow is left out: it was concluded wrongly.
        """
        syns = [i for i, row in enumerate(self._rows) if row.flags == "S" and not row.dropped]
        return [self._segment(i, i == syns[-1] if syns else False, syn) for i in self._fitting()]

    def _fitting(self) -> list[int]:
        """The rows that fit, played to the two ends in their order; what comes later changes none of them."""
        ends: dict[Role, Endpoint] = {
            "client": Endpoint("client"),
            "server": Endpoint("server", state="LISTEN"),
        }
        sent: dict[Role, int] = {"client": 0, "server": 0}
        told: dict[Role, int] = {"client": -1, "server": -1}
        fitting: list[int] = []
        for index, (role, row) in enumerate(zip(self._roles, self._rows, strict=True)):
            peer = self.peer(role)
            if row.ack > sent[peer] or not _may_send(ends[role], row, sent[role], told[role]):
                continue
            fitting.append(index)
            ends[role].sent(row)
            if not row.dropped:
                ends[peer].received(row)
            sent[role] = max(sent[role], row.seq + row.span)
            told[role] = max(told[role], row.ack)
        return fitting

    def _segment(self, index: int, is_saved: bool, syn: Segment | None) -> Segment:
        role, row = self._roles[index], self._rows[index]
        if is_saved and syn is not None:
            return replace(syn, at_ns=row.at_ns, unknown=("at_ns",) if index else ())
        unknown = {*_NOT_TOLD, *row.unknown}
        if index:
            # What has been counted crossed before it was looked at; how long before, nobody told.
            unknown.add("at_ns")
        if role == "server" or syn is None:
            unknown.add("seq")
        if "A" in row.flags and (role == "client" or syn is None):
            unknown.add("ack")
        # The server's numbers are nowhere to be read: its SYN counts as 0.
        isn = syn.seq if syn else 0
        own, peer = (isn, 0) if role == "client" else (0, isn)
        ack = (peer + row.ack) & 0xFFFFFFFF if "A" in row.flags else 0
        # The client's port is known only after its first SYN has left.
        side, other = self.sides[role], self.sides[self.peer(role)]
        return replace(
            row,
            seq=(own + row.seq) & 0xFFFFFFFF,
            ack=ack,
            source_port=side.place[1],
            target_port=other.place[1],
            options=row.options if row.flags != "S" else syn.options if syn else self.syn_options,
            unknown=tuple(sorted(unknown)),
        )


def _may_send(end: Endpoint, row: Segment, sent: int, told: int) -> bool:
    """Whether a side in this state sends such a row. `told` is the highest number that it has acknowledged."""
    if "R" in row.flags:
        return True
    if "S" in row.flags:
        return end.state in (("LISTEN", "SYN-RCVD") if "A" in row.flags else ("CLOSED", "SYN-SENT"))
    if row.span == 0:
        # Once: a bare ACK that says nothing new cannot be told from any other.
        return row.ack > told and end.state not in ("CLOSED", "LISTEN", "SYN-SENT", "SYN-RCVD")
    return end.state in _SENDING or (row.seq < sent and end.state in _FINISHING)
