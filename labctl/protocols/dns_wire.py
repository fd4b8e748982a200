"""One DNS reply, read just far enough to decide what to ask next (RFC 1035 section 4).

Owner names, types and TTLs are taken out of the bytes; the data of a record is read only when somebody
looks at it. A referral of the root has forty records of which a walk needs a handful, and dnspython's own
reader, which makes an object of every one, takes twenty times as long.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from labctl.protocols.dns_labels import Labels
from labctl.protocols.dns_rr import MAX_TTL, RR, Unreadable, address_text, name_at
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

_FIXED = struct.Struct("!HHIH")
_HEADER = struct.Struct("!HHHHHH")


class Garbage(NamedTuple):
    """Bytes from a peer that cannot be read, and why."""

    reason: str


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
        _, at = name_at(wire, at, seen)
        at += 4
        if at > len(wire):
            raise Unreadable("it ends in the middle of the question")
        spelt.append(wire[start:at])
    sections: list[list[RR]] = []
    for count in (answers, authorities, additionals):
        section = []
        for _ in range(count):
            owner, at = name_at(wire, at, seen)
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
