"""Segments lost on purpose on this machine's loopback, without any privilege: TTL and the lowest TTL accepted.

A socket of Linux with IP_MINTTL ignores what arrives with less (RFC 5082 is what it is for). Nothing is said back:
for the sender it is a black hole, and its retransmissions are real.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from labctl.errors import CannotRun

# include/uapi/linux/in.h, in6.h; not in Python's socket module.
_IP_MINTTL, _IPV6_MINHOPCOUNT = 21, 73
_MOST = 255
# Everything on this machine is sent with 64; a segment that is to be lost goes out with 1.
_LOWEST_ACCEPTED = 10
_USUAL, _LOST = 64, 1


@contextmanager
def deaf(*receivers: socket.socket) -> Iterator[None]:
    """Inside, these sockets (a listener, or connected ones) hear nothing that comes with a usual TTL."""
    try:
        for receiver in receivers:
            _accept_only(receiver, _MOST)
        yield
    finally:
        for receiver in receivers:
            if receiver.fileno() >= 0:
                _accept_only(receiver, 0)


@contextmanager
def lost_on_the_way(sender: socket.socket, receiver: socket.socket) -> Iterator[None]:
    """What `sender` sends inside does not reach `receiver`; when it is sent again afterwards, it does.

    What the kernel holds back until later (Nagle, a full window) is not lost.
    """
    before = _ttl(sender)
    _accept_only(receiver, _LOWEST_ACCEPTED)
    _ttl(sender, _LOST)
    try:
        yield
    finally:
        # The receiver stays strict: a segment that is still under way was sent with the low TTL.
        if sender.fileno() >= 0:
            _ttl(sender, before or _USUAL)


def _accept_only(receiver: socket.socket, lowest: int) -> None:
    if not sys.platform.startswith("linux"):
        raise CannotRun("needs-box", f"{sys.platform} cannot lose a segment on purpose without privileges")
    if receiver.family == socket.AF_INET6:
        receiver.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, lowest)
    else:
        receiver.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, lowest)


def _ttl(sender: socket.socket, value: int | None = None) -> int:
    level, option = socket.IPPROTO_IP, socket.IP_TTL
    if sender.family == socket.AF_INET6:
        level, option = socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS
    before = sender.getsockopt(level, option)
    if value is not None:
        sender.setsockopt(level, option, value)
    return before
