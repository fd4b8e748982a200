"""The town inside a box: its servers stand at their real addresses on port 53, and the wire makes the distance.

Lives in the box's process. Every server's sockets are there from the beginning; the servers themselves, and the
DNS library with them, are made when the first question comes.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from typing import TYPE_CHECKING

from labctl.internet import Endpoint, Reply, Via
from labctl.sandbox.box_network import BoxNetwork
from labctl.sandbox.dns_server import NameServers, Send, Service
from labctl.sandbox.layout import WIRE_CLIENT, WIRE_SERVER, Layout
from labctl.sandbox.namespace import inside
from labctl.sandbox.town import LATENCY_MS, Town, TownServer
from labctl.sandbox.town_internet import TownInternet
from labctl.sandbox.wire import Wire

if TYPE_CHECKING:
    from labctl.sandbox.world import World

# Where a lab's own server stands, and how far away it and everything else without a row in the table is.
SERVER_ADDRESS = "203.0.113.10"
_OTHERWISE_MS = LATENCY_MS["leaf"]
_ADDRESS_RECORD = re.compile(r" IN (?:A|AAAA) (\S+)$")


def addresses_of(town: Town) -> tuple[str, ...]:
    """Every address that somebody in the town has: servers, and what A and AAAA records point at."""
    found = {address: None for server in town.servers for address in server.addresses}
    for zone in town.zones:
        for line in zone.records:
            if match := _ADDRESS_RECORD.search(line):
                found[match[1]] = None
    found[SERVER_ADDRESS] = None
    return tuple(found)


class BoxInternet(TownInternet):
    """The sandbox as an `Internet` of real addresses. `network` is the wire with its two sides.

    Call it in the box, in a process that may have threads. `distance` False makes everything near.
    """

    network: BoxNetwork

    def __init__(
        self, town: Town, layout: Layout, *, fault: str = "", seed: int = 1, distance: bool = True
    ) -> None:
        super().__init__(town, fault=fault, seed=seed)
        self._layout = layout
        self._distance = distance
        self._lock = threading.Lock()
        self._world: World | None = None
        self._closed = False
        otherwise = _OTHERWISE_MS if distance else 0.0
        self._wire = Wire(
            WIRE_CLIENT,
            WIRE_SERVER,
            distances=_distances(town) if distance else {},
            otherwise=otherwise / 2000,
        )
        self.network = BoxNetwork(layout, self._wire, SERVER_ADDRESS, otherwise)
        self._sockets = NameServers()
        # The servers' thread starts inside, and so do all that it starts in its turn.
        with inside(layout.server), self._sockets.holding():
            for server in town.servers:
                service = None if server.behaviour == "silent" else _Waiting(self, server)
                for address in server.addresses:
                    if ":" not in address or layout.ipv6:
                        self._sockets.open_udp((address, 53), service, 0.0)
                        self._sockets.open_tcp((address, 53), service, 0.0)

    @property
    def crashes(self) -> tuple[BaseException, ...]:
        """Bugs of the servers that were met on the way; the asker got SERVFAIL. Tests look at it."""
        return tuple(self._sockets.crashes)

    def world(self) -> World:
        """The town's servers, made by the first call; only threads of the internet's side call it."""
        with self._lock:
            if self._world is None:
                from labctl.sandbox.world import World

                self._world = World(
                    self._town, ask=self._ask_for_resolver, clock=self.clock, date=self.date, latency=False
                )
            return self._world

    def ask(self, server: Endpoint, wire: bytes, *, via: Via = "udp", timeout: float = 2.0) -> Reply:
        from labctl import dns_transport

        if self._closed:
            now = self.clock()
            return Reply(None, now, now, via, "unreachable", "the sandbox is closed")
        if via in ("tls", "https"):
            now = self.clock()
            why = f"{server.address} does not listen for {via} in the box"
            return Reply(None, now, now, via, "refused", why)
        send = dns_transport.udp if via == "udp" else dns_transport.tcp
        return send((server.address, server.port), wire, timeout=timeout, clock=self.clock)

    def _ask_for_resolver(self, address: str, wire: bytes, *, via: Via, timeout: float) -> Reply:
        """A resolver stands on the internet's side, where no wire lies between it and the others: it waits here."""
        from labctl import dns_transport

        there = self._town.server(address)
        if there is not None and self._distance:
            time.sleep(there.latency_ms / 1000)
        send = dns_transport.udp if via == "udp" else dns_transport.tcp
        return send((address, 53), wire, timeout=timeout, clock=self.clock)

    def _date_moved(self) -> None:
        with self._lock:
            world = self._world
        if world is not None:
            world.date_moved()
            self._sockets.forget()

    def close(self) -> None:
        already, self._closed = self._closed, True
        if already:
            return
        self._sockets.close()
        with self._lock:
            world, self._world = self._world, None
        if world is not None:
            world.close()
        self._wire.close()


class _Waiting:
    """A server that is made when it is first asked. `dns_server.Service`."""

    def __init__(self, internet: BoxInternet, server: TownServer) -> None:
        self._internet = internet
        self._server = server
        self._service: Service | None = None

    @property
    def keeps(self) -> bool:
        return self._service is not None and self._service.keeps

    def handle(self, wire: bytes, over_udp: bool, send: Send) -> None:
        if self._service is None:
            self._service = self._internet.world().service(self._server)
        if self._service is not None:
            self._service.handle(wire, over_udp, send)


def _distances(town: Town) -> dict[bytes, float]:
    """Packed address to seconds one way."""
    return {
        socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address): s.latency_ms / 2000
        for s in town.servers
        for address in s.addresses
    }
