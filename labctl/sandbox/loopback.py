"""The town on 127.0.0.1: a town address is mapped to a free port when it is first asked.

Any number of sandboxes run side by side.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from labctl import dns_transport
from labctl.internet import Dialled, Endpoint, Failure, Reply, Via
from labctl.sandbox.town import Town, TownServer
from labctl.sandbox.town_internet import ENCRYPTING, TownInternet
from labctl.sandbox.town_sites import BLACK_HOLE

if TYPE_CHECKING:
    import socket

    from labctl.sandbox.web import Web
    from labctl.sandbox.world import World

_HOST = "127.0.0.1"
_PORTS: dict[Via, tuple[int, ...]] = {"udp": (53,), "tcp": (53,), "tls": (853, 53), "https": (443, 53)}


class LoopbackInternet(TownInternet):
    """The sandbox as an `Internet`. Nothing runs before the first question."""

    def __init__(self, town: Town, *, fault: str = "", seed: int = 1, latency: bool = True) -> None:
        super().__init__(town, fault=fault, seed=seed)
        self._latency = latency
        self._lock = threading.RLock()
        self._world: World | None = None
        self._web: Web | None = None
        self._ports: dict[tuple[str, Via], int] = {}
        self._closed = False
        self._closing = threading.Event()

    @property
    def crashes(self) -> tuple[BaseException, ...]:
        """Bugs of the servers that were met on the way; the asker got SERVFAIL. Tests look at it."""
        of_names = () if self._world is None else tuple(self._world.sockets.crashes)
        return of_names + (() if self._web is None else tuple(self._web.crashes))

    def _date_moved(self) -> None:
        with self._lock:
            if self._world is not None:
                self._world.date_moved()

    def ask(self, server: Endpoint, wire: bytes, *, via: Via = "udp", timeout: float = 2.0) -> Reply:
        now = self.clock()
        there = self._town.server(server.address)
        if self._closed:
            return Reply(None, now, now, via, "unreachable", "the sandbox is closed")
        if there is None:
            why = f"nobody in the sandbox has the address {server.address}: it is outside of the town"
            return Reply(None, now, now, via, "unreachable", why)
        encrypted = via in ("tls", "https")
        if server.port not in _PORTS[via] or (encrypted and ENCRYPTING not in there.addresses):
            why = f"{there.name} does not listen on port {server.port} for {via}"
            return Reply(None, now, now, via, "refused", why)
        if encrypted:
            return self._ask_encrypted(there, server, wire, via, timeout)
        send = dns_transport.udp if via == "udp" else dns_transport.tcp
        return send((_HOST, self._port(there, via)), wire, timeout=timeout, clock=self.clock)

    def _ask_encrypted(
        self, there: TownServer, server: Endpoint, wire: bytes, via: Via, timeout: float
    ) -> Reply:
        listeners = self._running().tls(there)
        context = listeners.client_context()
        name = server.name.rstrip(".") or server.address
        if via == "tls":
            return dns_transport.tls(
                listeners.tls_address,
                wire,
                timeout=timeout,
                clock=self.clock,
                server_name=name,
                context=context,
            )
        return dns_transport.https(
            f"https://{name}/dns-query",
            wire,
            timeout=timeout,
            clock=self.clock,
            context=context,
            connect_to=listeners.https_address,
        )

    def web(self) -> Web:
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox is closed")
            if self._web is None:
                from labctl.sandbox.web import Web

                # No wire lies anywhere: the servers hold back what comes, whoever sends it.
                self._web = Web(
                    self._town,
                    clock=self.clock,
                    date=self.date,
                    certificates=self.certificates,
                    near=lambda _: self._latency,
                    at=lambda address, port: (_HOST, 0),
                    seed=self.seed,
                )
            return self._web

    def dial(self, to: Endpoint, *, timeout: float = 10.0, until: socket.socket | None = None) -> Dialled:
        from labctl.fetch.dialling import connect, wait_in_vain

        if to.address == BLACK_HOLE and not self._closed:
            return wait_in_vain(timeout=timeout, clock=self.clock, until=until)
        started_at = self.clock()

        def failed(failure: Failure, why: str = "") -> Dialled:
            return Dialled(None, started_at, self.clock(), failure, why)

        if to.address not in self._town.addresses:
            return failed("unreachable", f"nobody in the sandbox has the address {to.address}")
        try:
            web = self.web()
            web.warm_up(to.address)
            started_at = self.clock()
            away = web.distance(to.address) if self._latency else 0.0
            # The kernel connects at once; the way there and back is waited for here.
            if self._closing.wait(min(away, timeout)) or away >= timeout:
                return failed("timeout")
            here = web.reach(to.address, to.port)
        except KeyError:
            return failed("refused", f"nobody listens on port {to.port} of {to.address}")
        except RuntimeError:
            return failed("unreachable", "the sandbox is closed")
        made = connect(here, timeout=timeout - away, clock=self.clock, until=until)
        return made._replace(started_at=started_at)

    def _ask_for_resolver(self, address: str, wire: bytes, *, via: Via, timeout: float) -> Reply:
        return self.ask(Endpoint(address), wire, via=via, timeout=timeout)

    def _running(self) -> World:
        with self._lock:
            if self._world is None:
                from labctl.sandbox.world import World

                self._world = World(
                    self._town,
                    ask=self._ask_for_resolver,
                    clock=self.clock,
                    date=self.date,
                    latency=self._latency,
                    certificates=self.certificates,
                )
            return self._world

    def _port(self, server: TownServer, via: Via) -> int:
        """The port on this machine that stands for port 53 of this server."""
        place = (server.addresses[0], via)
        with self._lock:
            if place not in self._ports:
                world = self._running()
                open_ = world.sockets.open_udp if via == "udp" else world.sockets.open_tcp
                self._ports[place] = open_((_HOST, 0), world.service(server), world.latency(server))
            return self._ports[place]

    def close(self) -> None:
        self._closed = True
        self._closing.set()
        with self._lock:
            world, self._world = self._world, None
            web, self._web = self._web, None
        if web is not None:
            web.close()
        if world is not None:
            world.close()
