"""The zones at the ends of the tree that are plain or hold the lessons' records, and who is told about them.

Zones whose point is a broken or strange delegation are in town_oddities.py. Addresses of sites and name
servers are from the documentation ranges (RFC 5737, RFC 3849); only the CDN's are real, because a reader
looks them up in the CDN's published list.
"""

from __future__ import annotations

from labctl.sandbox.town import TownServer, ZoneFile
from labctl.sandbox.town_oddities import ODD_DELEGATIONS, ODD_SERVERS, ODD_ZONES
from labctl.sandbox.town_records import Host, addresses, apex, delegation
from labctl.sandbox.town_shop import SHOP, SHOP_ZONE

COM = (
    Host("ns1.example.com.", "203.0.113.53", "2001:db8:53::1"),
    Host("ns2.example.com.", "203.0.113.54", "2001:db8:53::2"),
)
NET = (
    Host("ns1.example.net.", "203.0.113.55", "2001:db8:53::3"),
    Host("ns2.example.net.", "203.0.113.56", "2001:db8:53::4"),
)
ORG = (
    Host("ns1.example.org.", "203.0.113.57", "2001:db8:53::5"),
    Host("ns2.example.org.", "203.0.113.58", "2001:db8:53::6"),
)


def _plain(origin: str, hosts: tuple[Host, ...], number: int, *more: str) -> ZoneFile:
    records = (
        *apex(origin, hosts, minimum=300),
        *addresses(hosts),
        f"{origin} 300 IN A 203.0.113.{number}",
        f"{origin} 300 IN AAAA 2001:db8:80::{number}",
        f"www.{origin} 300 IN A 203.0.113.{number}",
        f"www.{origin} 300 IN AAAA 2001:db8:80::{number}",
        *more,
    )
    return ZoneFile(origin, records, tuple(h.v4 for h in hosts))


EXAMPLE_COM = _plain(
    "example.com.",
    COM,
    20,
    "example.com. 300 IN MX 0 .",
    'example.com. 300 IN TXT "v=spf1 -all"',
)
EXAMPLE_NET = _plain(
    "example.net.",
    NET,
    30,
    "b.example.net. 300 IN CNAME www.example.com.",
    "resolver.example.net. 300 IN A 192.0.2.53",
    "resolver.isp.example.net. 300 IN A 198.51.100.53",
    "host-10.shop-hosting.example.net. 300 IN A 203.0.113.10",
)
EXAMPLE_ORG = _plain("example.org.", ORG, 40)

RESOLVERS = (
    TownServer("resolver.isp.example.net.", ("198.51.100.53", "2001:db8:100::53"), "resolver", "recursive"),
    TownServer("resolver.example.net.", ("192.0.2.53", "2001:db8:2::53"), "resolver", "recursive"),
)

LEAF_ZONES = (EXAMPLE_COM, EXAMPLE_NET, EXAMPLE_ORG, SHOP_ZONE, *ODD_ZONES)
LEAF_SERVERS = (
    *(TownServer(h.name, h.addresses, "leaf") for h in COM + NET + ORG + SHOP),
    *ODD_SERVERS,
    *RESOLVERS,
)

_DELEGATIONS = {
    "example.com.": delegation("example.com.", COM),
    "example.net.": delegation("example.net.", NET),
    "example.org.": delegation("example.org.", ORG),
    "shop.test.": delegation("shop.test.", SHOP),
    **ODD_DELEGATIONS,
}


def delegations_under(parent: str) -> tuple[str, ...]:
    """All lines with which this parent hands on its children."""
    return tuple(
        line for child, lines in _DELEGATIONS.items() if child.split(".", 1)[1] == parent for line in lines
    )
