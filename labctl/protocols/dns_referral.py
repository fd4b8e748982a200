"""Referrals: on to the servers of a zone further down, with the addresses that may be believed (RFC 9471)."""

from __future__ import annotations

from labctl.protocols.dns_labels import Labels, is_at_or_below, to_text
from labctl.protocols.dns_meaning import Reading, lame
from labctl.protocols.dns_types import AAAA, DS, NS, A
from labctl.protocols.dns_wire import RR, Reply, Unreadable

_NOERROR = 0


def refers(reading: Reading, reply: Reply, name: Labels, rdtype: int, zone: Labels) -> bool:
    """Whether the reply sends us on, to servers of a zone below this one and at or above the name."""
    below = [
        rr
        for rr in reply.authority
        if rr.rdtype == NS and rr.rdclass == 1 and rr.owner != zone and is_at_or_below(rr.owner, zone)
    ]
    below = [rr for rr in below if is_at_or_below(name, rr.owner)]
    if not below or reply.rcode != _NOERROR or reading.soa is not None:
        return False
    child = max((rr.owner for rr in below), key=len)
    if rdtype == DS and child == name:
        reading.kind = "nodata"
        reading.notes.append("A referral in answer to a DS question: this server knows nothing of DNSSEC.")
        return True
    reading.kind, reading.zone = "referral", child
    if reply.aa:
        reading.notes.append("The referral has AA set, which belongs on answers only.")
    if reading.records or reading.steps:
        reading.scrubbed.extend(f"{rr} (said without authority)" for rr in reply.answer)
        reading.records, reading.steps, reading.signatures = [], [], []
        reading.final = name
    ttls = []
    for rr in below:
        if rr.owner != child:
            reading.scrubbed.append(f"{rr} (a second zone in one referral)")
            continue
        try:
            server = rr.target()
        except Unreadable as error:
            reading.scrubbed.append(f"{rr} (malformed: {error})")
            continue
        ttls.append(rr.ttl)
        if server not in reading.ns:
            reading.ns.append(server)
    _glue(reading, reply.additional, zone, ttls)
    reading.ttl = min(ttls, default=0)
    if not reading.ns:
        lame(reading, f"refers to {to_text(child)} and names no server that can be read")
    return True


def _glue(reading: Reading, additional: list[RR], zone: Labels, ttls: list[int]) -> None:
    """Addresses that came along: only for the servers named, and only when their names are in the
    asked zone.
    """
    servers = set(reading.ns)
    for rr in additional:
        if rr.rdclass != 1 or (rr.rdtype != A and rr.rdtype != AAAA):
            continue
        if not is_at_or_below(rr.owner, zone):
            reading.scrubbed.append(f"{rr} (outside {to_text(zone)})")
        elif rr.owner not in servers:
            reading.scrubbed.append(f"{rr} (not one of the servers named)")
        else:
            try:
                reading.glue.append((rr.owner, rr.address()))
                ttls.append(rr.ttl)
            except Unreadable as error:
                reading.scrubbed.append(f"{rr} (malformed: {error})")
