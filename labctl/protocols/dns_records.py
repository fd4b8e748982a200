"""Records taken out of a message: as text for people, as RRsets for answering with."""

from __future__ import annotations

from collections.abc import Iterable

from labctl.protocols.dns_import import dns
from labctl.protocols.dns_labels import Labels, to_text
from labctl.protocols.dns_result import Record
from labctl.protocols.dns_types import RRSIG
from labctl.protocols.dns_wire import RR, Unreadable


def rrsets(records: Iterable[RR], ttl: int) -> tuple[dns.rrset.RRset, ...]:
    """Records as dnspython RRsets with the given TTL, those that cannot be read left out."""
    groups: dict[tuple[Labels, int, int], list[dns.rdata.Rdata]] = {}
    for rr in records:
        try:
            data = rr.rdata()
        except Unreadable:
            continue
        covering = covers(rr) if rr.rdtype == RRSIG else 0
        groups.setdefault((rr.owner, rr.rdtype, covering), []).append(data)
    return tuple(
        dns.rrset.from_rdata_list(dns.name.Name((*owner, b"")), ttl, data)
        for (owner, _, _), data in groups.items()
    )


def record(rr: RR, ttl: int | None = None) -> Record:
    """A record as text, with its own TTL or the one that is left."""
    return Record(to_text(rr.owner), rr.type, rr.ttl if ttl is None else ttl, data_text(rr))


def data_text(rr: RR) -> str:
    try:
        return rr.text()
    except Unreadable:
        return f"\\# {rr.end - rr.start} {rr.wire[rr.start : rr.end].hex()}"


def covers(rr: RR) -> int:
    return int.from_bytes(rr.wire[rr.start : rr.start + 2]) if rr.rdtype == RRSIG else 0
