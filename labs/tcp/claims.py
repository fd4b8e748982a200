"""The claims of the tcp lab. Each is a sentence that a run can refute, and names the fault that does."""

from __future__ import annotations

from labctl.events import Claim

THREE_SEGMENTS = Claim(
    "tcp.three-segments",
    "A connection is opened by three segments that carry no data: SYN, SYN ACK, ACK.",
    source="RFC 9293 section 3.5",
    broken_by="ack-rides-on-data",
    kind="habit",
)
TWO_FINS = Claim(
    "tcp.two-fins",
    "Each side closes for itself: two FINs cross, and each of them is acknowledged.",
    source="RFC 9293 section 3.6",
    broken_by="server-slams",
)
NUMBERS = Claim(
    "tcp.numbers",
    "An ACK names the next byte that is expected: SYN and FIN count as one, so it ends at bytes + 2.",
    source="RFC 9293 section 3.4",
    broken_by="acknowledges-too-much",
    shown_by=("--show", "sequence"),
)
OPTIONS = Claim(
    "tcp.options",
    "SYN and SYN ACK each name SACK, window scale and time stamps: only what both name may be used.",
    source="RFC 2018 section 2, RFC 7323 sections 2.2 and 3.2; the MSS is apart: RFC 9293 section 3.7.1",
    broken_by="server-without-options",
    kind="habit",
    shown_by=("--show", "handshake"),
)
FIN_WITH_ACK = Claim(
    "tcp.fin-with-ack",
    "Whoever closes within the delayed acknowledgement's wait sends ACK and FIN in one: a close of three.",
    source="RFC 9293 sections 3.6 and 3.8.6.3; 40 ms is Linux's TCP_ATO_MIN",
    broken_by="acks-at-once",
    kind="measured",
    shown_by=("--show", "close"),
)
HALF_CLOSE = Claim(
    "tcp.half-close",
    "A FIN ends one direction only: who has sent it can still receive.",
    source="RFC 9293 section 3.6",
    broken_by="server-leaves-at-eof",
    shown_by=("--show", "half-close"),
)
REFUSED = Claim(
    "tcp.refused",
    "A port where nobody listens says so at once: RST, and connect fails after one round trip.",
    source="RFC 9293 section 3.5.2",
    broken_by="resets-swallowed",
    shown_by=("--show", "reset"),
)
UNREAD = Claim(
    "tcp.unread",
    "Closing a socket with unread data in it sends RST, not FIN: the other side reads an error.",
    source="RFC 9293 section 3.6.1, RFC 2525 section 2.17",
    broken_by="server-reads-it-all",
    shown_by=("--show", "reset"),
)
FAST_RETRANSMIT = Claim(
    "tcp.fast-retransmit",
    "One lost segment is missed by those behind it: their SACKs bring it back before the timer runs out.",
    source="RFC 5681 section 3.2, RFC 6675 section 5, RFC 8985",
    broken_by="duplicate-acks-lost",
    shown_by=("--show", "loss"),
)
TAIL = Claim(
    "tcp.tail",
    "When the last segment is lost, no acknowledgement tells: only a timer brings it back.",
    source="RFC 6298 section 5, RFC 8985 section 7",
    broken_by="server-goes-on-talking",
    shown_by=("--show", "loss"),
)
SYN_REPEATS = Claim(
    "tcp.syn-repeats",
    "A SYN into silence is repeated, here at first every second: the wait does not double from the start.",
    source="Linux ip-sysctl, tcp_syn_linear_timeouts (4 since 6.5); RFC 6298 section 5.5 doubles",
    broken_by="syn-waits-double",
    kind="measured",
    shown_by=("--show", "blackhole"),
)
REORDERED = Claim(
    "tcp.reordered",
    "A segment that is overtaken looks lost and is sent twice; the receiver says so with a DSACK.",
    source="RFC 2883 section 4, RFC 5681 section 3.2",
    broken_by="receiver-without-dsack",
    kind="habit",
    shown_by=("--show", "reorder"),
)
TIME_WAIT = Claim(
    "tcp.time-wait",
    "The side that closes first keeps the connection in TIME-WAIT; the other side has forgotten it.",
    source="RFC 9293 section 3.6.1; 60 s is Linux's TCP_TIMEWAIT_LEN",
    broken_by="no-room-for-time-wait",
    shown_by=("--show", "time-wait"),
)
BACKLOG = Claim(
    "tcp.backlog",
    "listen(1) lets two connections be finished that nobody accepted; the next SYN falls into silence.",
    source="listen(2), Linux: a queue is full above the backlog",
    broken_by="backlog-cut",
    kind="measured",
    shown_by=("--show", "backlog"),
)
NAGLE = Claim(
    "tcp.nagle",
    "Two small writes and then a read cost some 40 ms more in each exchange: a delayed acknowledgement.",
    source="RFC 9293 section 3.7.4, RFC 1122 section 4.2.3.2",
    broken_by="client-nodelay",
    kind="measured",
    shown_by=("--show", "nagle"),
)
ONE_RECV = Claim(
    "tcp.one-recv",
    "recv(1024) gives what has arrived, not a request: half of one is enough to be answered.",
    source="RFC 9293 section 3.9.1 (a stream has no boundaries), recv(2)",
    broken_by="server-reads-to-the-end",
    shown_by=("--show", "serve"),
)

CLAIMS = (
    THREE_SEGMENTS,
    TWO_FINS,
    NUMBERS,
    OPTIONS,
    FIN_WITH_ACK,
    HALF_CLOSE,
    REFUSED,
    UNREAD,
    FAST_RETRANSMIT,
    TAIL,
    SYN_REPEATS,
    REORDERED,
    TIME_WAIT,
    BACKLOG,
    NAGLE,
    ONE_RECV,
)
