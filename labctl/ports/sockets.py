"""The sockets of this machine, as Linux tells any process: /proc/net, and sock_diag(7) for what is missing there.

A TCP socket that was bound and does nothing else stands in no file of /proc/net. Since Linux 6.8 the kernel
tells of it over netlink, which is what `ss -B` asks.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Any, Literal

from labctl.protocols.proc_net_tcp import SocketLine, Transport, read_sockets

_TABLES: tuple[tuple[str, Transport], ...] = (
    ("tcp", "tcp"),
    ("tcp6", "tcp"),
    ("udp", "udp"),
    ("udp6", "udp"),
)
# include/uapi/linux: NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, NLMSG_DONE and _ERROR.
_SOCK_DIAG, _BY_FAMILY, _DUMP, _ERROR, _DONE = 4, 20, 0x301, 2, 3
_BOUND_INACTIVE = 13
_HEADER = struct.Struct("=IHHII")
BOUND = "BOUND"


def readable() -> bool:
    """Whether this system tells its sockets in a way that is understood here."""
    return sys.platform.startswith("linux")


def all_sockets(proc: Path = Path("/proc"), *, local_port: int | None = None) -> list[SocketLine]:
    """Every socket in the tables of this thread's network namespace, or those of a port; [] where there are none."""
    found: list[SocketLine] = []
    if not readable():
        return found
    ticks = os.sysconf("SC_CLK_TCK")
    for table, transport in _TABLES:
        for folder in ("thread-self/net", "net"):
            try:
                text = (proc / folder / table).read_text(encoding="ascii", errors="replace")
            except OSError:
                continue  # IPv6 is off, or the kernel is older than thread-self
            found += read_sockets(text, transport, ticks_per_second=ticks, local_port=local_port)
            break
    return found


def bound_sockets(port: int) -> list[SocketLine]:
    """TCP sockets that are bound to the port and do nothing else; [] where the kernel does not tell."""
    # Not in typeshed for other systems.
    kind: Any = getattr(socket, "AF_NETLINK", None)
    if kind is None:
        return []
    found: list[SocketLine] = []
    try:
        with socket.socket(kind, socket.SOCK_DGRAM, _SOCK_DIAG) as sock:
            sock.settimeout(1.0)
            for family in (socket.AF_INET, socket.AF_INET6):
                sock.send(bound_question(family, port))
                done = False
                while not done:
                    more, done = read_bound(sock.recv(1 << 16))
                    found += more
    except OSError:
        pass  # the kernel was built without it: then it is not told
    return [each for each in found if each.local_port == port]


def bound_question(family: int, port: int) -> bytes:
    """The netlink message that asks for the bound sockets of one family (struct inet_diag_req_v2)."""
    address = struct.pack("!HH", port, 0) + bytes(32) + struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
    body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, 1 << _BOUND_INACTIVE) + address
    return _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _DUMP, 1, 0) + body


def read_bound(data: bytes) -> tuple[list[SocketLine], bool]:
    """The sockets in one answer (struct inet_diag_msg), and whether it was the last one."""
    found: list[SocketLine] = []
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if kind in (_DONE, _ERROR) or length < _HEADER.size:
            return found, True
        body = data[at + _HEADER.size : at + length]
        if kind == _BY_FAMILY and len(body) >= 72:
            found.append(_bound(body))
        at += (length + 3) & ~3
    return found, not data


def _bound(body: bytes) -> SocketLine:
    family: Literal["ipv4", "ipv6"] = "ipv4" if body[0] == socket.AF_INET else "ipv6"
    port = int.from_bytes(body[4:6], "big")
    address = body[8:12] if family == "ipv4" else body[8:24]
    uid, inode = struct.unpack_from("=II", body, 64)
    return SocketLine(
        "tcp", family, str(ipaddress.ip_address(address)), port, "", 0, BOUND, 0, 0, "", 0.0, 0, uid, inode
    )
