"""The town inside a box: its servers stand at their real addresses on port 53, and the wire makes the distance.

Lives in the box's process. Every server's sockets are there from the beginning; the servers themselves, and the
DNS library with them, are made when the first question comes.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

from labctl.internet import Dialled, Endpoint, Reply, Via
from labctl.sandbox.box_network import BoxNetwork
from labctl.sandbox.dns_server import NameServers, Send, Service
from labctl.sandbox.layout import CLIENT_ADDRESS, CLIENT_ADDRESS_6, WIRE_CLIENT, WIRE_SERVER, Layout
from labctl.sandbox.namespace import inside
from labctl.sandbox.netlink import Netlink
from labctl.sandbox.town import LATENCY_MS, Town, TownServer
from labctl.sandbox.town_internet import ENCRYPTING, TownInternet
from labctl.sandbox.town_sites import BLACK_HOLE, HTTP, HTTPS
from labctl.sandbox.wire import Wire

if TYPE_CHECKING:
    from labctl.sandbox.web import Web
    from labctl.sandbox.world import World

# Where a lab's own server stands, and how far away it and everything else without a row in the table is.
SERVER_ADDRESS = "203.0.113.10"
_OTHERWISE_MS = LATENCY_MS["leaf"]


def addresses_of(town: Town) -> tuple[str, ...]:
    """Every address that the internet's side of a box has."""
    found = dict.fromkeys((*town.addresses, SERVER_ADDRESS))
    return tuple(address for address in found if address != BLACK_HOLE)


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
        self._web: Web | None = None
        self._closed = False
        otherwise = _OTHERWISE_MS if distance else 0.0
        self._wire = Wire(
            WIRE_CLIENT,
            WIRE_SERVER,
            distances=_distances(town) if distance else {},
            otherwise=otherwise / 2000,
        )
        self.network = BoxNetwork(layout, self._wire, SERVER_ADDRESS, otherwise)
        if layout.ipv6:
            with inside(layout.server), Netlink() as link, contextlib.suppress(OSError):
                link.black_hole(BLACK_HOLE, 128)
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
        return (*self._sockets.crashes, *(() if self._web is None else self._web.crashes))

    def web(self) -> Web:
        """All sites, at all their addresses. Raises OSError when a lab listens on one of them itself."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox is closed")
            if self._web is None:
                from labctl.sandbox.web import Web

                # From the client the wire makes the distance; an edge stands on the internet's side.
                ours = (CLIENT_ADDRESS, CLIENT_ADDRESS_6) if self._distance else ()
                with inside(self._layout.server):
                    web = Web(
                        self._town,
                        clock=self.clock,
                        date=self.date,
                        certificates=self.certificates,
                        near=lambda peer: self._distance and peer not in ours,
                        at=lambda address, port: (address, port),
                        seed=self.seed,
                    )
                try:
                    for address in web.addresses:
                        if ":" not in address or self._layout.ipv6:
                            for port in (HTTP, HTTPS):
                                with contextlib.suppress(KeyError):
                                    web.reach(address, port)
                except BaseException:
                    web.close()
                    raise
                self._web = web
            return self._web

    def dial(self, to: Endpoint, *, timeout: float = 10.0, until: socket.socket | None = None) -> Dialled:
        """The sites stand before the first connection. Call it on the client's side."""
        from labctl.fetch.dialling import connect

        try:
            self.web().warm_up(to.address)
        except RuntimeError:
            now = self.clock()
            return Dialled(None, now, now, "unreachable", "the sandbox is closed")
        return connect((to.address, to.port), timeout=timeout, clock=self.clock, until=until)

    def world(self) -> World:
        """The town's servers, made by the first call; only threads of the internet's side call it."""
        with self._lock:
            if self._world is None:
                from labctl.sandbox.world import World

                self._world = World(
                    self._town,
                    ask=self._ask_for_resolver,
                    clock=self.clock,
                    date=self.date,
                    latency=False,
                    certificates=self.certificates,
                )
            return self._world

    def ask(self, server: Endpoint, wire: bytes, *, via: Via = "udp", timeout: float = 2.0) -> Reply:
        from labctl import dns_transport

        if self._closed:
            now = self.clock()
            return Reply(None, now, now, via, "unreachable", "the sandbox is closed")
        if via in ("tls", "https"):
            self.encrypting()
            name = server.name.rstrip(".") or server.address
            at, context = (server.address, server.port), self.client_tls()
            if via == "tls":
                return dns_transport.tls(
                    at, wire, timeout=timeout, clock=self.clock, server_name=name, context=context
                )
            return dns_transport.https(
                f"https://{name}/dns-query",
                wire,
                timeout=timeout,
                clock=self.clock,
                context=context,
                connect_to=at,
            )
        send = dns_transport.udp if via == "udp" else dns_transport.tcp
        return send((server.address, server.port), wire, timeout=timeout, clock=self.clock)

    def encrypting(self) -> None:
        """The resolver that also answers over TLS and HTTPS does so from now on, on ports 853 and 443."""
        server = self._town.server(ENCRYPTING)
        if server is not None:
            with inside(self._layout.server):
                self.world().tls(server, ENCRYPTING, (853, 443))

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
        with self._lock:
            world, self._world = self._world, None
            web, self._web = self._web, None
        if web is not None:
            web.close()
        self._sockets.close()
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
    """Packed address to seconds one way. Where a site and a name server share an address, the site's counts."""
    away = {address: server.latency_ms for server in town.servers for address in server.addresses}
    away |= {address: site.distance_ms for site in town.sites for address in site.addresses}
    return {
        socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address): ms / 2000
        for address, ms in away.items()
    }
