"""What was typed, and where it lives: a name or an address to look up, a server to ask, the sandbox or the
world.

Pure. What cannot be meant raises UsageError with the command that probably was.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from labctl.errors import UsageError
from labctl.protocols import dns_names
from labctl.protocols.root_hints import GTLD_ADDRESSES, ROOT_SERVERS

_TOP_ADDRESSES = {ipaddress.ip_address(each) for _, addresses in ROOT_SERVERS for each in addresses}
_TOP_ADDRESSES |= set(map(ipaddress.ip_address, GTLD_ADDRESSES))
# Addresses that no site of the real internet has: the town is built of them.
_TOWN_NETWORKS = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)
_SITES_IN_BOTH = {"example.com", "example.net", "example.org"}
_ZONES_IN_BOTH = {
    "",
    "com",
    "net",
    "org",
    "arpa",
    "in-addr.arpa",
    "ip6.arpa",
    "root-servers.net",
    "gtld-servers.net",
}
_DEFAULT_PORTS = {"udp": 53, "tcp": 53, "tls": 853, "https": 443}

Place = Literal["sandbox", "live", "both", "local"]


class Target(NamedTuple):
    """What to look up. `name` is absolute A-label text, `display` the same for people.

    An address means its reverse name: `address` is then that address, and `type` is "PTR" instead of "".
    """

    typed: str
    name: str
    display: str
    address: str = ""
    type: str = ""


def target(text: str, *, command: str = "labctl dns") -> Target:
    """Read what stands where a name is expected.

    `command` begins the pasteable fix. Raises UsageError: name-is-url, name-is-server, name-has-port,
    name-is-mail, name-is-network, and what `dns_names.parse_name` finds.
    """
    typed = text
    text = text.strip()
    if text.startswith("@"):
        raise _meant(
            "name-is-server", f"{text} is a server, not a name", f"{command} example.com --server {text[1:]}"
        )
    if "://" in text:
        host = _host_of(text)
        raise _meant("name-is-url", f"{text} is a URL, not a name", f"{command} {host}" if host else "")
    if (address := _address(text)) is not None:
        name = dns_names.reverse_name(str(address))
        return Target(typed, name, name, str(address), "PTR")
    if "/" in text:
        first, _, rest = text.partition("/")
        if _address(first) is not None and rest.isdigit():
            raise _meant("name-is-network", f"{text} is a network, not an address", f"{command} {first}")
        host = _host_of(f"//{text}")
        raise _meant(
            "name-is-url",
            f"{text} is a URL without its scheme, not a name",
            f"{command} {host}" if host else "",
        )
    if (match := re.fullmatch(r"(.+):(\d{1,5})", text)) is not None:
        raise _meant(
            "name-has-port",
            f"{text} has a port, and names have none; HTTPS records may tell one",
            f"{command} {match[1].strip('[]')}",
        )
    if (match := re.fullmatch(r"[^@\s]+@([^@\s]+\.[^@\s]+)", text)) is not None:
        if _address(match[1]) is not None:
            host = text.partition("@")[0]
            raise _meant(
                "name-is-server", f"{text} names a server too", f"{command} {host} --server {match[1]}"
            )
        raise _meant("name-is-mail", f"{text} is a mail address", f"{command} {match[1]} --type MX")
    if re.fullmatch(r"\d+(\.\d+){3}\.?", text):
        raise UsageError("address-invalid", f"{text} looks like an IPv4 address and is none")
    parsed = dns_names.parse_name(text)
    return Target(typed, parsed.ascii, parsed.unicode)


def _meant(code: str, headline: str, fix: str) -> UsageError:
    # A fix is there to be pasted into a shell: nothing that a shell would act on.
    return UsageError(code, f"{headline}.", fixes=(fix,) if re.fullmatch(r"[\w.:%# -]+", fix) else ())


def _host_of(url: str) -> str:
    """The host of a URL as text that is safe to paste, or ""."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host if re.fullmatch(r"[\w.:-]+", host) else ""


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address as people write it: in brackets, or with the zone of a link."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


class ServerAddress(NamedTuple):
    """A server to ask. `address` is "" when only a name was given, which has to be looked up first.

    `name` is what a certificate must carry ("" when only an address was given).
    """

    address: str
    port: int
    name: str = ""

    @property
    def host(self) -> str:
        """The address, or the name when there is no address."""
        return self.address or self.name


def server_address(text: str, *, via: str = "udp") -> ServerAddress:
    """Read `--server`: 1.1.1.1, 1.1.1.1:53, ::1, [::1]:53, dns.quad9.net, 9.9.9.9#dns.quad9.net, a DoH URL.

    A leading @ (dig) is allowed; `#name` behind an address is the certificate's name, as systemd-resolved
    writes it; `via` gives the port when none is written. Raises UsageError server-address or server-port.
    """
    rest = text.strip().removeprefix("@")
    port = ""
    if "://" in rest:
        rest = _from_url(text, rest, via)
    rest, _, certificate = rest.partition("#")
    if (match := re.fullmatch(r"\[([^\]]*)\](?::(.*))?", rest)) is not None:
        host, port = match[1], match[2] or ""
        if ":" not in host or _address(host) is None:
            raise _unreadable(text)
    elif rest.count(":") == 1:
        host, _, port = rest.partition(":")
        if not port:
            raise _bad_port(text, port)
    else:
        host = rest
    if port and not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
        raise _bad_port(text, port)
    number = int(port) if port else _DEFAULT_PORTS[via]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not host or certificate or ":" in host or re.fullmatch(r"[\d.]+", host):
            raise _unreadable(text) from None
        return ServerAddress("", number, dns_names.parse_name(host).ascii.rstrip("."))
    name = dns_names.parse_name(certificate).ascii.rstrip(".") if certificate else ""
    return ServerAddress(host, number, name)


def _from_url(text: str, url: str, via: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _unreadable(text) from None
    if parts.scheme != "https" or via != "https" or parts.path not in {"", "/", "/dns-query"} or parts.query:
        raise UsageError(
            "server-address",
            f"{text} cannot be asked: a URL must be https://HOST/dns-query, together with --via https.",
            fixes=(f"labctl dns example.com --server {parts.hostname} --via https",) if _host_of(url) else (),
        )
    return parts.netloc.rpartition("@")[2]


def _unreadable(text: str) -> UsageError:
    return UsageError(
        "server-address",
        f"{text or '(nothing)'} is no server address: write an IP address or a name, and a port.",
        evidence=(("for example", "1.1.1.1, 1.1.1.1:53, [::1]:5353, dns.quad9.net, 9.9.9.9#dns.quad9.net"),),
    )


def _bad_port(text: str, port: str) -> UsageError:
    return UsageError("server-port", f"the port of {text} is {port or 'missing'}: ports are 1 to 65535.")


def place(name: str, town_names: Collection[str] = ()) -> Place:
    """Where a name or address lives (DESIGN.md section 6).

    `town_names` are names and zones that only the town has, besides everything under test. Addresses for
    documentation, and their reverse names, are the town's; the root, com, net, org, their servers and
    example.com, .net and .org with www are in both; the rest is on the real internet only.
    """
    plain = name.strip().rstrip(".").lower()
    address = _address(plain) or _of_reverse_name(plain)
    if address is not None:
        if address in _TOP_ADDRESSES:
            return "both"
        return "sandbox" if any(address in network for network in _TOWN_NETWORKS) else "live"
    if plain in _ZONES_IN_BOTH or plain.removeprefix("www.") in _SITES_IN_BOTH:
        return "both"
    above = {plain.split(".", depth)[-1] for depth in range(plain.count(".") + 1)}
    town = {each.strip().rstrip(".").lower() for each in town_names} - _ZONES_IN_BOTH - _SITES_IN_BOTH
    if "test" in above or above & town:
        return "sandbox"
    # Names under a zone of both: the root's and TLDs' servers exist in both, and so does their "no".
    if above & (_SITES_IN_BOTH | {"root-servers.net", "gtld-servers.net"}):
        return "both"
    return "live"


def _of_reverse_name(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    labels = name.split(".")
    try:
        if name.endswith(".in-addr.arpa") and len(labels) == 6:
            return ipaddress.IPv4Address(".".join(reversed(labels[:4])))
        if name.endswith(".ip6.arpa") and len(labels) == 34:
            digits = "".join(reversed(labels[:32]))
            return ipaddress.IPv6Address(int(digits, 16)) if re.fullmatch(r"[0-9a-f]{32}", digits) else None
    except ValueError:
        return None
    return None
