"""The cabling of a box: client | wire | internet, three network namespaces and two veth pairs.

The client has one address and one way out. The internet's side holds every address of the town at once; whatever
the town does not have is unreachable, and the client is told so by ICMP. Hardware addresses are given, so that
nobody has to ask for one: the first packet on the wire is the first that a lab sends.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from labctl.sandbox.namespace import inside, new_network, step
from labctl.sandbox.netlink import Netlink, switch_off_offloads

CLIENT_ADDRESS, GATEWAY = "10.53.0.2", "10.53.0.1"
CLIENT_ADDRESS_6, GATEWAY_6 = "fd53::2", "fd53::1"
CLIENT_LINK, SERVER_LINK = "eth0", "uplink"
WIRE_CLIENT, WIRE_SERVER = "client", "internet"
MTU = 1500

_CLIENT_MAC, _SERVER_MAC = bytes.fromhex("020000000c53"), bytes.fromhex("020000000153")
_WIRE_CLIENT_MAC, _WIRE_SERVER_MAC = bytes.fromhex("02000000fc53"), bytes.fromhex("02000000f153")

# Settings of both sides' kernels. Only what chatters by itself or remembers between connections is turned.
_SETTINGS = {
    "net/ipv6/conf/all/disable_ipv6": "0",
    "net/ipv6/conf/default/disable_ipv6": "0",
    "net/ipv6/conf/all/accept_ra": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/default/router_solicitations": "0",
    "net/ipv6/conf/default/dad_transmits": "0",
    # No link-local addresses, and so no multicast of their own.
    "net/ipv6/conf/default/addr_gen_mode": "1",
    "net/ipv4/tcp_no_metrics_save": "1",
    # What Linux comes with; some machines have another, and its pictures differ.
    "net/ipv4/tcp_congestion_control": "cubic",
    "net/ipv4/tcp_ecn": "2",
}


@dataclass(frozen=True)
class Layout:
    """File descriptors of the two network namespaces; the wire's is the one that `build` was called in."""

    client: int
    server: int
    ipv6: bool


def build(addresses: Iterable[str]) -> Layout:
    """Make it all, in a network namespace of our own, which becomes the wire's. Raises StepFailed."""
    client, server = new_network(), new_network()
    ipv6 = os.path.isdir("/proc/sys/net/ipv6")
    with step("make veth pairs"), Netlink() as wire:
        _settle()
        wire.up("lo")  # the wire's sockets ask their way over it whether the kernel stamps frames yet
        for here, there, namespace, macs in (
            (WIRE_CLIENT, CLIENT_LINK, client, (_WIRE_CLIENT_MAC, _CLIENT_MAC)),
            (WIRE_SERVER, SERVER_LINK, server, (_WIRE_SERVER_MAC, _SERVER_MAC)),
        ):
            with inside(namespace):
                _settle()
            wire.veth(here, there, namespace, macs=macs, mtu=MTU)
            switch_off_offloads(here)
            wire.up(here)
    with step("set up the client's side"), inside(client):
        ipv6 = _client_side(ipv6)
    with step("set up the internet's side"), inside(server):
        _server_side(addresses, ipv6)
    return Layout(client, server, ipv6)


def _client_side(ipv6: bool) -> bool:
    """Returns whether there is IPv6: some systems have it and let nobody use it."""
    with Netlink() as link:
        link.up("lo")
        switch_off_offloads(CLIENT_LINK)
        link.up(CLIENT_LINK)
        if ipv6:
            try:
                link.address(CLIENT_LINK, CLIENT_ADDRESS_6, 128)
            except OSError:
                ipv6 = False
            else:
                link.neighbour(CLIENT_LINK, GATEWAY_6, _SERVER_MAC)
                link.route(GATEWAY_6, 128, CLIENT_LINK)
                link.default_route(GATEWAY_6, CLIENT_LINK)
        link.address(CLIENT_LINK, CLIENT_ADDRESS, 32)
        link.neighbour(CLIENT_LINK, GATEWAY, _SERVER_MAC)
        link.default_route(GATEWAY, CLIENT_LINK)
    return ipv6


def _server_side(addresses: Iterable[str], ipv6: bool) -> None:
    # A router answers for what is not there; it has nowhere to send it.
    _set("net/ipv4/ip_forward", "1")
    _set("net/ipv6/conf/all/forwarding", "1")
    with Netlink() as link:
        link.up("lo")
        switch_off_offloads(SERVER_LINK)
        link.up(SERVER_LINK)
        for gateway, client, prefix in ((GATEWAY, CLIENT_ADDRESS, 32), (GATEWAY_6, CLIENT_ADDRESS_6, 128)):
            if ":" in gateway and not ipv6:
                continue
            link.address(SERVER_LINK, gateway, prefix)
            link.neighbour(SERVER_LINK, client, _CLIENT_MAC)
            link.route(client, prefix, SERVER_LINK)
            link.unreachable(socket.AF_INET6 if ":" in gateway else socket.AF_INET)
        for address in addresses:
            if ":" not in address:
                link.address("lo", address, 32)
            elif ipv6:
                link.address("lo", address, 128)


def _settle() -> None:
    for name, value in _SETTINGS.items():
        _set(name, value)


def _set(name: str, value: str) -> None:
    """Set a kernel's setting of this namespace; where it is read-only or missing, the default will have to do."""
    with contextlib.suppress(OSError), open(f"/proc/sys/{name}", "w") as file:
        file.write(value)
