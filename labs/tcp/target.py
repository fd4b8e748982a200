"""What was typed after `labctl tcp`: HOST, HOST:PORT, [ADDRESS]:PORT or a URL; and the address behind a name."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple
from urllib.parse import urlsplit

from labctl.errors import CannotRun, UsageError
from labctl.internet import Endpoint, Internet
from labctl.protocols.ip_addresses import is_address

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
# Where programs that are being written listen for a GET.
_PROGRAM_PORTS = (80, 8000, 8080, 5000, 3000)


class Target(NamedTuple):
    """Where to connect. `host` is a name without its trailing dot, or an address; `path` what a GET asks for.

    `scheme` is the URL's, in lower case; "" when no URL was typed.
    """

    host: str
    port: int = 80
    path: str = "/"
    scheme: str = ""

    @property
    def asks(self) -> bool:
        """Whether a GET is meant: by the URL, or where a web server is to be expected."""
        return self.scheme == "http" or (not self.scheme and self.port in _PROGRAM_PORTS)

    @property
    def place(self) -> str:
        """Host and port as a URL has them: `[::1]:8080`; without the port when the scheme says it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        known = _PORTS.get(self.scheme or ("https" if self.port == 443 else "http"))
        return host if self.port == known else f"{host}:{self.port}"

    @property
    def by_hand(self) -> str:
        """What makes the same connection without us."""
        scheme = self.scheme or ("https" if self.port == 443 else "http" if self.asks else "")
        if scheme in ("http", "https"):
            return f"curl -v {shlex.quote(f'{scheme}://{self.place}{self.path}')}"
        return f"nc -v {self.host} {self.port}"

    @property
    def address(self) -> str:
        """The host when it is an address already, else ""."""
        return self.host if is_address(self.host) else ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"


# The server that the lab brings along.
OURS = Target("www.shop.test")


def read_target(text: str) -> Target:
    """Read what was typed. Raises UsageError target-unreadable, target-port, and those of names."""
    rest, port, path, scheme = text.strip(), 80, "/", ""
    if "://" in rest:
        try:
            parts = urlsplit(rest)
            given = parts.port
        except ValueError:
            raise _unreadable(text) from None
        if parts.scheme.lower() not in _PORTS:
            raise UsageError(
                "target-unreadable",
                f"{parts.scheme}: is no scheme that names a TCP port here",
                fixes=("labctl tcp HOST:PORT",),
            )
        scheme = parts.scheme.lower()
        port = _PORTS[scheme] if given is None else given
        host = parts.hostname or ""
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    elif (match := re.fullmatch(r"\[([^\]]*)\](?::(\d*))?", rest)) is not None:
        host, port = match[1], _port(text, match[2])
    elif rest.count(":") == 1:
        host, _, number = rest.partition(":")
        port = _port(text, number)
    elif "[" in rest or "]" in rest:
        raise _unreadable(text, "an IPv6 address stands between two brackets")
    elif rest.count(":") > 1 and not is_address(rest):
        raise _unreadable(
            text, "there is room for one port, and an IPv6 address with a port stands in brackets"
        )
    else:
        host = rest
    if not 1 <= port <= 65535:
        raise UsageError("target-port", f"{port} is no port: ports are 1 to 65535")
    if "/" in host or not host:
        raise _unreadable(text)
    if not is_address(host):
        from labctl.protocols.dns_names import parse_name

        host = parse_name(host).ascii.rstrip(".") or host
    return Target(host, port, re.sub(r"[^!-~]", "", path), scheme)


def _port(text: str, number: str | None) -> int:
    if number is None:
        return 80
    if not number.isascii() or not number.isdigit():
        raise UsageError("target-port", f"the port of {text} is {number or 'missing'}: ports are 1 to 65535")
    return int(number[:6])


def _unreadable(text: str, why: str = "write HOST, HOST:PORT or a URL") -> UsageError:
    return UsageError(
        "target-unreadable",
        f"{text or '(nothing)'} is no target: {why}",
        fixes=("labctl tcp www.shop.test", "labctl tcp http://example.com/", "labctl tcp [::1]:8080"),
    )


def address_of(internet: Internet, target: Target, network_server: str = "") -> str:
    """The address to connect to. Raises CannotRun name-not-found."""
    if target.address:
        return target.address
    if target.host == OURS.host and network_server:
        return network_server
    return _looked_up(internet, target.host)


def _looked_up(internet: Internet, host: str) -> str:
    """The first A record that the configured resolver gives (AAAA when there is no A)."""
    from random import Random

    from labctl.protocols.dns_result import Server
    from labctl.protocols.dns_walk import Walk

    if not internet.resolvers:
        raise CannotRun("no-resolver", f"no resolver is configured that could find {host}")
    resolver: Endpoint = internet.resolvers[0]
    said = ""
    for kind in ("A", "AAAA"):
        machine = Walk(
            f"{host}.",
            kind,
            (),
            clock=internet.clock,
            random=Random(internet.seed) if internet.kind == "sandbox" else None,
            first=Server("", resolver.name or resolver.address, resolver.address, "given"),
            recursion_desired=True,
        )
        while (question := machine.next_question()) is not None:
            reply = internet.ask(
                resolver, question.wire, via=question.via, timeout=internet.timeout or question.timeout
            )
            said = machine.hear(reply.wire, failure=reply.failure or "timeout").text
        found = [r.text for r in machine.result.records if r.type == kind]
        if found:
            return found[0]
    raise CannotRun(
        "name-not-found",
        f"{host} has no address that could be found",
        evidence=(("asked", f"{resolver} for A and AAAA"), ("got", said)),
    )
