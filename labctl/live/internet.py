"""`LiveInternet`: the interface of `internet.py` over this machine's own sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from labctl import dns_transport
from labctl.errors import CannotRun
from labctl.internet import Dialled, Endpoint, HostFiles, Internet, NameServer, Reply, Via
from labctl.live import this_machine
from labctl.protocols.root_hints import ROOT_SERVERS, TRUST_ANCHORS

if TYPE_CHECKING:
    import socket
    import ssl

QUERY_BUDGET = 200
LONGEST_WAIT = 60.0


class LiveInternet(Internet):
    """Asks the real internet. Threads may share it.

    `budget` is how many questions may leave in all. `now`, `today` and `sleep` are the clocks of this
    machine, or a test's; `context` is what TLS trusts (None: the system's authorities); `host_files` None
    reads the machine's.
    """

    kind: Literal["sandbox", "live"] = "live"

    def __init__(
        self,
        *,
        budget: int = QUERY_BUDGET,
        host_files: HostFiles | None = None,
        context: ssl.SSLContext | None = None,
        now: Callable[[], float] = time.monotonic,
        today: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.budget = budget
        self.asked = 0
        self._lock = threading.Lock()
        self._host_files = host_files
        self._trusted = context
        self._contexts: dict[Via, ssl.SSLContext] = {}
        self._now = now
        self._today = today
        self._sleep = sleep
        self._made_at = now()
        self._resolvers: tuple[tuple[Endpoint, ...], str] | None = None

    @property
    def root_servers(self) -> tuple[NameServer, ...]:
        return tuple(NameServer(name, addresses) for name, addresses in ROOT_SERVERS)

    @property
    def trust_anchors(self) -> tuple[str, ...]:
        return TRUST_ANCHORS

    @property
    def resolvers(self) -> tuple[Endpoint, ...]:
        return self._configured()[0]

    @property
    def resolvers_text(self) -> str:
        """Where the configured resolvers were read from, or why they were not: one sentence."""
        return self._configured()[1]

    def _configured(self) -> tuple[tuple[Endpoint, ...], str]:
        if self._resolvers is None:
            self._resolvers = this_machine.configured_resolvers(self.host_files)
        return self._resolvers

    @property
    def host_files(self) -> HostFiles:
        if self._host_files is None:
            self._host_files = this_machine.read_host_files()
        return self._host_files

    def clock(self) -> float:
        return self._now() - self._made_at

    def date(self) -> float:
        return self._today()

    def pass_time(self, seconds: float) -> str:
        """Wait, at most a minute; Ctrl-C ends it. Nobody can hurry other people's caches."""
        waited = min(max(seconds, 0.0), LONGEST_WAIT)
        self._sleep(waited)
        if waited < seconds:
            return (
                f"Waited {waited:g} s on the real clock, not the whole {seconds:g} s: a minute is the most."
            )
        return f"Waited {waited:g} s on the real clock."

    def ask(self, server: Endpoint, wire: bytes, *, via: Via = "udp", timeout: float = 2.0) -> Reply:
        """Ask over the network. Raises CannotRun "query-budget" instead of sending one question too many.

        For TLS and HTTPS the certificate must carry `server.name`, or the address when there is no name;
        HTTPS posts to /dns-query there.
        """
        with self._lock:
            if self.asked >= self.budget:
                raise CannotRun(
                    "query-budget",
                    f"this run has sent {self.asked} questions to the internet, and more are not allowed.",
                    evidence=(("next was", f"{len(wire)} bytes to {server} over {via}"),),
                    fixes=("labctl dns --sandbox",),
                )
            self.asked += 1
        to = (server.address, server.port)
        if via == "udp":
            return dns_transport.udp(to, wire, timeout=timeout, clock=self.clock)
        if via == "tcp":
            return dns_transport.tcp(to, wire, timeout=timeout, clock=self.clock)
        if via == "tls":
            return dns_transport.tls(
                to, wire, timeout=timeout, clock=self.clock, server_name=server.name, context=self._trust(via)
            )
        host = server.name.rstrip(".") or (f"[{server.address}]" if ":" in server.address else server.address)
        port = "" if server.port == 443 else f":{server.port}"
        return dns_transport.https(
            f"https://{host}{port}/dns-query",
            wire,
            timeout=timeout,
            clock=self.clock,
            context=self._trust(via),
            connect_to=to,
        )

    def dial(self, to: Endpoint, *, timeout: float = 10.0, until: socket.socket | None = None) -> Dialled:
        from labctl.fetch.dialling import connect

        return connect((to.address, to.port), timeout=timeout, clock=self.clock, until=until)

    def client_tls(self) -> ssl.SSLContext:
        import ssl

        if self._trusted is None:
            context = ssl.create_default_context()
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            for certificate in self._trusted.get_ca_certs(binary_form=True):
                context.load_verify_locations(cadata=certificate)
        # As browsers do, and RFC 9525 section 2 has it: only subjectAltName counts.
        context.hostname_checks_common_name = False
        return context

    def _trust(self, via: Via) -> ssl.SSLContext:
        # Reading the authorities costs 20 ms and more: once a run, not once a question. One for each
        # transport, because what a connection offers (ALPN) is a setting of the context, and threads may ask
        # side by side.
        with self._lock:
            if via not in self._contexts:
                import ssl

                self._contexts[via] = self._trusted or ssl.create_default_context()
            return self._contexts[via]

    def close(self) -> None:
        """Nothing stays open between questions."""
