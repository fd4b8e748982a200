"""One record as a place in a message, and the names in a message (RFC 1035 sections 4.1.3 and 4.1.4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from labctl.protocols.dns_import import dns
from labctl.protocols.dns_labels import Labels, to_text
from labctl.protocols.dns_types import AAAA, SOA, A, type_text

MAX_TTL = 604_800  # seven days: RFC 8767 section 4 recommends this cap


class Unreadable(Exception):
    """Bytes that are no DNS message, or a record whose data is not what its type says."""


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
            name, at = name_at(self.wire, self.start, {})
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


@lru_cache(maxsize=4096)
def address_text(octets: bytes) -> str:
    if len(octets) == 4:
        return ".".join(map(str, octets))
    return dns.ipv6.inet_ntoa(octets)


def name_at(wire: bytes, at: int, seen: dict[int, Labels]) -> tuple[Labels, int]:
    """The name at an offset, and where what follows it begins. Pointers may only go back (RFC 1035
    section 4.1.4).
    """
    if wire[at] >= 192 and (known := seen.get((wire[at] & 63) << 8 | wire[at + 1])) is not None:
        return known, at + 2
    start = limit = at
    hops = 0
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
            hops += 1
            if hops > 127:  # as many as a name can have labels
                raise Unreadable("a compressed name of pointers to pointers")
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
