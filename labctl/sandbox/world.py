"""The town with its servers running: which service answers at which address, and all sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import labctl.protocols.dns_import  # noqa: F401  (the cheap way to import dnspython, before anybody else does)
from labctl.internet import NameServer
from labctl.sandbox.dns_authority import Authoritative, Zones
from labctl.sandbox.dns_server import NameServers, Service
from labctl.sandbox.dns_strange import STRANGE
from labctl.sandbox.town import Town, TownServer

if TYPE_CHECKING:
    from labctl.sandbox.dns_tls import TlsResolver
    from labctl.sandbox.recursive import Ask, Recursive
    from labctl.sandbox.town_certificates import Certificates


class World:
    """Services of a town, each made when first asked for. `ask` is how its resolvers ask the others."""

    def __init__(
        self,
        town: Town,
        *,
        ask: Ask,
        clock: Callable[[], float],
        date: Callable[[], float],
        latency: bool,
        certificates: Certificates | None = None,
    ) -> None:
        self._certificates = certificates
        self._town = town
        self._ask = ask
        self._clock = clock
        self._latency = latency
        self._zones = Zones(town, date)
        self._services: dict[str, Authoritative] = {}
        self._resolvers: dict[str, Recursive] = {}
        self._tls: dict[str, TlsResolver] = {}
        self._lock = threading.RLock()
        self.sockets = NameServers()

    def latency(self, server: TownServer) -> float:
        """Seconds that this server's answers are held back."""
        return server.latency_ms / 1000 if self._latency else 0.0

    def service(self, server: TownServer) -> Service | None:
        """Who answers for this server; None when nobody does."""
        if server.behaviour == "silent":
            return None
        if server.behaviour == "recursive":
            return self.resolver(server)
        address = server.addresses[0]
        with self._lock:
            if address not in self._services:
                make = STRANGE.get(server.behaviour, Authoritative)
                self._services[address] = make(server, self._zones, self._town.authoritative)
            return self._services[address]

    def resolver(self, server: TownServer) -> Recursive:
        """The recursive resolver at this server; it remembers as long as the world lasts."""
        from labctl.sandbox.recursive import Recursive

        address = server.addresses[0]
        with self._lock:
            if address not in self._resolvers:
                self._resolvers[address] = Recursive(
                    self._ask,
                    root_hints(),
                    self._clock,
                    self._town.recursive,
                    self.latency(server),
                    self.sockets.crashes,
                )
            return self._resolvers[address]

    def tls(
        self, server: TownServer, host: str = "127.0.0.1", ports: tuple[int, int] = (0, 0)
    ) -> TlsResolver:
        """This resolver's listeners for DNS over TLS and HTTPS, started by the first call. Raises OSError."""
        from labctl.sandbox.dns_tls import start_tls

        address = server.addresses[0]
        with self._lock:
            if address not in self._tls:
                self._tls[address] = start_tls(
                    self.resolver(server).answer, host=host, ports=ports, certificates=self._certificates
                )
            return self._tls[address]

    def date_moved(self) -> None:
        """Make signatures, and the answers that were kept with them, anew when their time is nearly over."""
        if self._zones.sign_anew():
            self.sockets.forget()

    def close(self) -> None:
        """End everything. The asking must have been stopped before, or open walks go on to their end."""
        with self._lock:
            tls, resolvers = tuple(self._tls.values()), tuple(self._resolvers.values())
        for listeners in tls:
            listeners.close()
        for resolver in resolvers:
            resolver.join()
        self.sockets.close()


def root_hints() -> tuple[NameServer, ...]:
    """The root servers of the town, which are those of the real world."""
    from labctl.sandbox.town_roots import ROOT

    return tuple(NameServer(host.name, host.addresses) for host in ROOT)
