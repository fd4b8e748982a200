"""The way of a request on this machine: visitors, a CDN edge, taps and proxies, each with an address of its own.

Linux has all of 127.0.0.0/8 on its loopback, so hops can be told apart by address; macOS has 127.0.0.1 alone.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labctl.protocols.http1 import Fields
from labctl.sandbox.edge import Edge
from labctl.sandbox.edge_profile import Cloudflare
from labctl.sandbox.proxy_configuration import Configuration
from labctl.sandbox.proxy_server import EmbeddedProxy
from labctl.sandbox.proxy_tap import Tap
from labctl.sandbox.proxy_upstream import Address, Upstream
from labctl.sandbox.site import SiteAnswer, SiteRequest
from labctl.sandbox.town_certificates import Certificates, Leaf, server_context
from labctl.sandbox.web_server import WebServer
from labctl.sandbox.web_server_h1 import Front, serve_http1
from labctl.sandbox.web_stream import PlainStream
from labctl.sandbox.web_tls import TlsStream

if TYPE_CHECKING:
    import ssl

HOST = "www.shop.test"
# They end like the addresses of the documentation and of a CDN that they stand for.
VISITOR, CDN, ATTACKER, LOCAL = "127.0.113.50", "127.0.48.200", "127.0.66.6", "127.0.0.1"


def has_own_addresses() -> bool:
    """Whether this machine lets us come from addresses of 127.0.0.0/8 other than 127.0.0.1."""
    for address in (VISITOR, CDN, ATTACKER):
        with socket.socket() as probe:
            try:
                probe.bind((address, 0))
            except OSError:
                return False
    return True


class _PassesList(Cloudflare):
    """A CDN that leaves X-Forwarded-For as its visitor wrote it."""

    def request_fields(self, named: Mapping[str, str], client: str, scheme: str, ray: str) -> Fields:
        fields = super().request_fields(named, client, scheme, ray)
        before = named.get("x-forwarded-for")
        kept = tuple(pair for pair in fields if pair[0] != "X-Forwarded-For")
        return (("X-Forwarded-For", before), *kept) if before else kept


class Street:
    """Everything between visitors and apps, in one thread. A context manager. `crashes` are bugs of ours."""

    def __init__(
        self,
        certificates: Certificates,
        date: Callable[[], float],
        *,
        seed: int = 1,
        habits: frozenset[str] = frozenset(),
    ) -> None:
        self._certificates = certificates
        self._date = date
        self._seed = seed
        self._habits = habits
        self._edges: list[Edge] = []
        # Every embedded proxy that stands here, in order.
        self.proxies: list[EmbeddedProxy] = []
        self._server = WebServer()
        self.own_addresses = has_own_addresses()
        # Where hops can be told apart, each is what it is called; else all are one.
        self.visitor = VISITOR if self.own_addresses else LOCAL
        self.cdn_address = CDN if self.own_addresses else LOCAL
        self.attacker = ATTACKER if self.own_addresses else LOCAL

    @property
    def crashes(self) -> list[BaseException]:
        return self._server.crashes

    def client_context(self) -> ssl.SSLContext:
        """A context that trusts the town's certificates."""
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self._certificates.root_pem)
        return context

    def leaf(self, host: str = HOST) -> Leaf:
        """The town's certificate for this host, as PEM texts."""
        return self._certificates.leaf(host)

    def server_context(self, host: str = HOST) -> ssl.SSLContext:
        """A context with the town's certificate for this host."""
        return server_context(self.leaf(host))

    def proxy(
        self,
        configuration: Configuration,
        apps: Mapping[str, Sequence[Address]],
        *,
        secure: bool = False,
        address: str = LOCAL,
    ) -> tuple[tuple[str, int], EmbeddedProxy]:
        """An embedded reverse proxy in front of these apps, by the names in its rules; its address, and itself."""
        upstreams = {
            name: Upstream(there, fail_timeout_s=configuration.fail_timeout_s, habits=self._habits)
            for name, there in apps.items()
        }
        context = self.server_context() if secure else None
        if "origin-lets-cdn-only" in self._habits:
            configuration = configuration._replace(only_from=frozenset({self.cdn_address}))
        made = EmbeddedProxy(configuration, upstreams, context=context, habits=self._habits)
        self.proxies.append(made)
        return self.listen(made.serve, address), made

    def tap(self, target: Address, *, source: str = "", secure: bool = False) -> tuple[tuple[str, int], Tap]:
        """A tap in front of `target`; `secure` speaks TLS onward. Where it listens, and itself."""
        context = self.client_context() if secure else None
        made = Tap(target, source=source, context=context, server_name=HOST)
        return self.listen(made.serve, LOCAL), made

    def cdn(self, origin: tuple[str, int]) -> tuple[str, int]:
        """A CDN edge with Cloudflare's manners, over TLS, which asks the origin from where it stands. Its address."""
        context = self.server_context()

        async def make() -> Edge:
            loop = asyncio.get_running_loop()

            def connect(factory: Callable[[], asyncio.Protocol]) -> Any:
                return loop.create_connection(factory, *origin)

            profile = _PassesList(self._seed) if "cdn-passes-list" in self._habits else Cloudflare(self._seed)
            return Edge(profile, connect, upstream_name=HOST, clock=self._date)

        edge = self._server.call(make())
        self._edges.append(edge)

        async def answer(request: SiteRequest) -> SiteAnswer:
            return await edge.respond(request)

        async def serve(plain: PlainStream) -> None:
            secure = TlsStream(plain, context, b"")
            await secure.handshake()
            await serve_http1(secure, Front("https", answer, self._date))
            await secure.close()

        return self.listen(serve, self.cdn_address)

    def app(self, answer: Callable[[SiteRequest], SiteAnswer]) -> tuple[str, int]:
        """A little app of our own, for what needs no Python web server. Its address."""

        async def answered(request: SiteRequest) -> SiteAnswer:
            return answer(request)

        async def serve(stream: PlainStream) -> None:
            await serve_http1(stream, Front("http", answered, self._date))

        return self.listen(serve)

    def listen(self, serve: Callable[[PlainStream], Any], address: str = LOCAL) -> tuple[str, int]:
        """Serve on a free port of this address."""
        return self._server.call(self._server.listen((address, 0), serve, lambda peer: 0.0))

    def close(self) -> None:
        """End all connections and the thread. Idempotent."""
        self._server.close(also=self._end_edges)

    async def _end_edges(self) -> None:
        for edge in self._edges:
            await edge.close()

    def __enter__(self) -> Street:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
