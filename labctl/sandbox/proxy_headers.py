"""What a reverse proxy makes of a request's header fields: the manners of nginx and Apache, plain and repaired.

Measured against nginx 1.22 and Apache 2.4 (tests/labs/test_proxy_real.py asks them again). Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from labctl.protocols.http1 import Fields
from labctl.sandbox.edge_forwarding import HOP_BY_HOP, end_to_end

Manner = Literal["nginx-default", "nginx-recommended", "apache-default", "apache-repaired"]
FORWARDED = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-prefix", "forwarded")


class Hop(NamedTuple):
    """What a proxy knows about a request: who sent it, over which scheme, and where it goes."""

    peer: str
    scheme: str
    upstream: str
    server_name: str = "www.shop.test"


class Manners(NamedTuple):
    """`set`: field to what it says, `append`: fields whose list grows on the right. `{...}` are of the Hop, `{host}`
    is the client's Host. `takes_underscores`: a name with "_" passes. `heeds_connection`: what Connection lists is
    taken out (RFC 9110 section 7.6.1). `version`: of HTTP, that the app is asked in. `tidies`: dot segments and
    double slashes do not reach the app."""

    server: Literal["nginx", "apache"]
    keeps_host: bool
    set: tuple[tuple[str, str], ...] = ()
    append: tuple[tuple[str, str], ...] = ()
    takes_underscores: bool = True
    heeds_connection: bool = True
    version: Literal["1.0", "1.1"] = "1.1"
    tidies: bool = True


_APACHE = (
    ("X-Forwarded-For", "{peer}"),
    ("X-Forwarded-Host", "{host}"),
    ("X-Forwarded-Server", "{server_name}"),
)

_NGINX = Manners("nginx", False, takes_underscores=False, heeds_connection=False, version="1.0", tidies=False)

MANNERS: Mapping[str, Manners] = MappingProxyType(
    {
        "nginx-default": _NGINX,
        # As Flask's documentation has it.
        "nginx-recommended": _NGINX._replace(
            keeps_host=True,
            set=(
                ("X-Forwarded-Proto", "{scheme}"),
                ("X-Forwarded-Host", "{host}"),
                ("X-Forwarded-Prefix", "/"),
            ),
            append=(("X-Forwarded-For", "{peer}"),),
        ),
        "apache-default": Manners("apache", False, append=_APACHE),
        "apache-repaired": Manners(
            "apache",
            True,
            set=(("X-Forwarded-Proto", "{scheme}"), ("X-Forwarded-Prefix", "/")),
            append=_APACHE,
        ),
    }
)


def sent_on(
    fields: Fields, named: Mapping[str, str], manners: Manners, hop: Hop, habits: frozenset[str] = frozenset()
) -> Fields:
    """The fields of the request to the app, Host first. `habits` are faults (proxy_faults.py) of this proxy."""
    known = dict(named)
    if manners.heeds_connection:
        kept = end_to_end(fields, known)
    else:
        kept = tuple(pair for pair in fields if pair[0].lower() not in HOP_BY_HOP)
    host = _host(named.get("host", ""), manners, hop)
    words = {"peer": hop.peer, "scheme": hop.scheme, "host": host, "server_name": hop.server_name}
    changed: dict[str, tuple[str, str]] = {}
    for name, value in manners.set:
        changed[name.lower()] = (name, value.format_map(words))
    for name, value in manners.append:
        mine = value.format_map(words)
        if mine:
            changed[name.lower()] = (name, _grown(known.get(name.lower()), mine, name, habits))
    if "proxy-adds-proto" in habits:
        changed["x-forwarded-proto"] = ("X-Forwarded-Proto", hop.scheme)
    dropped = {"host", "expect", *changed}
    if "proxy-drops-forwarded" in habits:
        dropped.update(FORWARDED)
    passed = tuple(
        (name, value)
        for name, value in kept
        if name.lower() not in dropped and (manners.takes_underscores or "_" not in name)
    )
    first = ("Host", (host or hop.server_name) if manners.keeps_host else hop.upstream)
    return (first, *passed, *changed.values())


def _host(host: str, manners: Manners, hop: Hop) -> str:
    """nginx's $host has no port and no capitals, and is never empty; Apache takes the visitor's as it is."""
    if manners.server == "apache":
        return host
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower() or hop.server_name


def _grown(before: str | None, mine: str, name: str, habits: frozenset[str]) -> str:
    """The list with our entry: on the right, but for the faults."""
    if before is None:
        return mine
    if name == "X-Forwarded-For" and "proxy-overwrites" in habits:
        return mine
    if name == "X-Forwarded-For" and "proxy-peer-first" in habits:
        return f"{mine}, {before}"
    return f"{before}, {mine}"
