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
# No timer of Linux sends a segment again sooner (TCP_RTO_MIN).
_TIMER_NS = 200_000_000


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
        # What the handshake adds to the counters without being data. The server's SYN ACK is not counted.
        self._handshake: dict[Role, int] = {"client": 2, "server": 0}
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
            if client is None or client.segments_out is None or self._bare(client) > self._syns_again + 1:
                self._rows.add("client", at_ns, "A", 1, ack=1)
            else:
                # It rides on the first data, or is still to come.
                self._handshake["client"] = 1
        other: Role = "server" if caller == "client" else "client"
        caller_info = infos[caller]
        received = caller_info.bytes_received if caller_info else None
        # What the caller has received left the other side before the caller's answer.
        behind = received is not None and received > self._sides[other].told
        told = {role: self._sides[role].told for role in infos}
        for role in (other, caller) if behind else (caller, other):
            before = self._sides[role].info
            if (info := infos[role]) is not None:
                self._sides[role].info = info
                self._data(role, at_ns, info, before)
                self._sides[role].looked_ns = at_ns
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
                silent = self._sides[role].told == told[role]
                self._bare_ack(role, at_ns, info, infos[self._rows.peer(role)], silent)

    def closed(self, role: Role, at_ns: int) -> None:
        """The program of this side has closed its socket, and no RST was due: FIN has left, now or before."""
        if self._over or not self._open:
            return
        side = self._sides[role]
        if side.info is not None and side.info.state == "CLOSED" and not side.fin:
            # Something else had ended it before, and nobody said what.
            self._over = True
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
        # A timer runs out before the next write; an ACK that asks comes only after it.
        waited = at_ns - side.looked_ns >= _TIMER_NS
        if again > 0 and waited:
            self._sent_again(side, at_ns, again, info, before)
        self._sent(side, at_ns, (segments or 1) - max(0, again), info)
        if again > 0 and not waited:
            self._sent_again(side, at_ns, again, info, before)

    def _sent(self, side: Side, at_ns: int, segments: int, info: TcpInfo) -> None:
        """The bytes that have left for the first time, in so many segments."""
        total = len(side.written)
        if info.bytes_sent is not None:
            total = min(total, info.bytes_sent - (info.bytes_retransmitted or 0))
        fresh = total - side.told
        if fresh <= 0:
            return
        count = max(1, segments)
        # All but the last are full when so many full ones fit; else how it was cut is not known: one row for all.
        size, cut = fresh, count == 1
        if count > 1 and info.send_mss and (count - 1) * info.send_mss < fresh <= count * info.send_mss:
            size, cut = info.send_mss, True
        while side.told < total:
            chunk = min(size, total - side.told)
            # PSH goes with the last byte that the program has given.
            flags = "PA" if side.told + chunk == len(side.written) else "A"
            self._rows.add(side.role, at_ns, flags, 1 + side.told, length=chunk, cut=cut)
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
        new_fin = finished and not server.fin
        fresh -= finished
        ack = min(info.bytes_acked or 1, 1 + client.told + client.fin)
        # SYN ACK, and a FIN that carries nothing, are arrivals without data too.
        bare = info.segments_in - info.data_segments_in - 1 - finished
        # Beside data or a FIN nobody knows which of them told the number.
        if bare > server.acks and ack > server.shown and segments <= 0 and not new_fin:
            self._rows.add("server", at_ns, "A", 1 + server.told + server.fin, ack=ack)
        server.acks = max(server.acks, bare)
        server.data_segments = info.data_segments_in
        if fresh > 0:
            self._rows.add("server", at_ns, "PA", 1 + server.told, ack=ack, length=fresh, cut=segments <= 1)
            server.told += fresh
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
            if (rest := len(side.written) - side.told) > 0:
                # The kernel held it back when it could be asked last. FIN comes behind everything that was written.
                self._rows.add(role, at_ns, "PA", 1 + side.told, length=rest, cut=False)
                side.told += rest
            self._rows.add(role, at_ns, "FA", 1 + side.told)
            side.fin = True

    def _bare(self, info: TcpInfo) -> int:
        return (info.segments_out or 0) - (info.data_segments_out or 0)

    def _bare_ack(self, role: Role, at_ns: int, info: TcpInfo, heard: TcpInfo | None, silent: bool) -> None:
        """One bare ACK, where three things agree: it was counted, nothing else went out, and the peer has heard it.

        Every other one is left out: how many there were, and which numbers they named, is not told.
        """
        side, peer = self._sides[role], self._sides[self._rows.peer(role)]
        if info.segments_out is None or info.data_segments_out is None or info.bytes_received is None:
            return
        bare = self._bare(info) - self._handshake[role] - side.fin
        if role == "client":
            bare -= self._syns_again
        counted = bare > side.acks
        side.acks = max(side.acks, bare)
        if not counted or not silent or heard is None or heard.bytes_acked is None:
            return
        # Linux counts the number of the client's SYN among those, and that of the server's SYN ACK not.
        number = heard.bytes_acked + (role == "client")
        # Less than everything: whether it left before or after the peer's last rows is not told.
        everything = 1 + peer.told + peer.fin
        if side.shown < number == everything <= 1 + info.bytes_received:
            self._rows.add(role, at_ns, "A", 1 + side.told + side.fin, ack=number)


def _agreed(scale: int | None, info: TcpInfo | None) -> tuple[Option, ...]:
    """Options that a SYN or SYN ACK must have carried, by what the kernel uses now."""
    options: list[Option] = []
    if info is not None and info.sack:
        options.append(sack_permitted())
    if info is not None and info.window_scaling and scale is not None:
        options.append(window_scale(scale))
    return tuple(options)
