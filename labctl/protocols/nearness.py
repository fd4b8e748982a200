"""Where a host lives: in the town, on the real internet, in both, or near: on this machine or its own network.

Pure: names and addresses are judged as they are written, nothing is looked up.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from labctl.protocols.dns_target import Place
from labctl.protocols.dns_target import place as place_of_a_name
from labctl.protocols.url import Url, parse_url

# Names outside `test.` that only the town has.
TOWN_NAMES = ("resolver.example.net", "shop-hosting.example.net")
_NEAR = tuple(
    map(
        ip_network,
        (
            # "This host on this network" (RFC 1122 section 3.2.1.3): a client that connects there stays here.
            *("0.0.0.0/8", "::/128"),
            *("127.0.0.0/8", "::1/128"),
            *("169.254.0.0/16", "fe80::/10"),  # link-local: RFC 3927, RFC 4291 section 2.5.6
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
            "fc00::/7",  # RFC 4193
        ),
    )
)


def place_of(host: str, town_names: Collection[str] = TOWN_NAMES) -> Place:
    """Where a name or address lives; `local` is what needs no internet to be reached."""
    where = place_of_a_name(host, town_names)
    return "local" if where == "live" and is_near(host) else where


def is_near(host: str) -> bool:
    """Whether a name or address is this machine's or its own network's; `.local` is mDNS (RFC 6762)."""
    name = _plain(host)
    if _is_localhost(name) or name.endswith(".local"):
        return True
    address = _address(name)
    return address is not None and any(address in network for network in _NEAR)


def is_this_machine(host: str) -> bool:
    """Whether a name or address is this machine's: `localhost` and names under it (RFC 6761), and loopback."""
    name = _plain(host)
    address = _address(name)
    return _is_localhost(name) or (address is not None and address.is_loopback)


def read_url(text: str) -> Url:
    """What was typed; without a scheme https is meant, and http on this machine. Raises UsageError."""
    url = parse_url(text)
    if "//" not in text and url.scheme == "https" and is_this_machine(url.host):
        return parse_url(text, default_scheme="http")
    return url


def _plain(host: str) -> str:
    return host.rstrip(".").lower()


def _is_localhost(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, without the zone of its link; ::ffff:a.b.c.d is a.b.c.d (RFC 4291 section 2.5.5.2)."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
