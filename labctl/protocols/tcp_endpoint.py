"""One side of a connection, followed from the segments that it sends and receives (RFC 9293 section 3.10)."""

from __future__ import annotations

from typing import Literal

from labctl.protocols.tcp_numbers import Coverage, distance
from labctl.protocols.tcp_segments import Segment
from labctl.protocols.tcp_states import SYNCHRONIZED, Event, State, Transition, follow

Role = Literal["client", "server"]


class Endpoint:
    """The state of one side. Feed it calls and segments in the order in which they happen to that side.

    A call that is not seen (somebody else's program) is concluded from what it makes TCP send. Nothing that a
    peer sends raises. `state` given: the connection was met in the middle.
    """

    def __init__(self, role: Role, *, state: State = "CLOSED") -> None:
        self.role = role
        self.state: State = state
        self.history: list[tuple[Event, Transition]] = []
        # An active open goes back to CLOSED on RST, a passive one to LISTEN (figure 5, note 1).
        self._passive = state == "LISTEN"
        self._syn: int | None = None
        self._fin: int | None = None
        self._received: Coverage | None = None
        self._peer_fin: int | None = None

    # Calls of the program.

    def listen(self) -> None:
        """A passive open: `listen()`."""
        if self.state == "CLOSED":
            self._passive = True
        self._take("passive open")

    def open(self) -> None:
        """An active open: `connect()`."""
        if self.state == "CLOSED":
            self._passive = False
        self._take("active open")

    def close(self) -> None:
        """`close()` or `shutdown(SHUT_WR)`: no more data from this side."""
        self._take("close")

    def abort(self) -> None:
        """A close that throws away: unread data, SO_LINGER 0, a killed process."""
        self._take("abort")

    def give_up(self) -> None:
        """The retransmissions have brought nothing: the user time-out."""
        self._take("give up")

    def time_wait_is_over(self) -> None:
        """Twice the maximum segment lifetime has passed."""
        self._take("2 MSL are over")

    # Segments.

    def sent(self, segment: Segment) -> None:
        """This side has sent `segment`."""
        if "R" in segment.flags:
            # A RST in answer to a stray segment changes nothing; one that ends a connection does.
            if self.state in SYNCHRONIZED and self.state != "TIME-WAIT":
                self._take("abort")
            elif self.state == "SYN-RCVD":
                self._take("receive RST" if self._passive else "abort")
            return
        if "S" in segment.flags:
            self._syn = segment.seq
            if "A" not in segment.flags:
                self._take("send" if self.state == "LISTEN" else "active open")
            elif self.state in ("LISTEN", "SYN-SENT"):
                # The SYN that it answers was not seen.
                self._take("receive SYN")
        if "F" in segment.flags:
            self._fin = (segment.seq + segment.span - 1) & 0xFFFFFFFF
            if self.state in ("SYN-RCVD", "ESTABLISHED", "CLOSE-WAIT"):
                self._take("close")

    def received(self, segment: Segment) -> None:
        """`segment` has arrived at this side."""
        if "R" in segment.flags:
            self._reset_by(segment)
            return
        if "S" in segment.flags:
            if self.state in SYNCHRONIZED:
                return
            self._synchronise(segment)
        if self.state in ("CLOSED", "LISTEN", "SYN-SENT"):
            return
        if self.state == "SYN-RCVD" and self._acknowledges(segment, self._syn):
            self._take("receive ACK of SYN")
        fin_arrived = self._collect(segment)
        fin_acknowledged = self._acknowledges(segment, self._fin)
        if fin_arrived and fin_acknowledged and self.state == "FIN-WAIT-1":
            self._take("receive FIN and ACK of FIN")
            return
        if fin_acknowledged and self.state in ("FIN-WAIT-1", "CLOSING", "LAST-ACK"):
            self._take("receive ACK of FIN")
        if fin_arrived and self.state in ("SYN-RCVD", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2"):
            self._take("receive FIN")

    def _take(self, event: Event) -> None:
        passage = follow(self.state, event)
        if event == "receive RST" and self.state == "SYN-RCVD" and not self._passive:
            passage = Transition("CLOSED", "delete TCB", passage.source)
        if passage.changed:
            self.history.append((event, passage))
            self.state = passage.state
            if self.state in ("CLOSED", "LISTEN"):
                self._syn = self._fin = self._peer_fin = self._received = None

    def _reset_by(self, segment: Segment) -> None:
        if self.state == "SYN-SENT":
            # Believed only if it answers our SYN (RFC 9293 section 3.10.7.3, second).
            if self._acknowledges(segment, self._syn):
                self._take("receive RST")
        elif self.state != "LISTEN":
            self._take("receive RST")

    def _synchronise(self, segment: Segment) -> None:
        if self.state not in ("LISTEN", "SYN-SENT"):
            return
        if "A" not in segment.flags:
            self._take("receive SYN")
        elif self.state == "SYN-SENT" and self._acknowledges(segment, self._syn):
            self._take("receive SYN ACK")
        else:
            return
        self._received = Coverage(segment.seq)
        self._received.add(segment.seq, segment.span)

    def _collect(self, segment: Segment) -> bool:
        """Note the bytes; True when a FIN is there and everything before it."""
        if self._received is None:
            # Met in the middle: what comes first is taken to be in order.
            if segment.span == 0:
                return False
            self._received = Coverage(segment.seq)
        seen = self._received
        if "F" in segment.flags:
            self._peer_fin = seen.relative(segment.seq) + segment.span - 1
        seen.add(segment.seq, segment.span)
        return self._peer_fin is not None and seen.contiguous > self._peer_fin

    def _acknowledges(self, segment: Segment, number: int | None) -> bool:
        return "A" in segment.flags and number is not None and distance(segment.ack, number) > 0
