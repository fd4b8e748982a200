"""The two kinds of edge, which are never mixed: whose caching rules, and what is added to messages.

`rfc9111` adds what RFC 9110 asks of a gateway. `cloudflare` adds what Cloudflare documents that it adds
(fundamentals/reference/http-headers), and says in Server that it is a simulation.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from labctl.errors import UsageError
from labctl.protocols import caching
from labctl.protocols.caching_model import CacheRules
from labctl.protocols.http1 import Fields, list_items

# Who we are in Via, Cache-Status and CDN-Loop.
PSEUDONYM = "labctl-edge"
# A request that came through us so often goes in a circle (RFC 9110 section 7.6.3).
MOST_LOOPS = 8
COLO = "LAB"
SIMULATES = "labctl-edge (simulates Cloudflare's documented defaults)"
PROFILES = ("rfc9111", "cloudflare")

# Fields that concern one connection only (RFC 9110 section 7.6.1), and what a gateway keeps to itself.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OURS = frozenset({"x-forwarded-for", "x-forwarded-proto", "via"})
_CF_REQUEST = frozenset({"cf-connecting-ip", "cf-ray", "cf-visitor", "cf-ipcountry", "cdn-loop"})
# What a trailer section may not carry through a gateway (RFC 9110 section 6.5.1).
_NO_TRAILERS = HOP_BY_HOP | {"content-length", "host", "content-encoding", "content-type", "content-range"}


class Profile:
    """What is particular about one kind of edge."""

    name: Literal["rfc9111", "cloudflare"] = "rfc9111"
    rules: CacheRules = caching.RFC9111_SHARED
    # Names (lower case) that an origin may send and a client never sees.
    hidden: frozenset[str] = frozenset()

    def ray(self) -> str:
        """The id of a request, "" where there are none."""
        return ""

    def request_fields(self, named: Mapping[str, str], client: str, scheme: str, ray: str) -> Fields:
        """What is added to a request on its way to the origin. `named` are the client's fields."""
        before = named.get("x-forwarded-for")
        chain = f"{before}, {client}" if before else client or "unknown"
        return (("X-Forwarded-For", chain), ("X-Forwarded-Proto", scheme))

    def response_fields(self, word: str, ray: str) -> Fields:
        """What is added to a response on its way to the client."""
        return ()

    def as_read(self, fields: Fields) -> Fields:
        """An origin's response fields as this edge reads them: with a fault (edge_habits.py) not as they are."""
        return fields


class Cloudflare(Profile):
    """Cloudflare's documented defaults. `seed` makes the ids repeatable."""

    name = "cloudflare"
    rules = caching.CLOUDFLARE
    hidden = frozenset(
        {
            "cloudflare-cdn-cache-control", "server", "cf-cache-status", "cf-ray",
            "x-accel-expires", "x-accel-redirect", "x-accel-buffering", "x-accel-charset", "x-accel-limit-rate",
        }
    )  # fmt: skip

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)

    def ray(self) -> str:
        return f"{self._random.getrandbits(64):016x}-{COLO}"

    def request_fields(self, named: Mapping[str, str], client: str, scheme: str, ray: str) -> Fields:
        loops = named.get("cdn-loop")
        return (
            *super().request_fields(named, client, scheme, ray),
            ("CF-Connecting-IP", client or "unknown"),
            ("CF-Ray", ray),
            ("CF-Visitor", f'{{"scheme":"{scheme}"}}'),
            ("CF-IPCountry", "XX"),
            ("CDN-Loop", f"{loops}, cloudflare" if loops else "cloudflare"),
        )

    def response_fields(self, word: str, ray: str) -> Fields:
        return (("CF-Cache-Status", word), ("CF-Ray", ray), ("Server", SIMULATES))


def profile_named(name: str, seed: int | None = None) -> Profile:
    """Raises UsageError `edge-profile-unknown`."""
    if name == "rfc9111":
        return Profile()
    if name == "cloudflare":
        return Cloudflare(seed)
    raise UsageError(
        "edge-profile-unknown",
        f"there is no profile {name!r} of an edge",
        evidence=(("there are", ", ".join(PROFILES)),),
        fixes=("--profile rfc9111",),
    )


def end_to_end(fields: Fields, named: dict[str, str]) -> Fields:
    """`fields` without those of one connection, and without what Connection lists; `named` loses them too."""
    dropped = HOP_BY_HOP & named.keys()
    if not dropped:
        return fields
    if "connection" in dropped and named["connection"].lower() not in ("keep-alive", "close"):
        dropped |= _listed(named["connection"])
    for name in dropped:
        named.pop(name, None)
    return tuple([pair for pair in fields if pair[0].lower() not in dropped])


def _listed(connection: str) -> frozenset[str]:
    """The names in a Connection value. Some fields cannot be lost that way."""
    return frozenset(list_items(connection)) - {"content-length", "host", "cache-control", "date"}


@lru_cache(maxsize=64)
def _dropped(withheld: frozenset[str], cloudflare: bool, chunked: bool, host: bool) -> frozenset[str]:
    dropped = withheld | _OURS | HOP_BY_HOP
    if cloudflare:
        dropped |= _CF_REQUEST
    if chunked:
        dropped |= {"content-length"}
    return dropped | {"host"} if host else dropped


def to_origin(
    profile: Profile,
    fields: Fields,
    named: Mapping[str, str],
    *,
    version: str,
    client: str,
    scheme: str,
    ray: str,
    host: str,
    chunked: bool,
    withheld: frozenset[str],
    conditions: Fields,
) -> Fields:
    """The fields of a request as the origin gets them; `named` are the client's by lower-case name.

    `host`: sent instead of the client's, if not "".
    """
    dropped = _dropped(withheld, profile.name == "cloudflare", chunked, host != "")
    if "connection" in named:
        dropped |= _listed(named["connection"])
    sent = [pair for pair in fields if pair[0].lower() not in dropped]
    if host:
        sent.insert(0, ("Host", host))
    sent += conditions
    if "te" in named and "trailers" in list_items(named["te"]):
        sent += (("TE", "trailers"), ("Connection", "TE"))
    if chunked:
        sent.append(("Transfer-Encoding", "chunked"))
    sent += profile.request_fields(named, client, scheme, ray)
    via = f"{version} {PSEUDONYM}"
    sent.append(("Via", f"{named['via']}, {via}" if "via" in named else via))
    return tuple(sent)


def passed_trailers(trailers: Fields) -> Fields:
    """The trailer fields that may go on."""
    return tuple(pair for pair in trailers if pair[0].lower() not in _NO_TRAILERS)


def loops(named: Mapping[str, str]) -> bool:
    """Whether a request has come through edges of this name too often."""
    return "via" in named and named["via"].count(PSEUDONYM) >= MOST_LOOPS
