"""A connection told from its counters: which segments must have crossed, without having seen one.

The SYN's bytes may be real ("observed"). Every other row is "inferred": that it crossed follows from a counter or a
state that changed, its sequence numbers from the bytes that were counted; what nobody told is named in `unknown`.
"""

from __future__ import annotations

from labctl.kernel_view.inferred_rows import InferredRows, Place, Side
from labctl.kernel_view.tcp_info import TcpInfo
from labctl.protocols.tcp_endpoint import Role
from labctl.protocols.tcp_options import Option, sack_permitted, window_scale
from labctl.protocols.tcp_segments import Segment
from labctl.protocols.tcp_states import State

# States that a side reaches only by sending FIN (RFC 9293 figure 5).
_FIN_SENT: tuple[State, ...] = ("FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK", "TIME-WAIT")
# States that a side reaches only by receiving one: first the other's FIN, or first its own.
_FINISHED_SECOND: tuple[State, ...] = ("CLOSE-WAIT", "LAST-ACK")
_FIN_RECEIVED: tuple[State, ...] = ("CLOSING", "TIME-WAIT")
# The client's SYN and the last ACK of the handshake are among its counters; the server's SYN ACK is not.
_HANDSHAKE: dict[Role, int] = {"client": 2, "server": 0}


class ConnectionStory:
    """Tell it what the programs do and, after each step, what the kernel counts; `segments` is what it concludes.

    `both_sides`: the server is ours too, and its own counters will say what it sent. Else the client's have to do.
    """

    def __init__(self, client: Place, server: Place, *, began_ns: int, both_sides: bool = False) -> None:
        self.client, self.server = client, server
        # The real bytes of the SYN, when the server's kernel has kept them.
        self.syn: Segment | None = None
        self._rows = InferredRows(client, server)
        self._sides = self._rows.sides
        self._both_sides = both_sides
        self._open = False
        self._over = False
        self._syns_again = 0
        self._rows.add("client", began_ns, "S", 0)

    @property
    def is_over(self) -> bool:
        """Whether nothing more can happen: reset, refused, or closed by both."""
        return self._over

    def client_is(self, place: Place) -> None:
        """The client's own port, once it has one."""
        self.client = self._sides["client"].place = place

    def lost_on_purpose(self, role: Role, lost: bool) -> None:
        """What this side sends from now on does not arrive, or does."""
        (self._rows.losing.add if lost else self._rows.losing.discard)(role)
        if lost and role == "client":
            self._rows.first_is_lost()

    def wrote(self, role: Role, data: bytes) -> None:
        """The program of this side has given these bytes to its kernel."""
        self._sides[role].written += data

    def syn_again(self, at_ns: int) -> None:
        """The counter of retransmissions rose while the SYN was unanswered."""
        self._sides["client"].retransmits += 1
        self._syns_again += 1
        self._rows.add("client", at_ns, "S", 0)

    def refused(self, at_ns: int) -> None:
        """connect() failed with ECONNREFUSED: a RST answered the SYN."""
        self._over = True
        self._rows.add("server", at_ns, "RA", 0, ack=1)

    def reset(self, role: Role, at_ns: int) -> None:
        """This side ended the connection with RST (unread data, SO_LINGER 0)."""
        if not self._over:
            self._over = True
            side = self._sides[role]
            self._rows.add(role, at_ns, "RA", 1 + side.told, ack=self._rows.acknowledgement(role))

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
            self._rows.syn_options = _agreed(client.receive_scale if client else None, client or server)
            scale = client.send_scale if client else server.receive_scale if server else None
            self._rows.add("server", at_ns, "SA", 0, ack=1, options=_agreed(scale, client or server))
            self._rows.add("client", at_ns, "A", 1, ack=1)
        other: Role = "server" if caller == "client" else "client"
        for role in (caller, other):
            before = self._sides[role].info
            if (info := infos[role]) is not None:
                self._sides[role].info = info
                self._data(role, at_ns, info, before)
        if client is not None and not self._both_sides:
            if client.state == "CLOSED" and self._sides["server"].fin:
                # From LAST-ACK: it had finished second.
                self._finish("client", at_ns)
            self._heard(at_ns, client)
        for role in (caller, other):
            if (info := infos[role]) is not None:
                self._fins_by_state(role, at_ns, info.state)
        for role in (other, caller):
            if (info := infos[role]) is not None:
                self._bare_acks(role, at_ns, info)

    def closed(self, role: Role, at_ns: int) -> None:
        """The program of this side has closed its socket, and no RST was due: FIN has left, now or before."""
        if self._over or not self._open:
            return
        self._finish(role, at_ns)
        if self._sides[self._rows.peer(role)].fin and not self._rows.losing:
            # Both have finished: the side that did so first acknowledges the other's FIN, on this machine at once.
            self._over = True
            first = self._rows.first_to_finish()
            number = 2 + self._sides[first].told
            self._rows.add(first, at_ns, "A", number, ack=self._rows.acknowledgement(first, everything=True))

    def segments(self) -> list[Segment]:
        """The rows so far, in time order; the SYN's bytes are put in where they are known."""
        return self._rows.segments(self.syn)

    def _data(self, role: Role, at_ns: int, info: TcpInfo, before: TcpInfo | None) -> None:
        side = self._sides[role]
        again = info.total_retransmits - side.retransmits
        segments = None if info.data_segments_out is None else info.data_segments_out - side.data_segments
        side.data_segments = info.data_segments_out or 0
        if again > 0:
            side.retransmits = info.total_retransmits
            self._sent_again(side, at_ns, again, info, before)
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
            # PSH goes with the last byte that the program has given.
            flags = "PA" if side.told + chunk == len(side.written) else "A"
            self._rows.add(role, at_ns, flags, 1 + side.told, length=chunk)
            side.told += chunk

    def _heard(self, at_ns: int, info: TcpInfo) -> None:
        """What the client's counters of arrivals say about a server that is not ours."""
        server, client = self._sides["server"], self._sides["client"]
        if info.bytes_received is None or info.data_segments_in is None or info.segments_in is None:
            return
        fresh = info.bytes_received - server.told
        segments = info.data_segments_in - server.data_segments
        finished = server.fin or info.state in (*_FINISHED_SECOND, *_FIN_RECEIVED)
        if info.state == "CLOSED" and client.fin and not server.fin:
            # TIME-WAIT is kept apart from the socket. A FIN has one number, a RST has none.
            finished = fresh > 0
            if not finished:
                self.reset("server", at_ns)
                return
        fresh -= finished
        ack = min(info.bytes_acked or 1, 1 + client.told + client.fin)
        # SYN ACK, and a FIN that carries nothing, are arrivals without data too.
        bare = info.segments_in - info.data_segments_in - 1 - finished
        for _ in range(max(0, bare - server.acks)):
            self._rows.add("server", at_ns, "A", 1 + server.told + server.fin, ack=ack)
        server.acks = max(server.acks, bare)
        server.data_segments = info.data_segments_in
        size = -(-fresh // max(1, segments)) if fresh > 0 else 0
        end = server.told + max(0, fresh)
        while server.told < end:
            chunk = min(size, end - server.told)
            flags = "PA" if server.told + chunk == end else "A"
            self._rows.add("server", at_ns, flags, 1 + server.told, ack=ack, length=chunk)
            server.told += chunk
        if finished:
            self._finish("server", at_ns)

    def _sent_again(self, side: Side, at_ns: int, again: int, info: TcpInfo, before: TcpInfo | None) -> None:
        """Which bytes it was is not counted: the first that had no acknowledgement is the one that is asked for."""
        first = max(0, (before.bytes_acked or 0) - (side.role == "client")) if before else 0
        size = (info.bytes_retransmitted or 0) - ((before.bytes_retransmitted or 0) if before else 0)
        size = min(-(-size // again), side.told - first)
        # Nothing outstanding: it was SYN ACK or FIN.
        for _ in range(again if size > 0 else 0):
            self._rows.add(side.role, at_ns, "PA", 1 + first, length=size)

    def _fins_by_state(self, role: Role, at_ns: int, state: State) -> None:
        if state in _FINISHED_SECOND:
            self._finish(self._rows.peer(role), at_ns)
        if state in _FIN_SENT:
            self._finish(role, at_ns)
        if state in _FIN_RECEIVED:
            self._finish(self._rows.peer(role), at_ns)

    def _finish(self, role: Role, at_ns: int) -> None:
        side = self._sides[role]
        if not side.fin:
            self._rows.add(role, at_ns, "FA", 1 + side.told)
            side.fin = True

    def _bare_acks(self, role: Role, at_ns: int, info: TcpInfo) -> None:
        side = self._sides[role]
        if info.segments_out is None or info.data_segments_out is None:
            return
        bare = info.segments_out - info.data_segments_out - _HANDSHAKE[role] - side.fin
        if role == "client":
            bare -= self._syns_again
        for _ in range(max(0, bare - side.acks)):
            self._rows.add(role, at_ns, "A", 1 + side.told + side.fin)
        side.acks = max(side.acks, bare)


def _agreed(scale: int | None, info: TcpInfo | None) -> tuple[Option, ...]:
    """Options that a SYN or SYN ACK must have carried, by what the kernel uses now."""
    options: list[Option] = []
    if info is not None and info.sack:
        options.append(sack_permitted())
    if info is not None and info.window_scaling and scale is not None:
        options.append(window_scale(scale))
    return tuple(options)
