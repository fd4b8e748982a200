"""What one reply means as an answer to one question, asked of a server of one zone. A pure function.

The zone decides what the server is believed about: names at or below it, and servers of zones below it
(RFC 1034 section 5.3.3, RFC 2181 section 5.4.1, RFC 5452 section 6).
"""

from __future__ import annotations

from labctl.protocols.dns_alias import follow
from labctl.protocols.dns_labels import Labels, is_at_or_below, to_text, zone_text
from labctl.protocols.dns_meaning import Reading, lame
from labctl.protocols.dns_message import rcode_text
from labctl.protocols.dns_referral import refers
from labctl.protocols.dns_types import ANY, NS, NSEC, NSEC3, NXNAME, RRSIG, SOA
from labctl.protocols.dns_wire import RR, Reply, Unreadable

_NOERROR, _NXDOMAIN, _YXDOMAIN = 0, 3, 6
_IN = 1


def classify(reply: Reply, name: Labels, rdtype: int, zone: Labels, *, anyone: bool = False) -> Reading:
    """Judge a reply to (name, type) from a server believed to serve `zone`.

    `anyone`: the server was named by the user, so it need not be an authority for anything.
    """
    rcode = reply.rcode
    if rcode not in {_NOERROR, _NXDOMAIN, _YXDOMAIN}:
        return Reading("error", name, f"answers {rcode_text(rcode)}")
    answer = [rr for rr in reply.answer if rr.rdclass == _IN]
    followed = follow(name, rdtype, answer, zone)
    reading = Reading(
        "answer",
        followed.final,
        steps=followed.steps,
        records=followed.records,
        loop=followed.loop,
        overflow=followed.overflow,
    )
    dealt_with = {id(rr) for rr in followed.records}
    for rr, why in followed.wrong:
        if id(rr) not in dealt_with:
            dealt_with.add(id(rr))
            reading.scrubbed.append(f"{rr} ({why})")
    _drop_malformed(reading)
    _scrub_answer(reading, reply.answer, rdtype, zone, dealt_with)
    _authority(reading, [rr for rr in reply.authority if rr.rdclass == _IN], zone)
    if rcode == _YXDOMAIN and not reading.overflow:
        reading.kind, reading.why = (
            "error",
            "answers YXDOMAIN without a DNAME that would make the name too long",
        )
        return reading
    if followed.records and not reading.records:
        reading.kind, reading.why = "garbage", "answers with records that cannot be read"
        return reading
    speaks = reply.aa or anyone
    if not speaks and refers(reading, reply, name, rdtype, zone):
        return reading
    if reading.records:
        if rcode == _NXDOMAIN:
            reading.notes.append("The reply says NXDOMAIN and gives records of the name all the same.")
        if not speaks:
            lame(reading, "gives an answer without authority (AA is not set)")
    elif reading.overflow:
        reading.kind = "alias" if speaks else "lame"
    elif reading.steps and not is_at_or_below(reading.final, zone):
        _alias(reading, speaks)
    elif _is_negative(reading, reply, speaks):
        _negative(reading, reply)
    elif reading.steps:
        _alias(reading, speaks)
    elif not refers(reading, reply, name, rdtype, zone):
        _no_records(reading, reply, speaks, zone)
    return reading


def _alias(reading: Reading, speaks: bool) -> None:
    reading.kind = "alias"
    if not speaks:
        lame(reading, "names an alias without authority (AA is not set)")


def _is_negative(reading: Reading, reply: Reply, speaks: bool) -> bool:
    return speaks and not reading.loop and (reply.rcode == _NXDOMAIN or reading.soa is not None)


def _negative(reading: Reading, reply: Reply) -> None:
    """NXDOMAIN and NODATA (RFC 2308 section 2); the code belongs to the last name of the chain (RFC 6604)."""
    reading.kind = "nxdomain" if reply.rcode == _NXDOMAIN else "nodata"
    if reading.kind == "nodata" and any(_denies_name(rr, reading.final) for rr in reply.authority):
        reading.kind = "nxdomain"
        reading.notes.append(
            "NOERROR, but an NSEC record with NXNAME says that the name does not exist (RFC 9824)."
        )
    if reading.soa is None:
        reading.notes.append("No SOA record came with it, so it may not be remembered (RFC 2308 section 5).")
        return
    try:
        minimum = reading.soa.rdata().minimum  # type: ignore[attr-defined]
    except (Unreadable, AttributeError):
        reading.notes.append("The SOA record that came with it is malformed.")
        reading.soa = None
        return
    reading.negative_ttl = min(reading.soa.ttl, minimum)


def _denies_name(rr: RR, name: Labels) -> bool:
    """A compact denial: the NSEC of the name itself lists NXNAME, type 128 (RFC 9824 section 3.1)."""
    if rr.rdtype != NSEC or rr.owner != name:
        return False
    data = rr.wire[rr.start : rr.end]
    at = 0
    while at < len(data) and data[at]:  # over the next owner's name, which is never compressed
        at += data[at] + 1
    at += 1
    while at + 2 <= len(data):
        window, length = data[at], data[at + 1]
        octet = NXNAME >> 3
        if window == 0 and length > octet and at + 2 + octet < len(data):
            return bool(data[at + 2 + octet] & 0x80 >> (NXNAME & 7))
        at += 2 + length
    return False


def _no_records(reading: Reading, reply: Reply, speaks: bool, zone: Labels) -> None:
    owners = {rr.owner for rr in reply.authority if rr.rdtype == NS}
    if not speaks:
        if reply.rcode == _NXDOMAIN:
            lame(reading, "says NXDOMAIN without authority (AA is not set)")
        elif zone in owners:
            lame(reading, f"refers to {zone_text(zone)} itself")
        elif up := [owner for owner in owners if is_at_or_below(zone, owner)]:
            lame(reading, f"refers upwards, to {zone_text(up[0])}")
        elif owners:
            lame(reading, f"refers sideways, to {to_text(min(owners))}")
        else:
            lame(reading, "neither answers nor refers to another server")
        return
    up = [owner for owner in owners if is_at_or_below(zone, owner)]
    if not reply.aa and up:
        lame(reading, f"does not know, and points to {zone_text(up[0])}")
        return
    _negative(reading, reply)


def _drop_malformed(reading: Reading) -> None:
    good = []
    for rr in reading.records:
        try:
            rr.text()
            good.append(rr)
        except Unreadable as error:
            reading.scrubbed.append(f"{rr} (malformed: {error})")
            reading.notes.append(f"A malformed {rr.type} record: {error}.")
    reading.records = good


def _scrub_answer(reading: Reading, answer: list[RR], rdtype: int, zone: Labels, used: set[int]) -> None:
    names = {reading.final} if reading.records else set()
    for step in reading.steps:
        names |= {step.owner, step.record.owner}
        used = used | {id(step.record), *map(id, step.also)}
    for rr in answer:
        if id(rr) in used:
            continue
        if rr.rdclass != _IN:
            reading.scrubbed.append(f"{rr} (of another class than IN)")
        elif rr.rdtype == RRSIG and rr.owner in names and rdtype != ANY:
            reading.signatures.append(rr)
        elif not is_at_or_below(rr.owner, zone):
            reading.scrubbed.append(f"{rr} (outside {to_text(zone)})")
        else:
            reading.scrubbed.append(f"{rr} (not asked for)")


def _authority(reading: Reading, authority: list[RR], zone: Labels) -> None:
    for rr in authority:
        if rr.rdtype == NS:
            if not is_at_or_below(rr.owner, zone) and reading.records:
                reading.scrubbed.append(f"{rr} (outside {to_text(zone)})")
        elif not is_at_or_below(rr.owner, zone):
            reading.scrubbed.append(f"{rr} (outside {to_text(zone)})")
        elif rr.rdtype == SOA:
            if is_at_or_below(reading.final, rr.owner) and reading.soa is None:
                reading.soa = rr
                reading.proof.append(rr)
        elif rr.rdtype in {NSEC, NSEC3, RRSIG}:
            reading.proof.append(rr)
