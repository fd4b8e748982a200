"""The town's web: all sites, where they are to be had, what each of them answers and has been asked."""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
import ssl
import threading
from collections import Counter, deque
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from labctl.sandbox.http_faults import heard, said
from labctl.sandbox.site import Handler, Seen, SiteAnswer, SiteRequest, text
from labctl.sandbox.tls_faults import tls_habits
from labctl.sandbox.town import Town
from labctl.sandbox.town_certificates import Certificates, server_context
from labctl.sandbox.town_sites import BLACK_HOLE, HTTP, HTTPS, Site
from labctl.sandbox.url_faults import told
from labctl.sandbox.web_door import Door, Handshake
from labctl.sandbox.web_server import SocketAddress, WebServer
from labctl.sandbox.web_server_h1 import Patience

if TYPE_CHECKING:
    from labctl.sandbox.edge import Edge

T = TypeVar("T")
# The last so many requests and handshakes are kept.
_KEPT = 10_000
# `Site.serves` to the function that answers.
HANDLERS = {
    "shop": "labctl.sandbox.site_shop:shop",
    "apex": "labctl.sandbox.site_shop:apex",
    "api": "labctl.sandbox.site_api:api",
    "slow": "labctl.sandbox.site_api:api",
    "example": "labctl.sandbox.site_example:example",
    "tls": "labctl.sandbox.site_example:tls",
    "misbehaving": "labctl.sandbox.site_misbehaving:misbehaving",
}


class Web:
    """All sites, on one server. Make it in a thread that is on the internet's side. Close it.

    `clock` is the internet's clock, `date` the town's date. `at` gives for a town address and port where to listen;
    `near` tells whether a peer stands where no wire makes the distance, which is then made here.
    """

    def __init__(
        self,
        town: Town,
        *,
        clock: Callable[[], float],
        date: Callable[[], float],
        certificates: Certificates,
        near: Callable[[str], bool],
        at: Callable[[str, int], SocketAddress],
        seed: int = 1,
        patience: Patience = Patience(),  # noqa: B008  # it cannot be changed
    ) -> None:
        self.town = town
        self.clock = clock
        self.date = date
        self.log: deque[Seen] = deque(maxlen=_KEPT)
        self.handshakes: deque[Handshake] = deque(maxlen=_KEPT)
        # What applications count, by host.
        self.counters: Counter[str] = Counter()
        # The date when it all began; files are as old as they say before it.
        self.born = float(int(date()))
        self.connections: Counter[str] = Counter()
        # Edges by host, as edge.py makes them.
        self.edges: dict[str, Edge] = {}
        self.certificates = certificates
        self.near = near
        self._at = at
        self._places: dict[tuple[str, int], SocketAddress] = {}
        self.seed = seed
        self.patience = patience
        self._contexts: dict[str, tuple[float, ssl.SSLContext]] = {}
        self._handlers: dict[str, Handler] = {}
        self._making = threading.Lock()
        self._opening = asyncio.Lock()
        self._server = WebServer()

    @property
    def crashes(self) -> list[BaseException]:
        """Bugs of ours that were met on the way; the client got 500, or was left. Tests look at it."""
        return self._server.crashes

    @property
    def addresses(self) -> tuple[str, ...]:
        """The town addresses of all sites, the black hole left out."""
        found = dict.fromkeys(address for site in self.town.sites for address in site.addresses)
        return tuple(address for address in found if address != BLACK_HOLE)

    def sites_at(self, address: str) -> tuple[Site, ...]:
        """Who is served at this town address; the first answers to those who name nobody."""
        return tuple(site for site in self.town.sites if address in site.addresses)

    def distance(self, address: str) -> float:
        """Seconds there and back: of the site at this address, without end for the black hole."""
        if address == BLACK_HOLE:
            return math.inf
        sites = self.sites_at(address)
        return sites[0].distance_ms / 1000 if sites else 0.0

    def reach(self, address: str, port: int) -> SocketAddress:
        """Where this port of a town address is on this machine. Raises KeyError: nobody listens; OSError."""
        return self._places.get((address, port)) or self._server.call(self.listening(address, port))

    async def listening(self, address: str, port: int) -> SocketAddress:
        """The same in the server's loop."""
        place, sites = (address, port), self.sites_at(address)
        if port not in (HTTP, HTTPS) or not sites or (port == HTTP and not any(s.plain for s in sites)):
            raise KeyError(f"{address} port {port}")
        away = self.distance(address)
        door = Door(self, sites)
        serve = door.secure if port == HTTPS else door.plain
        async with self._opening:
            if place not in self._places:
                self._places[place] = await self._server.listen(
                    self._at(address, port), serve, lambda peer: away if self.near(peer) else 0.0
                )
        return self._places[place]

    def warm_up(self, address: str = "", *, ended: Callable[[], bool] = lambda: False) -> None:
        """Make now what the first connection to this address (""; to any) would have to wait for; until `ended`."""
        for site in self.sites_at(address) if address else self.town.sites:
            if site.host not in self._handlers and not ended():
                if site.certificate:
                    self.context(site)
                if "h2" in site.protocols:
                    import h2.connection  # noqa: F401
                self.run(functools.partial(self._handler, site))

    def run(self, act: Callable[[], T]) -> T:
        """Do this in the server's thread, where edges and sites live, and wait for what it gives."""

        async def acted() -> T:
            return act()

        return self._server.call(acted())

    def habits(self, site: Site) -> frozenset[str]:
        """The site's own, and those that a fault gives to the whole town."""
        return site.habits | self.town.web

    def site_of(self, host: str, sites: tuple[Site, ...]) -> Site | None:
        """The site of this name; an address, or no name, is the first. An origin knows what its edges are called."""
        if not host or host in sites[0].addresses:
            return sites[0]
        for site in sites:
            if site.host == host:
                return site
        edge = self.town.site(host)
        return None if edge is None else next((s for s in sites if s.host == edge.upstream), None)

    def context(self, site: Site) -> ssl.SSLContext:
        """One for each site, so that sessions are resumed; made anew with a new certificate."""
        with self._making:
            if "one-certificate" in self.town.web and site.certificate == "good":
                hosts = dict.fromkeys((site.host, *(s.host for s in self.sites_at(site.addresses[0]))))
                leaf = self.certificates.leaf(",".join(hosts), "good")
            else:
                leaf = self.certificates.leaf(site.host, site.certificate)
            kept = self._contexts.get(site.host)
            if kept is None or kept[0] != leaf.until:
                context = server_context(
                    leaf, protocols=site.protocols, versions=site.versions, weak=site.certificate == "weak"
                )
                tls_habits(context, self.habits(site))
                kept = self._contexts[site.host] = leaf.until, context
            return kept[1]

    # One request.

    def socket_to(self, port: int) -> Any:
        """The server's socket of the connection from this port of a client; None when there is none."""
        return self._server.socket_to(port)

    async def respond(self, site: Site, request: SiteRequest) -> SiteAnswer:
        """What this site says. A bug of a handler is kept in `crashes`, and its client gets 500."""
        self.log.append(
            Seen(
                self.clock(),
                site.host,
                request.scheme,
                request.version,
                request.method,
                request.target,
                request.fields,
                len(request.body),
            )
        )
        habits = self.habits(site)
        request = heard(request, habits)
        try:
            given = self._handler(site)(request, self)
            answer = await given if inspect.isawaitable(given) else given
            return told(said(answer, site.host, request.scheme, habits), habits)
        except OSError:
            return text(502, "The server behind this one cannot be reached.")
        except Exception as error:
            self.crashes.append(error)
            return text(500, "This server has made a mistake.")

    def _handler(self, site: Site) -> Handler:
        if site.host not in self._handlers:
            self._handlers[site.host] = self._made(site)
        return self._handlers[site.host]

    def _made(self, site: Site) -> Handler:
        """Call it in the server's loop: an edge lives there."""
        if not site.serves.startswith("edge:"):
            module, _, name = HANDLERS[site.serves].partition(":")
            handler: Handler = getattr(import_module(module), name)
            return handler
        from labctl.sandbox.web_edges import make_edge

        edge = self.edges[site.host] = make_edge(site, self)
        return lambda request, web: edge.respond(request)

    async def _end_edges(self) -> None:
        for edge in self.edges.values():
            await edge.close()

    def close(self) -> None:
        """End all connections and the thread. Idempotent."""
        self._server.close(also=self._end_edges)
