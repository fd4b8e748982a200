"""TCP_SAVED_SYN of Linux: the real bytes of the SYN that began a connection to our own server."""

from __future__ import annotations

import contextlib
import socket
import sys

from labctl.protocols.tcp_segments import NotTcp, Segment, read_packet

# include/uapi/linux/tcp.h; not in Python's socket module.
_TCP_SAVE_SYN, _TCP_SAVED_SYN = 27, 28


def save_syns(listener: socket.socket) -> bool:
    """Ask the kernel to keep the SYN of each connection that this listener accepts. False where it cannot."""
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.IPPROTO_TCP, _TCP_SAVE_SYN, 1)
        return True
    return False


def saved_syn(accepted: socket.socket, at_ns: int) -> Segment | None:
    """The SYN that began this connection, labelled observed; None when it was not kept or was read before.

    The kernel keeps no time with it: `at_ns` is the caller's. It hands the bytes out once.
    """
    try:
        packet = accepted.getsockopt(socket.IPPROTO_TCP, _TCP_SAVED_SYN, 512)
    except OSError:
        return None
    # On a loopback the checksum was never computed; the option does not say where the SYN came from.
    segment = read_packet(packet, at_ns, checksum_ready=False, evidence="observed")
    return None if isinstance(segment, NotTcp) else segment
