"""What was typed after `labctl tls`: HOST, HOST:PORT, [ADDRESS]:PORT or an https URL."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from labctl.errors import UsageError
from labctl.protocols.ip_addresses import is_address


class Target(NamedTuple):
    """`host` is a name in A-labels or an address; `path` what is asked for when HTTP is spoken there.

    `web` says that it was typed as a URL.
    """

    host: str
    port: int = 443
    path: str = "/"
    web: bool = False

    @property
    def place(self) -> str:
        """`example.com`, `example.com:8443`, `[::1]:8443`; without the port when it is 443."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 443 else f"{host}:{self.port}"

    @property
    def connect(self) -> str:
        """What `openssl s_client -connect` takes."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def address(self) -> bool:
        """Whether it is an address: those are never sent as SNI (RFC 6066 section 3)."""
        return is_address(self.host)

    @property
    def speaks_http(self) -> bool:
        """Whether a request is meant: ports of the web, and those on which such servers are written."""
        return self.web or self.port in (443, 4433, 5001, 8000, 8080, 8443)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


OURS = Target("www.shop.test")
EDGE = OURS


def read_target(text: str) -> Target:
    """Raises UsageError: target-without-tls, and what `parse_url` says."""
    from labctl.protocols.url import parse_url

    # `::1` alone can only mean an address; with a port it needs its brackets.
    url = parse_url(f"[{text}]" if _is_ipv6(text) else text)
    if url.scheme != "https":
        raise UsageError(
            "target-without-tls",
            f"{url.scheme}: means a connection without TLS",
            fixes=(f"labctl tls {url.authority}", f"labctl tcp {url.text}"),
        )
    return Target(url.host, url.port, url.path, "://" in text)
