"""The town: one table of zones, name servers, manners and files. Data only; a fault maps a town to a town.

Records are lines of master-file text (RFC 1035 section 5) with absolute owner names, so that a fault is a
change to a few lines that a person can read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from labctl.internet import HostFiles

if TYPE_CHECKING:
    from labctl.sandbox.town_sites import Site

Signing = Literal["signed", "unsigned", "expired", "compact", "lasting"]
Behaviour = Literal["authoritative", "lame", "broken", "upward", "silent", "garbage", "forged", "recursive"]
ServerRole = Literal["root", "tld", "leaf", "resolver"]

_ADDRESS_RECORD = re.compile(r" IN (?:A|AAAA) (\S+)$")
NOTHING: Mapping[str, str] = MappingProxyType({})

# Milliseconds from the question's arrival to the answer's leaving, by role: the town's distances.
LATENCY_MS: Mapping[ServerRole, float] = {"resolver": 1.2, "root": 11.0, "tld": 18.0, "leaf": 14.0}


class ZoneFile(NamedTuple):
    """A zone as its operator wrote it. `servers` are the IPv4 addresses of the name servers that hold it.

    `signing`: `expired` has signatures that ran out a month ago, `lasting` ones that are good for 20 years
    (a fault), `compact` denies as in RFC 9824. `flattened`: an alias, and the address that it gives itself
    (a fault).
    `apex_alias`: a CNAME that answers whatever is asked of the apex (a fault). `unproven`: delegations for
    which the proof that no DS exists is left out (a fault).
    """

    origin: str
    records: tuple[str, ...]
    servers: tuple[str, ...]
    signing: Signing = "signed"
    apex_alias: str = ""
    unproven: frozenset[str] = frozenset()
    flattened: Mapping[str, str] = NOTHING


class TownServer(NamedTuple):
    """A name server: its first address is IPv4 and is its identity.

    `behaviour`: `lame` holds nothing and says REFUSED, `broken` says SERVFAIL to everything, `upward` refers
    to the root whatever is asked, `silent` never answers, `garbage` sends bytes that are no message, before
    the answer of `forged` comes another one with a wrong id, `recursive` resolves and remembers.
    `slower_ms` is added to the distance.
    """

    name: str
    addresses: tuple[str, ...]
    role: ServerRole
    behaviour: Behaviour = "authoritative"
    slower_ms: float = 0.0

    @property
    def latency_ms(self) -> float:
        """How long an answer is held back, in milliseconds."""
        return LATENCY_MS[self.role] + self.slower_ms


class AuthoritativeManners(NamedTuple):
    """How all authoritative servers behave. The defaults are right; a fault turns one."""

    says_recursion_available: bool = False
    truncates: bool = True
    nodata_is_nxdomain: bool = False
    wildcard_covers_all: bool = False
    refuses_cut_names: bool = False
    refers_with_authority: bool = False


class ResolverManners(NamedTuple):
    """How the recursive resolvers behave. The defaults are right; a fault turns one."""

    keeps_answers: bool = True
    keeps_denials: bool = True
    counts_down: bool = True
    claims_authority: bool = False


class TcpManners(NamedTuple):
    """How kernels, programs and the wire behave on the connections of the tcp lab. The defaults are right.

    `client_sysctls` and `server_sysctls` are kernel settings of the two sides; `swallowed` names what the wire never
    lets through: `resets`, `repeated-acks` (those with a SACK). The others are habits of the two programs, named
    for who has them; `meddler_acknowledges_ahead`: someone on the server's side acknowledges what was never sent.
    """

    client_sysctls: Mapping[str, str] = NOTHING
    server_sysctls: Mapping[str, str] = NOTHING
    swallowed: frozenset[str] = frozenset()
    client_holds_first_ack: bool = False
    client_sends_at_once: bool = False
    server_resets: bool = False
    server_acknowledges_at_once: bool = False
    server_leaves_at_end: bool = False
    server_reads_it_all: bool = False
    server_goes_on_talking: bool = False
    server_reads_to_the_end: bool = False
    meddler_acknowledges_ahead: bool = False


class Town(NamedTuple):
    """Everything there is. `ds_keys` maps a zone to the text of the key that its parent's DS is made from."""

    zones: tuple[ZoneFile, ...]
    servers: tuple[TownServer, ...]
    host_files: HostFiles
    resolver_address: str
    ds_keys: Mapping[str, str] = NOTHING
    authoritative: AuthoritativeManners = AuthoritativeManners()
    recursive: ResolverManners = ResolverManners()
    tcp: TcpManners = TcpManners()
    sites: tuple[Site, ...] = ()
    # Habits of web servers, edge and client that a fault switches on; a healthy town has none.
    web: frozenset[str] = frozenset()

    def zone(self, origin: str) -> ZoneFile:
        """The (first) zone of this name. Raises KeyError."""
        for zone in self.zones:
            if zone.origin == origin:
                return zone
        raise KeyError(origin)

    def server(self, address: str) -> TownServer | None:
        """Who holds this address (IPv4 or IPv6 text), or None."""
        return next((s for s in self.servers if address in s.addresses), None)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that somebody in the town has: servers, and what A and AAAA records point at."""
        found = {address: None for server in self.servers for address in server.addresses}
        for zone in self.zones:
            for line in zone.records:
                if match := _ADDRESS_RECORD.search(line):
                    found[match[1]] = None
        return tuple(found)

    def site(self, host: str) -> Site | None:
        """The site of this host name, without a dot at its end."""
        return next((site for site in self.sites if site.host == host), None)

    def with_site(self, host: str, change: Callable[[Site], Site]) -> Town:
        """The town with this site changed."""
        return self._replace(sites=tuple(change(s) if s.host == host else s for s in self.sites))

    def with_zone(self, origin: str, change: Callable[[ZoneFile], ZoneFile]) -> Town:
        """The town with this zone changed."""
        return self._replace(zones=tuple(change(z) if z.origin == origin else z for z in self.zones))

    def with_records(self, origin: str, change: Callable[[str], str | None]) -> Town:
        """The town with each record line of this zone changed, or left out when `change` gives None."""
        return self.with_zone(
            origin,
            lambda zone: zone._replace(
                records=tuple(new for old in zone.records if (new := change(old)) is not None)
            ),
        )


def healthy_town() -> Town:
    """The town without a fault."""
    from labctl.sandbox.town_files import HOST_FILES
    from labctl.sandbox.town_leaves import LEAF_SERVERS, LEAF_ZONES
    from labctl.sandbox.town_reverse import REVERSE_SERVERS, REVERSE_ZONES
    from labctl.sandbox.town_roots import TOP_SERVERS, top_zones
    from labctl.sandbox.town_sites import SITES

    below = LEAF_ZONES + REVERSE_ZONES
    return Town(
        zones=top_zones() + below,
        servers=TOP_SERVERS + REVERSE_SERVERS + LEAF_SERVERS,
        host_files=HOST_FILES,
        resolver_address="198.51.100.53",
        ds_keys={"wrong-ds.test.": "a key that wrong-ds.test. does not have"},
        sites=SITES,
    )
