"""TCP_INFO of Linux and TCP_CONNECTION_INFO of macOS: what the kernel counts about one socket.

Both structs have only ever grown at their end, so they are decoded field by field as far as the bytes go.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from labctl.protocols.tcp_states import State

# include/net/tcp_states.h; 12 is a request that has no full socket yet.
LINUX_STATES: dict[int, State] = {
    1: "ESTABLISHED",
    2: "SYN-SENT",
    3: "SYN-RCVD",
    4: "FIN-WAIT-1",
    5: "FIN-WAIT-2",
    6: "TIME-WAIT",
    7: "CLOSED",
    8: "CLOSE-WAIT",
    9: "LAST-ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "SYN-RCVD",
}
# netinet/tcp_fsm.h of BSD.
DARWIN_STATES: dict[int, State] = {
    0: "CLOSED",
    1: "LISTEN",
    2: "SYN-SENT",
    3: "SYN-RCVD",
    4: "ESTABLISHED",
    5: "CLOSE-WAIT",
    6: "FIN-WAIT-1",
    7: "CLOSING",
    8: "LAST-ACK",
    9: "FIN-WAIT-2",
    10: "TIME-WAIT",
}

# include/uapi/linux/tcp.h: (format, names). The two bit fields are `wscales` and `bits`.
_LINUX: tuple[tuple[str, str], ...] = (
    ("B", "state ca_state retransmits probes backoff options wscales bits"),
    ("I", "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets"),
    ("I", "last_data_sent last_ack_sent last_data_recv last_ack_recv"),
    (
        "I",
        "pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans",
    ),
    ("Q", "pacing_rate max_pacing_rate bytes_acked bytes_received"),
    ("I", "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out"),
    ("Q", "delivery_rate busy_time rwnd_limited sndbuf_limited"),
    ("I", "delivered delivered_ce"),
    ("Q", "bytes_sent bytes_retrans"),
    ("I", "dsack_dups reord_seen rcv_ooopack snd_wnd rcv_wnd rehash"),
)
# netinet/tcp.h of macOS 10.11 and later (xnu), 112 bytes; `tfo` is a word of bits.
_DARWIN: tuple[tuple[str, str], ...] = (
    ("B", "state snd_wscale rcv_wscale pad"),
    (
        "I",
        "options flags rto maxseg snd_ssthresh snd_cwnd snd_wnd snd_sbbytes rcv_wnd rttcur srtt rttvar tfo",
    ),
    ("Q", "txpackets txbytes txretransmitbytes rxpackets rxbytes rxoutoforderbytes txretransmitpackets"),
)
_DARWIN_TCP_CONNECTION_INFO = 0x106
_LINUX_TCP_INFO, _LINUX_LONGEST = 11, 512


@dataclass(frozen=True, slots=True)
class TcpInfo:
    """What one kernel counts; None is what it does not tell. Times in milliseconds, windows and counts in bytes.

    `cwnd_segments` is Linux's congestion window, `cwnd_bytes` that of macOS. `segments_out` counts every segment of
    the connection, `data_segments_out` those with payload, retransmissions included in both. `bytes_acked` counts
    the numbers of SYN and FIN too. For a listening socket of Linux `unacked` is the accept queue's length and
    `sacked` its limit.
    """

    state: State
    timestamps: bool
    sack: bool
    window_scaling: bool
    send_scale: int
    receive_scale: int
    rto_ms: float
    rtt_ms: float
    rtt_variation_ms: float
    send_mss: int
    total_retransmits: int
    unanswered: int | None = None
    unacked: int | None = None
    sacked: int | None = None
    cwnd_segments: int | None = None
    cwnd_bytes: int | None = None
    bytes_acked: int | None = None
    bytes_sent: int | None = None
    bytes_retransmitted: int | None = None
    bytes_received: int | None = None
    segments_out: int | None = None
    segments_in: int | None = None
    data_segments_out: int | None = None
    data_segments_in: int | None = None
    unsent_bytes: int | None = None
    duplicates_reported: int | None = None
    out_of_order: int | None = None
    send_window: int | None = None
    receive_window: int | None = None


def tcp_info(sock: socket.socket, platform: str = sys.platform) -> TcpInfo | None:
    """What the kernel counts about `sock`; None where there is no such option, or the socket is closed."""
    try:
        if platform.startswith("linux"):
            return decode_linux(sock.getsockopt(socket.IPPROTO_TCP, _LINUX_TCP_INFO, _LINUX_LONGEST))
        if platform == "darwin":
            return decode_darwin(sock.getsockopt(socket.IPPROTO_TCP, _DARWIN_TCP_CONNECTION_INFO, 256))
    except OSError:
        return None
    return None


def decode_linux(raw: bytes) -> TcpInfo | None:
    """`struct tcp_info` of any age; None when it is too short to name a state and its round trip."""
    found = _fields(raw, _LINUX)
    if "total_retrans" not in found:
        return None
    return TcpInfo(
        state=LINUX_STATES.get(found["state"], "CLOSED"),
        timestamps=bool(found["options"] & 1),
        sack=bool(found["options"] & 2),
        window_scaling=bool(found["options"] & 4),
        # The low four bits stand first in the struct on little-endian machines, the high ones on the others.
        send_scale=found["wscales"] & 15 if sys.byteorder == "little" else found["wscales"] >> 4,
        receive_scale=found["wscales"] >> 4 if sys.byteorder == "little" else found["wscales"] & 15,
        rto_ms=found["rto"] / 1000,
        rtt_ms=found["rtt"] / 1000,
        rtt_variation_ms=found["rttvar"] / 1000,
        send_mss=found["snd_mss"],
        total_retransmits=found["total_retrans"],
        unanswered=found["retransmits"],
        unacked=found["unacked"],
        sacked=found["sacked"],
        cwnd_segments=found["snd_cwnd"],
        bytes_acked=found.get("bytes_acked"),
        bytes_sent=found.get("bytes_sent"),
        bytes_retransmitted=found.get("bytes_retrans"),
        bytes_received=found.get("bytes_received"),
        segments_out=found.get("segs_out"),
        segments_in=found.get("segs_in"),
        data_segments_out=found.get("data_segs_out"),
        data_segments_in=found.get("data_segs_in"),
        unsent_bytes=found.get("notsent_bytes"),
        duplicates_reported=found.get("dsack_dups"),
        out_of_order=found.get("rcv_ooopack"),
        send_window=found.get("snd_wnd"),
        receive_window=found.get("rcv_wnd"),
    )


def decode_darwin(raw: bytes) -> TcpInfo | None:
    """`struct tcp_connection_info` of macOS, whose times are milliseconds; None when it is too short."""
    found = _fields(raw, _DARWIN)
    if "txretransmitpackets" not in found:
        return None
    return TcpInfo(
        state=DARWIN_STATES.get(found["state"], "CLOSED"),
        timestamps=bool(found["options"] & 1),
        sack=bool(found["options"] & 2),
        window_scaling=bool(found["options"] & 4),
        send_scale=found["snd_wscale"],
        receive_scale=found["rcv_wscale"],
        rto_ms=float(found["rto"]),
        rtt_ms=float(found["srtt"]),
        rtt_variation_ms=float(found["rttvar"]),
        send_mss=found["maxseg"],
        total_retransmits=found["txretransmitpackets"],
        cwnd_bytes=found["snd_cwnd"],
        bytes_sent=found["txbytes"],
        bytes_retransmitted=found["txretransmitbytes"],
        bytes_received=found["rxbytes"],
        segments_out=found["txpackets"],
        segments_in=found["rxpackets"],
        unsent_bytes=found["snd_sbbytes"],
        send_window=found["snd_wnd"],
        receive_window=found["rcv_wnd"],
    )


def _fields(raw: bytes, layout: Iterable[tuple[str, str]]) -> dict[str, int]:
    """The fields that the bytes reach, each aligned to its own size as the C compiler does."""
    found: dict[str, int] = {}
    at = 0
    for code, names in layout:
        size = struct.calcsize(f"={code}")
        at += -at % size
        for name in names.split():
            if at + size > len(raw):
                return found
            (found[name],) = struct.unpack_from(f"={code}", raw, at)
            at += size
    return found
