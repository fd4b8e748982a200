"""What every carrier of the town has in common: the hints, the files, the clock that can be moved."""

from __future__ import annotations

import functools
import time
from abc import abstractmethod
from typing import TYPE_CHECKING

from labctl.internet import Endpoint, HostFiles, Internet, NameServer
from labctl.sandbox.town import Town

if TYPE_CHECKING:
    import ssl

    from labctl.sandbox.town_certificates import Certificates
    from labctl.sandbox.web import Web

# The one name server that also answers over TLS and HTTPS.
ENCRYPTING = "192.0.2.53"


class TownInternet(Internet):
    """An `Internet` made of a town; a carrier adds `ask` and `close`."""

    kind = "sandbox"

    def __init__(self, town: Town, *, fault: str = "", seed: int = 1) -> None:
        self.fault = fault
        self.seed = seed
        self._town = town
        self._started = time.monotonic()
        self._passed = 0.0

    @property
    def root_servers(self) -> tuple[NameServer, ...]:
        from labctl.sandbox.town_roots import ROOT

        return tuple(NameServer(host.name, host.addresses) for host in ROOT)

    @property
    def trust_anchors(self) -> tuple[str, ...]:
        import labctl.protocols.dns_import  # noqa: F401  (before dnspython is imported in any other way)
        from labctl.sandbox.signing import root_anchor

        return (root_anchor(),)

    @property
    def resolvers(self) -> tuple[Endpoint, ...]:
        server = self._town.server(self._town.resolver_address)
        return () if server is None else (Endpoint(server.addresses[0], 53, server.name),)

    @property
    def host_files(self) -> HostFiles:
        return self._town.host_files

    def clock(self) -> float:
        return time.monotonic() - self._started + self._passed

    def date(self) -> float:
        return time.time() + self._passed

    def pass_time(self, seconds: float) -> str:
        self._passed += seconds
        self._date_moved()
        return f"The sandbox's clock was moved on by {seconds:g} s; nobody waited."

    @functools.cached_property
    def certificates(self) -> Certificates:
        """What the town's servers show, and the root that its clients trust."""
        from labctl.sandbox.town_certificates import Certificates

        return Certificates(self.date)

    @abstractmethod
    def web(self) -> Web:
        """The town's web sites; the first call, or the first that dials, starts them."""

    def client_tls(self) -> ssl.SSLContext:
        """Trusts the town's root and nobody else."""
        import ssl

        context = ssl.create_default_context(cadata=self.certificates.root_pem)
        # As browsers do, and RFC 9525 section 2 has it: only subjectAltName counts.
        context.hostname_checks_common_name = False
        return context

    def _date_moved(self) -> None:
        """Called when the clock was moved: what depends on the date is made anew."""
