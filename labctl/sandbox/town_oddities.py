"""Zones under test. that are delegated, signed or linked in a way that a resolver must get right.

Most of them share two name servers of one hoster, as small zones do.
"""

from __future__ import annotations

from labctl.sandbox.town import Signing, TownServer, ZoneFile
from labctl.sandbox.town_records import DAY, Host, addresses, apex, delegation
from labctl.sandbox.town_sites import WRONG_CERTIFICATES

# The hoster's two machines; every zone calls them by names of its own.
HOSTER = ("203.0.113.63", "203.0.113.64")
LAME, BROKEN, UPWARD, SILENT, THIRD = (f"203.0.113.{n}" for n in (66, 67, 68, 69, 65))
GARBAGE, FORGED, SLOW = (f"203.0.113.{n}" for n in (90, 91, 92))


def _hosts(origin: str, *v4: str) -> tuple[Host, ...]:
    return tuple(Host(f"ns{i}.{origin}", address) for i, address in enumerate(v4 or HOSTER, start=1))


def _zone(
    origin: str,
    *more: str,
    hosts: tuple[Host, ...] = (),
    servers: tuple[str, ...] = HOSTER,
    signing: Signing = "signed",
    ttl: int = DAY,
    minimum: int = 120,
) -> ZoneFile:
    hosts = hosts or _hosts(origin)
    inside = tuple(h for h in hosts if h.name.endswith(origin))
    records = (*apex(origin, hosts, ttl=ttl, minimum=minimum), *addresses(inside), *more)
    return ZoneFile(origin, records, servers, signing)


def _site(origin: str, number: int) -> tuple[str, ...]:
    return (f"{origin} 300 IN A 203.0.113.{number}", f"www.{origin} 300 IN A 203.0.113.{number}")


def _security_site(origin: str, number: int) -> tuple[str, ...]:
    return (*_site(origin, number), f"*.wild.{origin} 300 IN A 203.0.113.{number}")


_EXAMPLE_NET = (Host("ns1.example.net.", "203.0.113.55"), Host("ns2.example.net.", "203.0.113.56"))
_CYCLIC, _CYCLIC2 = (Host(f"ns1.{z}", HOSTER[0]) for z in ("cyclic.test.", "cyclic2.test."))
_MISMATCH_ABOVE = _hosts("mismatch.test.")
_MISMATCH_BELOW = (_MISMATCH_ABOVE[0], Host("ns3.mismatch.test.", THIRD))

# The CDN serves the zone as well as the site; its servers have names in a zone of its own, as real ones do.
_CDN_ZONE = _hosts("cloudflare.com.", "203.0.113.96")
CDN = (Host("elliott.ns.cloudflare.com.", "203.0.113.94"), Host("lola.ns.cloudflare.com.", "203.0.113.95"))

# Sites whose certificate or manner is odd, by the label before tls.test.
_TLS = (
    *((name, "203.0.113.190") for name in (*WRONG_CERTIFICATES, "tls12", "reset-on-sni", "no-alpn")),
    ("no-tls", "203.0.113.191"),
)

ODD_ZONES: tuple[ZoneFile, ...] = (
    _zone("cloudflare.com.", *addresses(CDN), hosts=_CDN_ZONE, servers=(_CDN_ZONE[0].v4,)),
    _zone(
        "front.test.",
        "front.test. 300 IN A 104.21.48.200",
        "front.test. 300 IN A 172.67.181.3",
        "www.front.test. 300 IN A 104.21.48.200",
        "www.front.test. 300 IN A 172.67.181.3",
        "www.front.test. 300 IN HTTPS 1 . alpn=h3,h2 ipv4hint=104.21.48.200,172.67.181.3",
        "origin.front.test. 300 IN A 203.0.113.80",
        hosts=CDN,
        servers=tuple(h.v4 for h in CDN),
    ),
    _zone(
        "apex.test.",
        "apex.test. 60 IN A 104.21.48.200",
        "apex.test. 60 IN A 172.67.181.3",
        "apex.test. 300 IN HTTPS 0 www.front.test.",
        "www.apex.test. 300 IN CNAME www.front.test.",
    ),
    _zone(
        "chain.test.",
        *_site("chain.test.", 75),
        "a.chain.test. 300 IN CNAME b.example.net.",
        "loop.chain.test. 300 IN CNAME pool.chain.test.",
        "pool.chain.test. 300 IN CNAME loop.chain.test.",
        "lost.chain.test. 300 IN CNAME nowhere.example.com.",
    ),
    _zone(
        "glueless.test.",
        *_site("glueless.test.", 76),
        hosts=_EXAMPLE_NET,
        servers=tuple(h.v4 for h in _EXAMPLE_NET),
    ),
    _zone("cyclic.test.", *_site("cyclic.test.", 77), hosts=(_CYCLIC2,)),
    _zone("cyclic2.test.", *_site("cyclic2.test.", 77), hosts=(_CYCLIC,)),
    _zone(
        "half-lame.test.",
        *_site("half-lame.test.", 78),
        hosts=_hosts("half-lame.test.", LAME, HOSTER[1]),
        servers=(HOSTER[1],),
    ),
    _zone(
        "mismatch.test.",
        *_site("mismatch.test.", 79),
        "ns2.mismatch.test. 86400 IN A 203.0.113.64",
        hosts=_MISMATCH_BELOW,
        ttl=300,
        servers=(*HOSTER, THIRD),
    ),
    _zone(
        "forged.test.",
        *_site("forged.test.", 86),
        hosts=_hosts("forged.test.", FORGED),
        servers=(FORGED,),
    ),
    _zone("slow.test.", *_site("slow.test.", 87), hosts=_hosts("slow.test.", SLOW), servers=(SLOW,)),
    _zone("tls.test.", *(f"{name}.tls.test. 300 IN A {address}" for name, address in _TLS)),
    _zone("sh0p.test.", *_site("sh0p.test.", 192)),
    _zone("unsigned.test.", *_security_site("unsigned.test.", 81), signing="unsigned"),
    _zone("expired.test.", *_security_site("expired.test.", 82), signing="expired"),
    _zone("wrong-ds.test.", *_security_site("wrong-ds.test.", 83)),
    _zone(
        "compact.test.",
        *_site("compact.test.", 84),
        "a.ent.compact.test. 300 IN A 203.0.113.84",
        signing="compact",
        minimum=60,
    ),
)
ODD_DELEGATIONS: dict[str, tuple[str, ...]] = {
    **{
        z.origin: delegation(z.origin, _hosts(z.origin))
        for z in ODD_ZONES
        if z.servers == HOSTER and not z.origin.startswith("cyclic")
    },
    "cloudflare.com.": delegation("cloudflare.com.", _CDN_ZONE),
    "front.test.": delegation("front.test.", CDN, glue=False),
    "glueless.test.": delegation("glueless.test.", _EXAMPLE_NET, glue=False),
    "cyclic.test.": delegation("cyclic.test.", (_CYCLIC2,), glue=False),
    "cyclic2.test.": delegation("cyclic2.test.", (_CYCLIC,), glue=False),
    "mismatch.test.": delegation("mismatch.test.", _MISMATCH_ABOVE),
    "forged.test.": delegation("forged.test.", _hosts("forged.test.", FORGED)),
    "garbage.test.": delegation("garbage.test.", _hosts("garbage.test.", GARBAGE)),
    "slow.test.": delegation("slow.test.", _hosts("slow.test.", SLOW)),
    "half-lame.test.": delegation("half-lame.test.", _hosts("half-lame.test.", LAME, HOSTER[1])),
    "lame.test.": delegation("lame.test.", _hosts("lame.test.", LAME, BROKEN)),
    "dead.test.": delegation("dead.test.", _hosts("dead.test.", SILENT)),
    "upward.test.": delegation("upward.test.", _hosts("upward.test.", UPWARD)),
}

ODD_SERVERS = (
    *(TownServer(h.name, h.addresses, "leaf") for h in (*CDN, *_CDN_ZONE)),
    TownServer("ns1.hoster.test.", (HOSTER[0],), "leaf"),
    TownServer("ns2.hoster.test.", (HOSTER[1],), "leaf"),
    TownServer("ns3.hoster.test.", (THIRD,), "leaf"),
    TownServer("ns1.lame.test.", (LAME,), "leaf", "lame"),
    TownServer("ns2.lame.test.", (BROKEN,), "leaf", "broken"),
    TownServer("ns1.upward.test.", (UPWARD,), "leaf", "upward"),
    TownServer("ns1.dead.test.", (SILENT,), "leaf", "silent"),
    TownServer("ns1.garbage.test.", (GARBAGE,), "leaf", "garbage"),
    TownServer("ns1.forged.test.", (FORGED,), "leaf", "forged"),
    TownServer("ns1.slow.test.", (SLOW,), "leaf", slower_ms=400.0),
)
