"""The top of the tree: the root and the top-level zones, on the addresses that they have in the real world.

Root servers as in the IANA root hints (b.root-servers.net with its addresses since November 2023), gTLD
servers as in the root zone. `test.` is nobody's in the real world (RFC 2606); its servers are in TEST-NET-1.
"""

from __future__ import annotations

from labctl.sandbox.town import TownServer, ZoneFile
from labctl.sandbox.town_records import DAY, Host, addresses, apex, delegation

ROOT = tuple(
    Host(f"{letter}.root-servers.net.", v4, v6)
    for letter, v4, v6 in (
        ("a", "198.41.0.4", "2001:503:ba3e::2:30"),
        ("b", "170.247.170.2", "2801:1b8:10::b"),
        ("c", "192.33.4.12", "2001:500:2::c"),
        ("d", "199.7.91.13", "2001:500:2d::d"),
        ("e", "192.203.230.10", "2001:500:a8::e"),
        ("f", "192.5.5.241", "2001:500:2f::f"),
        ("g", "192.112.36.4", "2001:500:12::d0d"),
        ("h", "198.97.190.53", "2001:500:1::53"),
        ("i", "192.36.148.17", "2001:7fe::53"),
        ("j", "192.58.128.30", "2001:503:c27::2:30"),
        ("k", "193.0.14.129", "2001:7fd::1"),
        ("l", "199.7.83.42", "2001:500:9f::42"),
        ("m", "202.12.27.33", "2001:dc3::35"),
    )
)
GTLD = tuple(
    Host(f"{letter}.gtld-servers.net.", v4, v6)
    for letter, v4, v6 in (
        ("a", "192.5.6.30", "2001:503:a83e::2:30"),
        ("b", "192.33.14.30", "2001:503:231d::2:30"),
        ("c", "192.26.92.30", "2001:503:83eb::30"),
        ("d", "192.31.80.30", "2001:500:856e::30"),
        ("e", "192.12.94.30", "2001:502:1ca1::30"),
        ("f", "192.35.51.30", "2001:503:d414::30"),
        ("g", "192.42.93.30", "2001:503:eea3::30"),
        ("h", "192.54.112.30", "2001:502:8cc::30"),
        ("i", "192.43.172.30", "2001:503:39c1::30"),
        ("j", "192.48.79.30", "2001:502:7094::30"),
        ("k", "192.52.178.30", "2001:503:d2d::30"),
        ("l", "192.41.162.30", "2001:500:d937::30"),
        ("m", "192.55.83.30", "2001:501:b1f9::30"),
    )
)
ORG = (
    Host("b0.org.afilias-nst.org.", "199.19.54.1", "2001:500:c::1"),
    Host("b2.org.afilias-nst.org.", "199.249.120.1", "2001:500:48::1"),
    Host("d0.org.afilias-nst.org.", "199.19.57.1", "2001:500:f::1"),
)
TEST = (
    Host("a.nic.test.", "192.0.2.1", "2001:db8:1::1"),
    Host("b.nic.test.", "192.0.2.2", "2001:db8:1::2"),
)
ARPA = (Host("a.ns.arpa.", "192.0.2.5", "2001:db8:1::5"),)

TOP_SERVERS = tuple(TownServer(h.name, h.addresses, "root") for h in ROOT) + tuple(
    TownServer(h.name, h.addresses, "tld") for h in GTLD + ORG + TEST + ARPA
)


def top_zones() -> tuple[ZoneFile, ...]:
    """The root, root-servers.net (unsigned, as in the real world), com, net, org and test."""
    from labctl.sandbox.town_leaves import delegations_under

    roots = tuple(h.v4 for h in ROOT)
    gtlds = tuple(h.v4 for h in GTLD)
    root = (
        *apex(
            ".",
            ROOT,
            primary="a.root-servers.net.",
            mailbox="nstld.verisign-grs.com.",
            ttl=6 * DAY,
            soa_ttl=DAY,
            minimum=DAY,
        ),
        *addresses(ROOT, 6 * DAY),
        *delegation("com.", GTLD, 2 * DAY),
        *delegation("net.", GTLD, 2 * DAY, glue=False),
        *delegation("org.", ORG, 2 * DAY),
        *delegation("test.", TEST, 2 * DAY),
        *delegation("arpa.", ARPA, 2 * DAY),
    )
    return (
        ZoneFile(".", root, roots),
        ZoneFile(
            "root-servers.net.",
            apex("root-servers.net.", ROOT, ttl=42 * DAY) + addresses(ROOT, 42 * DAY),
            roots,
            signing="unsigned",
        ),
        ZoneFile("com.", _top("com.", GTLD) + delegations_under("com."), gtlds),
        ZoneFile(
            "net.",
            _top("net.", GTLD)
            + addresses(GTLD, 2 * DAY)
            + delegation("root-servers.net.", ROOT, 2 * DAY)
            + delegations_under("net."),
            gtlds,
        ),
        ZoneFile(
            "org.",
            _top("org.", ORG) + addresses(ORG, 2 * DAY) + delegations_under("org."),
            tuple(h.v4 for h in ORG),
        ),
        ZoneFile(
            "test.",
            _top("test.", TEST) + addresses(TEST, 2 * DAY) + delegations_under("test."),
            tuple(h.v4 for h in TEST),
        ),
    )


def _top(origin: str, hosts: tuple[Host, ...]) -> tuple[str, ...]:
    return apex(origin, hosts, mailbox=f"hostmaster.nic.{origin}", ttl=2 * DAY, soa_ttl=900, minimum=900)
