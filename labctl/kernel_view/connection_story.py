"""A connection told from its counters: which segments must have crossed, without having seen one.

The SYN's bytes may be real ("observed"). Every other row is "inferred": that it crossed follows from a counter or a
state that changed, its sequence numbers from the bytes that were counted; what nobody told is named in `unknown`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from labctl.kernel_view.tcp_info import TcpInfo
from labctl.protocols.tcp_endpoint import Role
from labctl.protocols.tcp_segments import Segment
from labctl.protocols.tcp_states import State

Place = tuple[str, int]
# States that a side reaches only by sending FIN (RFC 9293 figure 5).
_FIN_SENT: tuple[State, ...] = ("FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK", "TIME-WAIT")
# The client's SYN and the last ACK of the handshake are among its counters; the server's SYN ACK is not.
_HANDSHAKE: dict[Role, int] = {"client": 2, "server": 0}


@dataclass
class _Side:
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


class ConnectionStory:
    """Tell it what the programs do and, after each step, what the kernel counts; `segments` is what it concludes."""

    def __init__(self, client: Place, server: Place, *, began_ns: int) -> None:
        self.client, self.server = client, server
        self.syn: Segment | None = None
        self._sides: dict[Role, _Side] = {
            "client": _Side(client, "client"),
            "server": _Side(server, "server"),
        }
        self._rows: list[Segment] = []
        self._open = False
        self._over = False
        self._syns_again = 0
        self._losing: set[Role] = set()
        self._add("client", began_ns, "S", 0)

    @property
    def is_over(self) -> bool:
        """Whether nothing more can happen: reset, refused, or closed by both."""
        return self._over

    def client_is(self, place: Place) -> None:
        """The client's own port, once it has one."""
        self.client = self._sides["client"].place = place

    def lost_on_purpose(self, role: Role, lost: bool) -> None:
        """What this side sends from now on does not arrive, or does."""
        (self._losing.add if lost else self._losing.discard)(role)
        if role == "client" and len(self._rows) == 1:
            self._rows[0] = replace(self._rows[0], dropped=lost)

    def wrote(self, role: Role, data: bytes) -> None:
        """The program of this side has given these bytes to its kernel."""
        self._sides[role].written += data

    def syn_again(self, at_ns: int) -> None:
        """The counter of retransmissions rose while the SYN was unanswered."""
        self._sides["client"].retransmits += 1
        self._syns_again += 1
        self._add("client", at_ns, "S", 0)

    def refused(self, at_ns: int) -> None:
        """connect() failed with ECONNREFUSED: a RST answered the SYN."""
        self._over = True
        self._add("server", at_ns, "RA", 0, ack=1)

    def reset(self, role: Role, at_ns: int) -> None:
        """This side ended the connection with RST (unread data, SO_LINGER 0)."""
        if not self._over:
            self._over = True
            side = self._sides[role]
            self._add(role, at_ns, "RA", 1 + side.told, ack=self._acknowledgement(role))

    def look(self, at_ns: int, caller: Role, client: TcpInfo | None, server: TcpInfo | None) -> None:
        """What both kernels count after `caller` did something. None: that side cannot be asked (any more)."""
        infos: dict[Role, TcpInfo | None] = {"client": client, "server": server}
        if self._over:
            return
        if not self._open:
            states = [i.state for i in (client, server) if i is not None]
            if not states or all(s in ("SYN-SENT", "SYN-RCVD", "LISTEN", "CLOSED") for s in states):
                return
            self._open = True
            self._sides["client"].info, self._sides["server"].info = client, server
            self._add("server", at_ns, "SA", 0, ack=1)
            self._add("client", at_ns, "A", 1, ack=1)
        other: Role = "server" if caller == "client" else "client"
        for role in (caller, other):
            self._sides[role].info = infos[role] or self._sides[role].info
            if (info := infos[role]) is not None:
                self._data(role, at_ns, info)
                self._fin_by_state(role, at_ns, info.state)
        for role in (other, caller):
            if (info := infos[role]) is not None:
                self._bare_acks(role, at_ns, info)

    def seen_in_table(self, role: Role, at_ns: int, state: State | None) -> None:
        """The state of a side whose socket is closed, from the system's table; None when it is gone from there."""
        if self._over or not self._open:
            return
        side, peer = self._sides[role], self._sides["server" if role == "client" else "client"]
        if not side.fin:
            # Gone without RST, or in a state after FIN: either way the FIN has left.
            self._finish(role, at_ns)
        both = side.fin and peer.fin
        if both and state in (None, "TIME-WAIT", "CLOSED"):
            # The second FIN has been acknowledged, or the side that had sent it would still be there.
            self._over = True
            first = next(r for r in self._rows if "F" in r.flags)
            role = "client" if (first.source, first.source_port) == self.client else "server"
            own = self._sides[role]
            self._add(role, at_ns, "A", 2 + own.told, ack=self._acknowledgement(role, fin=True))

    def segments(self) -> list[Segment]:
        """The rows so far, in time order; the SYN's bytes are put in where they are known."""
        client, server = (self.syn.seq if self.syn else 0), 0
        rows = []
        for row in self._rows:
            if row.flags == "S":
                found = replace(self.syn, at_ns=row.at_ns, dropped=row.dropped) if self.syn else row
                unknown_here = () if self.syn else ("ip_id", "options", "seq", "ttl", "window")
                rows.append(replace(found, source_port=self.client[1], unknown=unknown_here))
                continue
            own, peer = (client, server) if (row.source, row.source_port) == self.client else (server, client)
            unknown = {"ttl", "ip_id", "options", *row.unknown}
            if own == 0:
                unknown.add("seq")
            if peer == 0 and "A" in row.flags:
                unknown.add("ack")
            seq = (own + row.seq) & 0xFFFFFFFF
            ack = (peer + row.ack) & 0xFFFFFFFF if "A" in row.flags else 0
            rows.append(replace(row, seq=seq, ack=ack, unknown=tuple(sorted(unknown))))
        return rows

    def _data(self, role: Role, at_ns: int, info: TcpInfo) -> None:
        side = self._sides[role]
        again = info.total_retransmits - side.retransmits
        segments = None if info.data_segments_out is None else info.data_segments_out - side.data_segments
        side.data_segments = info.data_segments_out or 0
        if again > 0:
            side.retransmits = info.total_retransmits
            first = max(0, (info.bytes_acked or 0) - (1 if role == "client" else 0))
            size = min(info.send_mss or 1, max(1, side.told - first))
            for _ in range(again):
                self._add(role, at_ns, "PA", 1 + min(first, max(0, side.told - size)), length=size)
        total = len(side.written)
        if info.bytes_sent is not None:
            total = min(total, info.bytes_sent - (info.bytes_retransmitted or 0))
        fresh = total - side.told
        if fresh <= 0:
            return
        count = max(1, (segments or 1) - max(0, again))
        # All but the last are full when so many full ones fit; else how it was cut is not known.
        size = -(-fresh // count)
        if info.send_mss and (count - 1) * info.send_mss < fresh <= count * info.send_mss:
            size = info.send_mss
        while side.told < total:
            chunk = min(size, total - side.told)
            flags = "PA" if side.told + chunk == total else "A"
            self._add(role, at_ns, flags, 1 + side.told, length=chunk)
            side.told += chunk

    def _fin_by_state(self, role: Role, at_ns: int, state: State) -> None:
        if state in _FIN_SENT and not self._sides[role].fin:
            self._finish(role, at_ns)

    def _finish(self, role: Role, at_ns: int) -> None:
        side = self._sides[role]
        self._add(role, at_ns, "FA", 1 + side.told)
        side.fin = True

    def _bare_acks(self, role: Role, at_ns: int, info: TcpInfo) -> None:
        side = self._sides[role]
        if info.segments_out is None or info.data_segments_out is None:
            return
        bare = info.segments_out - info.data_segments_out - _HANDSHAKE[role] - side.fin
        if role == "client":
            bare -= self._syns_again
        for _ in range(max(0, bare - side.acks)):
            self._add(role, at_ns, "A", 1 + side.told + side.fin)
        side.acks = max(side.acks, bare)

    def _acknowledgement(self, role: Role, *, fin: bool = False) -> int:
        side, peer = self._sides[role], self._sides["server" if role == "client" else "client"]
        if side.info is not None and side.info.bytes_received is not None and not fin:
            side.acknowledged = max(side.acknowledged, 1 + side.info.bytes_received)
            return side.acknowledged
        return 1 + peer.told + peer.fin

    def _add(
        self, role: Role, at_ns: int, flags: str, seq: int, *, ack: int | None = None, length: int = 0
    ) -> None:
        side, peer = self._sides[role], self._sides["server" if role == "client" else "client"]
        window = 0
        unknown: tuple[str, ...] = ("window",)
        if side.info is not None and side.info.receive_window is not None:
            scale = 0 if "S" in flags else side.info.receive_scale
            window, unknown = min(65535, side.info.receive_window >> scale), ()
        if "A" in flags and ack is None:
            ack = self._acknowledgement(role)
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
                window=window,
                payload=bytes(side.written[seq - 1 : seq - 1 + length]) if length else b"",
                evidence="inferred",
                unknown=unknown,
                # A bare ACK is the kernel's own; its socket's TTL is what loses it, and that is set for one call.
                dropped=role in self._losing and flags != "A",
            )
        )
