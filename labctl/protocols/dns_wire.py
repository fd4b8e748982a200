"""One DNS reply, read just far enough to decide what to ask next (RFC 1035 section 4).

Owner names, types and TTLs are taken out of the bytes; the data of a record is read only when somebody
looks at it. A referral of the root has forty records of which a walk needs a handful, and dnspython's own
reader, which makes an object of every one, takes twenty times as long.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from labctl.protocols.dns_import import dns
from labctl.protocols.dns_labels import Labels, to_text
from labctl.protocols.dns_types import (
    AAAA,
    ANY,
    CNAME,
    DNAME,
    DS,
    NS,
    NSEC,
    NSEC3,
    NXNAME,
    OPT,
    PTR,
    RRSIG,
    SOA,
    A,
    type_number,
    type_text,
)  # fmt: skip

__all__ = [
    "AAAA",
    "ANY",
    "CNAME",
    "DNAME",
    "DS",
    "MAX_TTL",
    "NS",
    "NSEC",
    "NSEC3",
    "NXNAME",
    "OPT",
    "PTR",
    "RR",
    "RRSIG",
    "SOA",
    "A",
    "Garbage",
    "Reply",
    "Unreadable",
    "address_text",
    "parse",
    "type_number",
    "type_text",
]  # fmt: skip

MAX_TTL = 604_800  # seven days: RFC 8767 section 4 recommends this cap
_FIXED = struct.Struct("!HHIH")
_HEADER = struct.Struct("!HHHHHH")


class Unreadable(Exception):  # noqa: N818, it is the bytes that are at fault
    """Bytes that are no DNS message, or a record whose data is not what its type says."""


@dataclass(frozen=True)
class Garbage:
    """Bytes from a peer that cannot be read, and why."""

    reason: str


@dataclass(slots=True)
class RR:
    """A record as a place in a message: `wire[start:end]` is its data. `raw_ttl` is what stood there."""

    owner: Labels
    rdtype: int
    rdclass: int
    raw_ttl: int
    wire: bytes
    start: int
    end: int

    @property
    def ttl(self) -> int:
        """Seconds; a TTL with the top bit set means "very long", hence the cap (RFC 8767 section 4)."""
        return self.raw_ttl if self.raw_ttl < 0x80000000 else MAX_TTL

    @property
    def type(self) -> str:
        return type_text(self.rdtype)

    def target(self) -> Labels:
        """The name in the data of NS, CNAME, DNAME, PTR, or an SOA's first. Raises Unreadable."""
        try:
            name, at = _name(self.wire, self.start, {})
        except IndexError:
            raise Unreadable("a name runs over the end of the message") from None
        if at != self.end and self.rdtype != SOA:
            raise Unreadable("its name does not fill the record")
        return name

    def address(self) -> str:
        """Text of an A or AAAA record's address. Raises Unreadable."""
        if self.end - self.start != (4 if self.rdtype == A else 16):
            raise Unreadable(f"an address of {self.end - self.start} octets")
        return address_text(self.wire[self.start : self.end])

    def rdata(self) -> dns.rdata.Rdata:
        """The data as dnspython reads it. Raises Unreadable."""
        try:
            return dns.rdata.from_wire(
                dns.rdataclass.RdataClass.make(self.rdclass),
                dns.rdatatype.RdataType.make(self.rdtype),
                self.wire,
                self.start,
                self.end - self.start,
            )
        except (
            Exception
        ) as error:  # dnspython lets ValueError, struct.error and others through: all mean the same
            raise Unreadable(str(error) or type(error).__name__) from error

    def text(self) -> str:
        """The data in presentation form. Raises Unreadable."""
        if self.rdtype in {A, AAAA}:
            return self.address()
        try:
            return self.rdata().to_text()
        except Unreadable:
            raise
        except Exception as error:
            raise Unreadable(str(error) or type(error).__name__) from error

    def __str__(self) -> str:
        try:
            data = self.text()
        except Unreadable:
            data = f"\\# {self.end - self.start} {self.wire[self.start : self.end].hex()}"
        return f"{to_text(self.owner)} {self.ttl} {self.type} {data}"


@dataclass(slots=True)
class Reply:
    """The parts of a reply. `rcode` has the eight high bits of EDNS in it; `question` is as spelt on
    the wire.
    """

    id: int
    flags: int
    rcode: int
    question: tuple[bytes, ...]
    answer: list[RR]
    authority: list[RR]
    additional: list[RR]
    edns: RR | None
    wire: bytes
    surplus: int

    @property
    def is_reply(self) -> bool:
        return bool(self.flags & 0x8000)

    @property
    def opcode(self) -> int:
        return self.flags >> 11 & 15

    @property
    def aa(self) -> bool:
        return bool(self.flags & 0x0400)

    @property
    def tc(self) -> bool:
        return bool(self.flags & 0x0200)

    @property
    def ra(self) -> bool:
        return bool(self.flags & 0x0080)

    @property
    def ad(self) -> bool:
        return bool(self.flags & 0x0020)


@lru_cache(maxsize=4096)
def address_text(octets: bytes) -> str:
    if len(octets) == 4:
        return ".".join(map(str, octets))
    return dns.ipv6.inet_ntoa(octets)


def parse(wire: bytes) -> Reply | Garbage:
    """Read a message. Never raises: what cannot be read is Garbage with the reason."""
    if len(wire) < 12:
        return Garbage(f"{len(wire)} octets, and a DNS header alone has 12")
    try:
        return _parse(wire)
    except (IndexError, struct.error):
        return Garbage("it ends in the middle of a record")
    except Unreadable as error:
        return Garbage(str(error))


def _parse(wire: bytes) -> Reply:
    ident, flags, questions, answers, authorities, additionals = _HEADER.unpack_from(wire)
    seen: dict[int, Labels] = {}
    at = 12
    spelt = []
    for _ in range(questions):
        start = at
        _, at = _name(wire, at, seen)
        at += 4
        if at > len(wire):
            raise Unreadable("it ends in the middle of the question")
        spelt.append(wire[start:at])
    sections: list[list[RR]] = []
    for count in (answers, authorities, additionals):
        section = []
        for _ in range(count):
            owner, at = _name(wire, at, seen)
            rdtype, rdclass, ttl, length = _FIXED.unpack_from(wire, at)
            at += 10
            if at + length > len(wire):
                raise Unreadable("a record runs over the end of the message")
            section.append(RR(owner, rdtype, rdclass, ttl, wire, at, at + length))
            at += length
        sections.append(section)
    edns = next((rr for rr in sections[2] if rr.rdtype == OPT), None)
    rcode = flags & 15
    if edns is not None:
        rcode |= edns.raw_ttl >> 24 << 4
    answer, authority, additional = sections
    return Reply(ident, flags, rcode, tuple(spelt), answer, authority, additional, edns, wire, len(wire) - at)


def _name(wire: bytes, at: int, seen: dict[int, Labels]) -> tuple[Labels, int]:
    """The name at an offset, and where what follows it begins. Pointers may only go back (RFC 1035
    section 4.1.4).
    """
    start = limit = at
    end = -1
    labels: list[bytes] = []
    length = 1
    while True:
        octet = wire[at]
        if octet == 0:
            if end < 0:
                end = at + 1
            break
        if octet < 64:
            label = wire[at + 1 : at + 1 + octet]
            length += octet + 1
            if len(label) != octet or length > 255:
                raise Unreadable("a name over 255 octets, or cut off")
            labels.append(label.lower())
            at += octet + 1
        elif octet >= 192:
            target = (octet & 63) << 8 | wire[at + 1]
            if end < 0:
                end = at + 2
            if target >= limit:
                raise Unreadable("a compressed name points forward or at itself")
            if (known := seen.get(target)) is not None:
                labels.extend(known)
                if sum(map(len, labels)) + len(labels) + 1 > 255:
                    raise Unreadable("a name over 255 octets")
                break
            at = limit = target
        else:
            raise Unreadable(f"a label of an unknown kind (0x{octet:02x})")
    name = tuple(labels)
    seen[start] = name
    return name, end
