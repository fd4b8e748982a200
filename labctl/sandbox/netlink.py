"""As much of rtnetlink(7) as a box needs: veth pairs, links, addresses, routes, neighbours. Offloads by ethtool.

A socket speaks about the network namespace in which it was made. Every request is acknowledged by the kernel;
a refusal is OSError.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import struct
from types import TracebackType

_NLMSG_ERROR = 2
_REQUEST, _ACK, _REPLACE, _EXCL, _CREATE = 0x1, 0x4, 0x100, 0x200, 0x400
_NEWLINK, _NEWADDR, _NEWROUTE, _NEWNEIGH = 16, 20, 24, 28
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 1, 3, 4, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_IFF_UP = 1
_IFA_F_NODAD = 0x02
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5
_RT_TABLE_MAIN, _RTPROT_STATIC, _RT_SCOPE_UNIVERSE = 254, 4, 0
_RTN_UNICAST, _RTN_BLACKHOLE, _RTN_UNREACHABLE, _RTNH_F_ONLINK = 1, 6, 7, 4
_RTA_METRICS, _RTAX_INITCWND = 8, 11
_NUD_PERMANENT = 0x80

_SIOCETHTOOL = 0x8946
# Transmit checksums, scatter-gather, TCP segmentation, generic segmentation and receive offloads.
_OFFLOADS = (0x17, 0x19, 0x1F, 0x24, 0x2C)


class Netlink:
    """One rtnetlink socket, for the network namespace of the thread that makes it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self._number = 0

    def veth(self, here: str, there: str, namespace: int, *, macs: tuple[bytes, bytes], mtu: int) -> None:
        """A pair of interfaces: `here` in this namespace, `there` in the one of the file descriptor."""
        peer = _link() + _text(_IFLA_IFNAME, there) + _attribute(_IFLA_ADDRESS, macs[1])
        peer += _number(_IFLA_MTU, mtu) + _number(_IFLA_NET_NS_FD, namespace)
        info = _text(_INFO_KIND, "veth") + _attribute(_INFO_DATA, _attribute(_VETH_PEER, peer))
        body = _link() + _text(_IFLA_IFNAME, here) + _attribute(_IFLA_ADDRESS, macs[0])
        body += _number(_IFLA_MTU, mtu) + _attribute(_IFLA_LINKINFO, info)
        self._ask(_NEWLINK, _CREATE | _EXCL, body)

    def up(self, name: str) -> None:
        """Switch an interface on."""
        self._ask(_NEWLINK, 0, _link(_index(name), _IFF_UP))

    def address(self, name: str, address: str, prefix: int) -> None:
        """Give an interface an address. An IPv6 address is usable at once, without looking for a second owner."""
        family, packed = _packed(address)
        flags = _IFA_F_NODAD if family == socket.AF_INET6 else 0
        body = struct.pack("=BBBBi", family, prefix, flags, 0, _index(name))
        self._ask(_NEWADDR, _CREATE | _EXCL, body + _attribute(2, packed) + _attribute(1, packed))

    def default_route(self, gateway: str, name: str) -> None:
        """Everything goes to `gateway`, which is on the link whatever the addresses say."""
        family, packed = _packed(gateway)
        body = _route(family, 0, _RTN_UNICAST, _RTNH_F_ONLINK)
        self._ask(
            _NEWROUTE,
            _CREATE | _EXCL,
            body + _attribute(_RTA_GATEWAY, packed) + _number(_RTA_OIF, _index(name)),
        )

    def route(self, target: str, prefix: int, name: str) -> None:
        """What is for `target` is on the link."""
        family, packed = _packed(target)
        body = _route(family, prefix, _RTN_UNICAST) + _attribute(_RTA_DST, packed)
        self._ask(_NEWROUTE, _CREATE | _EXCL, body + _number(_RTA_OIF, _index(name)))

    def initial_window(self, target: str, prefix: int, name: str, segments: int) -> None:
        """Replace the route to `target` by one on which a connection begins with so many segments."""
        family, packed = _packed(target)
        body = _route(family, prefix, _RTN_UNICAST) + _attribute(_RTA_DST, packed)
        metrics = _attribute(_RTA_METRICS, _number(_RTAX_INITCWND, segments))
        self._ask(_NEWROUTE, _CREATE | _REPLACE, body + _number(_RTA_OIF, _index(name)) + metrics)

    def black_hole(self, target: str, prefix: int) -> None:
        """What is for `target` is swallowed, and nobody is told."""
        family, packed = _packed(target)
        body = _route(family, prefix, _RTN_BLACKHOLE) + _attribute(_RTA_DST, packed)
        if family == socket.AF_INET6:
            body += _number(_RTA_OIF, _index("lo"))
        self._ask(_NEWROUTE, _CREATE | _EXCL, body)

    def unreachable(self, family: int) -> None:
        """Whatever has no other route is unreachable, and the sender is told so at once."""
        body = _route(family, 0, _RTN_UNREACHABLE)
        if family == socket.AF_INET6:
            body += _number(6, 4278198272)  # metric: behind every other default route
        self._ask(_NEWROUTE, _CREATE | _EXCL, body)

    def neighbour(self, name: str, address: str, mac: bytes) -> None:
        """The hardware address of a neighbour, for good: nobody has to ask for it."""
        family, packed = _packed(address)
        body = struct.pack("=BxxxiHBB", family, _index(name), _NUD_PERMANENT, 0, 0)
        self._ask(_NEWNEIGH, _CREATE | _EXCL, body + _attribute(1, packed) + _attribute(2, mac))

    def _ask(self, kind: int, flags: int, body: bytes) -> None:
        self._number += 1
        header = struct.pack("=IHHII", 16 + len(body), kind, flags | _REQUEST | _ACK, self._number, 0)
        self._socket.send(header + body)
        answer = self._socket.recv(65536)
        _, kind, _, number, _, code = struct.unpack_from("=IHHIIi", answer)
        if kind != _NLMSG_ERROR or number != self._number:
            raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
        if code:
            raise OSError(-code, os.strerror(-code))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def __enter__(self) -> Netlink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def switch_off_offloads(name: str) -> None:
    """Make the kernel send what a wire would carry: whole checksums, and segments no larger than the MTU.

    An interface that does not know an offload has nothing to switch off.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in _OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("=II", command, 0))
            request = struct.pack("16sP16x", name.encode(), ctypes.addressof(value))
            with contextlib.suppress(OSError):
                fcntl.ioctl(sock, _SIOCETHTOOL, request)


def _index(name: str) -> int:
    return socket.if_nametoindex(name)


def _packed(address: str) -> tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def _link(index: int = 0, flags: int = 0) -> bytes:
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flags, flags)


def _route(family: int, prefix: int, kind: int, flags: int = 0) -> bytes:
    return struct.pack(
        "=BBBBBBBBI", family, prefix, 0, 0, _RT_TABLE_MAIN, _RTPROT_STATIC, _RT_SCOPE_UNIVERSE, kind, flags
    )


def _attribute(kind: int, value: bytes) -> bytes:
    size = 4 + len(value)
    return struct.pack("=HH", size, kind) + value + bytes(-size % 4)


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("=I", value))
