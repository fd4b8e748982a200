"""The two kinds of edge, which are never mixed: whose caching rules, and what is added to messages.

`rfc9111` adds what RFC 9110 asks of a gateway. `cloudflare` adds what Cloudflare documents that it adds
(fundamentals/reference/http-headers), and says in Server that it is a simulation.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Literal

from labctl.errors import UsageError
from labctl.protocols import caching
from labctl.protocols.caching_model import CacheRules
from labctl.protocols.http1 import Fields

# Who we are in Via, Cache-Status and CDN-Loop.
PSEUDONYM = "labctl-edge"
COLO = "LAB"
SIMULATES = "labctl-edge (simulates Cloudflare's documented defaults)"
PROFILES = ("rfc9111", "cloudflare")


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
