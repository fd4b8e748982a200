"""The web sites of the town: who answers at which address, with which certificate, and in which manner."""

from __future__ import annotations

from typing import NamedTuple

HTTP, HTTPS = 80, 443
NOTHING: frozenset[str] = frozenset()

SHOP, SHOP_6 = "203.0.113.10", "2001:db8:10::10"
API, FRONT_ORIGIN = "203.0.113.11", "203.0.113.80"
ORIGIN, CDN, SLOW, SLOW_TLS, RAW, V6_HOLE = (f"203.0.113.{n}" for n in (181, 182, 183, 184, 185, 186))
ODD_TLS, NO_TLS, LOOK_ALIKE = (f"203.0.113.{n}" for n in (190, 191, 192))
# An address of IPv6 from which nothing ever comes back.
BLACK_HOLE = "2001:db8:dead::1"
_FRONT = ("104.21.48.200", "172.67.181.3")


class Site(NamedTuple):
    """A host and how it is served.

    `serves` is the key of a handler, or `edge:` and its profile, with `upstream` the host of the origin. `certificate`
    is a key of town_certificates, "" means that nobody speaks TLS on port 443; `plain` that port 80 is open.
    `protocols` are offered by ALPN, best first (none: no ALPN); `versions` are the lowest and the highest of TLS.
    `distance_ms` is the round trip to it, from wherever one asks.
    """

    host: str
    addresses: tuple[str, ...]
    serves: str
    certificate: str = "good"
    plain: bool = True
    protocols: tuple[str, ...] = ("h2", "http/1.1")
    versions: tuple[str, str] = ("1.2", "1.3")
    upstream: str = ""
    distance_ms: float = 14.0
    habits: frozenset[str] = NOTHING


def _odd(name: str, certificate: str = "good") -> Site:
    return Site(f"{name}.tls.test", (ODD_TLS,), "tls", certificate)


def _example(origin: str, number: int) -> tuple[Site, Site]:
    addresses = (f"203.0.113.{number}", f"2001:db8:80::{number}")
    return Site(origin, addresses, "example"), Site(f"www.{origin}", addresses, "example")


# Certificates that are wrong, each in its own way: those hosts are `<name>.tls.test`.
WRONG_CERTIFICATES = (
    "expired",
    "not-yet-valid",
    "wrong-name",
    "unknown-issuer",
    "untrusted-root",
    "missing-intermediate",
    "self-signed",
    "weak",
    "wrong-purpose",
    "name-in-cn",
)

SITES: tuple[Site, ...] = (
    Site("www.shop.test", (SHOP, SHOP_6), "edge:cloudflare", upstream="origin.shop.test"),
    Site("shop.test", (SHOP, SHOP_6), "apex"),
    Site("origin.shop.test", (ORIGIN,), "shop", distance_ms=30.0),
    Site("cdn.shop.test", (CDN,), "edge:rfc9111", upstream="origin.shop.test", distance_ms=6.0),
    Site("api.shop.test", (API,), "api"),
    Site("slow.shop.test", (SLOW,), "slow"),
    Site("slow-tls.shop.test", (SLOW_TLS,), "slow", habits=frozenset({"slow-tls:300"})),
    Site("raw.shop.test", (RAW,), "misbehaving"),
    Site("v6hole.shop.test", (V6_HOLE, BLACK_HOLE), "example"),
    *_example("example.com", 20),
    *_example("example.net", 30),
    *_example("example.org", 40),
    Site("www.front.test", _FRONT, "edge:cloudflare", upstream="origin.front.test", distance_ms=6.0),
    Site("front.test", _FRONT, "apex", distance_ms=6.0),
    Site("origin.front.test", (FRONT_ORIGIN,), "shop", distance_ms=30.0),
    *(_odd(name, name) for name in WRONG_CERTIFICATES),
    _odd("tls12")._replace(versions=("1.2", "1.2")),
    _odd("reset-on-sni")._replace(habits=frozenset({"reset-on-sni"})),
    _odd("no-alpn")._replace(protocols=()),
    Site("no-tls.tls.test", (NO_TLS,), "tls", certificate=""),
    Site("www.sh0p.test", (LOOK_ALIKE,), "tls", "look-alike"),
)
