"""Segments lost on purpose on this machine's loopback, without any privilege: TTL and the lowest TTL accepted.

A socket of Linux with IP_MINTTL ignores what arrives with less (RFC 5082 is what it is for). Nothing is said back:
for the sender it is a black hole, and its retransmissions are real.
"""

from __future__ import annotations

import contextlib
import socket
import sys

# include/uapi/linux/in.h, in6.h; not in Python's socket module.
_IP_MINTTL, _IPV6_MINHOPCOUNT = 21, 73
_LOWEST_ACCEPTED = 10
# Everything on this machine is sent with 64; a segment that is to be lost goes out with 1.
_USUAL = 64
LOST_TTL = 1


def can_lose() -> bool:
    """Whether this system has the option that losing depends on."""
    return sys.platform.startswith("linux")


def ignore_lost(receiver: socket.socket) -> bool:
    """Have this socket, and what it accepts, ignore segments that were sent to be lost. False where it cannot."""
    if not can_lose():
        return False
    with contextlib.suppress(OSError):
        if receiver.family == socket.AF_INET6:
            receiver.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, _LOWEST_ACCEPTED)
        else:
            receiver.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, _LOWEST_ACCEPTED)
        return True
    return False


def lose(sender: socket.socket, lost: bool = True) -> None:
    """From now on what this socket sends, or sends again, is lost; or, with `lost` False, no longer.

    A listening socket's are its SYN ACKs. What the kernel holds back until later (Nagle, a full window) meets what
    holds then. A closed socket is left alone.
    """
    with contextlib.suppress(OSError):
        value = LOST_TTL if lost else _USUAL
        if sender.family == socket.AF_INET6:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, value)
        else:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, value)
