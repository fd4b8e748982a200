"""The tree for addresses: arpa, in-addr.arpa, ip6.arpa, and their holders' zones (RFC 1035 section 3.5)."""

from __future__ import annotations

from labctl.sandbox.town import TownServer, ZoneFile
from labctl.sandbox.town_records import Host, addresses, apex, delegation

_ARPA = (Host("a.ns.arpa.", "192.0.2.5", "2001:db8:1::5"),)
_IN_ADDR = (Host("a.in-addr-servers.arpa.", "199.180.182.53", "2620:37:e000::53"),)
_IP6 = (Host("a.ip6-servers.arpa.", "199.253.182.182", "2001:500:86::86"),)
_HOLDER = (Host("ns1.example.net.", "203.0.113.55"), Host("ns2.example.net.", "203.0.113.56"))
_V6 = "8.b.d.0.1.0.0.2.ip6.arpa."


def _ip6(rest: str) -> str:
    """The reverse name of 2001:db8: followed by 24 more hexadecimal digits."""
    return ".".join(reversed(rest)) + "." + _V6


def _reverse(origin: str, *records: str) -> ZoneFile:
    return ZoneFile(
        origin,
        (*apex(origin, _HOLDER, mailbox="hostmaster.example.net.", minimum=600), *records),
        tuple(h.v4 for h in _HOLDER),
    )


_CHILDREN = {
    "113.0.203.in-addr.arpa.": (
        "10.113.0.203.in-addr.arpa. 3600 IN PTR host-10.shop-hosting.example.net.",
        "20.113.0.203.in-addr.arpa. 3600 IN PTR www.example.com.",
        "25.113.0.203.in-addr.arpa. 3600 IN PTR mail.shop.test.",
        "80.113.0.203.in-addr.arpa. 3600 IN PTR origin.front.test.",
    ),
    "2.0.192.in-addr.arpa.": ("53.2.0.192.in-addr.arpa. 3600 IN PTR resolver.example.net.",),
    "100.51.198.in-addr.arpa.": ("53.100.51.198.in-addr.arpa. 3600 IN PTR resolver.isp.example.net.",),
    _V6: (
        f"{_ip6('001000000000000000000010')} 3600 IN PTR host-10.shop-hosting.example.net.",
        f"{_ip6('008000000000000000000020')} 3600 IN PTR www.example.com.",
    ),
}


def _handed_on(parent: str) -> tuple[str, ...]:
    return tuple(
        line
        for child in _CHILDREN
        if child.endswith(f".{parent}")
        for line in delegation(child, _HOLDER, glue=False)
    )


def _middle(origin: str, hosts: tuple[Host, ...]) -> ZoneFile:
    return ZoneFile(
        origin,
        (*apex(origin, hosts, mailbox="nstld.iana.org.", minimum=600), *_handed_on(origin)),
        tuple(h.v4 for h in hosts),
    )


REVERSE_ZONES = (
    ZoneFile(
        "arpa.",
        (
            *apex("arpa.", _ARPA, mailbox="nstld.iana.org.", minimum=900),
            *addresses(_ARPA + _IN_ADDR + _IP6),
            *delegation("in-addr.arpa.", _IN_ADDR, glue=False),
            *delegation("ip6.arpa.", _IP6, glue=False),
        ),
        tuple(h.v4 for h in _ARPA),
    ),
    _middle("in-addr.arpa.", _IN_ADDR),
    _middle("ip6.arpa.", _IP6),
    *(_reverse(origin, *records) for origin, records in _CHILDREN.items()),
)
REVERSE_SERVERS = tuple(TownServer(h.name, h.addresses, "tld") for h in _IN_ADDR + _IP6)
