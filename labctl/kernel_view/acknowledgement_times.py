"""When the peer acknowledged a byte: transmit time stamps on the error queue of Linux (SO_TIMESTAMPING)."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from typing import Literal, NamedTuple

# include/uapi/linux/net_tstamp.h, errqueue.h; asm-generic/socket.h.
_SO_TIMESTAMPING = 37
_TX_SOFTWARE, _SOFTWARE, _OPT_ID, _TX_SCHED, _TX_ACK, _OPT_TSONLY = (
    1 << 1,
    1 << 4,
    1 << 7,
    1 << 8,
    1 << 9,
    1 << 11,
)
_MSG_ERRQUEUE = 0x2000
_RECVERR = ((0, 11), (41, 25))
_ORIGIN_TIMESTAMPING = 4

Passage = Literal["scheduled", "sent", "acknowledged"]
_PASSAGES: dict[int, Passage] = {0: "sent", 1: "scheduled", 2: "acknowledged"}


class TransmitTime(NamedTuple):
    """`byte` is the number of the last byte of a write (the first byte after `stamp_sends` has 1).

    `at_ns` is CLOCK_REALTIME. "scheduled": given to the packet scheduler; "sent": to the driver; "acknowledged": the
    peer's ACK for it has come.
    """

    passage: Passage
    byte: int
    at_ns: int


def stamp_sends(connected: socket.socket) -> bool:
    """Have every later write of this connection stamped. False where the kernel has no such thing."""
    if not sys.platform.startswith("linux"):
        return False
    flags = _TX_SOFTWARE | _SOFTWARE | _OPT_ID | _TX_SCHED | _TX_ACK | _OPT_TSONLY
    with contextlib.suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, flags)
        return True
    return False


def transmit_times(connected: socket.socket) -> list[TransmitTime]:
    """What the error queue holds, in the order in which it came. Does not wait."""
    found: list[TransmitTime] = []
    # A socket object without a time-out of its own: Python would wait for the other one's.
    with socket.socket(fileno=os.dup(connected.fileno())) as twin:
        while (time := _next_time(twin)) is not None:
            if time.byte:
                found.append(time)
    return found


def _next_time(twin: socket.socket) -> TransmitTime | None:
    """One entry of the queue; byte 0 for one that is no stamp. None when the queue is empty."""
    try:
        _, ancillary, _, _ = twin.recvmsg(1, 512, _MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    except OSError:
        return None
    at_ns, byte = 0, 0
    passage: Passage = "sent"
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPING and len(data) >= 16:
            seconds, nanoseconds = struct.unpack_from("@qq", data)
            at_ns = seconds * 10**9 + nanoseconds
        elif (level, kind) in _RECVERR and len(data) >= 16:
            # struct sock_extended_err: errno, origin, type, code, pad, info (which passage), data (which byte).
            _, origin, _, _, _, info, offset = struct.unpack_from("@IBBBBII", data)
            if origin == _ORIGIN_TIMESTAMPING and info in _PASSAGES:
                passage, byte = _PASSAGES[info], offset + 1
    return TransmitTime(passage, byte, at_ns)
