"""The things that a resolver remembers, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from labctl.protocols.dns_import import dns
from labctl.protocols.dns_labels import Labels
from labctl.protocols.dns_wire import RR


class CacheEntry(NamedTuple):
    """One thing remembered, for showing. TTLs in seconds; `type` of a zone's servers is NS."""

    name: str
    type: str
    ttl_total: int
    ttl_left: int
    text: str
    negative: bool


class Cached(NamedTuple):
    """One thing remembered, for answering with: RRsets carry the TTL that is left.

    `rrsets` are the records and their signatures; `authority` what proves a "no" or a wildcard: SOA, NSEC,
    NSEC3 and their signatures. `rcode` is NOERROR or NXDOMAIN.
    """

    name: str
    type: str
    rcode: str
    negative: bool
    ttl_left: int
    rrsets: tuple[dns.rrset.RRset, ...]
    authority: tuple[dns.rrset.RRset, ...]


class Delegation(NamedTuple):
    """The servers of a zone as its parent named them, with the addresses that came along."""

    zone: Labels
    parent: Labels
    ns: tuple[Labels, ...]
    glue: tuple[tuple[Labels, str], ...]


@dataclass(slots=True)
class Kept:
    """An entry as it is held. `no` is "", "nodata" or "nxdomain"; `signed` when it was asked for with DO."""

    name: Labels
    rdtype: int
    ttl: int
    learnt: float
    no: str
    records: list[RR]
    signatures: list[RR]
    proof: list[RR]
    soa: RR | None
    signed: bool
