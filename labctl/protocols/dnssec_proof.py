"""What a proof of denial says, and the rules about type bitmaps that NSEC and NSEC3 share.

Sources: RFC 4035 section 5.4, RFC 5155 section 8, RFC 6840 section 4, RFC 9824.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from labctl.protocols.dns_import import dns

if TYPE_CHECKING:
    from dns.rdtypes.ANY.NSEC import NSEC
    from dns.rdtypes.ANY.NSEC3 import NSEC3

NS = int(dns.rdatatype.NS)
CNAME = int(dns.rdatatype.CNAME)
SOA = int(dns.rdatatype.SOA)
DNAME = int(dns.rdatatype.DNAME)
DS = int(dns.rdatatype.DS)
NXNAME = 128  # RFC 9824 section 2; not in every release of dnspython

Meaning = Literal[
    "",
    "no-such-name",
    "no-such-type",
    "empty-non-terminal",
    "compact-denial",
    "no-closer-match",
    "insecure-delegation",
    "no-delegation",
    "opt-out",
    "too-many-iterations",
]


@dataclass(frozen=True)
class Proof:
    """What a set of verified NSEC or NSEC3 records proves. `text` is a sentence; `code` is "" when it holds.

    `insecure` is set when the records hold, but leave room for something unsigned (opt-out, RFC 5155
    section 9.2) or may not be relied on (iterations, RFC 9276): nothing is proven, and nothing is wrong.
    """

    ok: bool
    meaning: Meaning
    text: str
    code: str = ""
    insecure: bool = False
    note: str = ""


def missing(text: str, code: str = "denial-missing") -> Proof:
    """No proof: what was asked for does not follow from the records."""
    return Proof(False, "", text, code)


def types_of(record: NSEC | NSEC3) -> frozenset[int]:
    """The types in the bitmap of an NSEC or NSEC3 record."""
    return frozenset(
        window * 256 + octet * 8 + bit
        for window, bitmap in record.windows
        for octet, value in enumerate(bitmap)
        for bit in range(8)
        if value & (0x80 >> bit)
    )


def is_parent_side(types: frozenset[int]) -> bool:
    """A record from above a zone cut: it tells about the DS there, and about nothing else (RFC 6840 4.1)."""
    return NS in types and SOA not in types


def hides_below(types: frozenset[int]) -> bool:
    """A record that says nothing about names below its owner: a zone cut seen from above, or a DNAME."""
    return is_parent_side(types) or DNAME in types


def obstacle(types: frozenset[int], asked: int, name: dns.name.Name) -> str:
    """Why the bitmap at `name` does not prove that `asked` is absent there; "" when it does."""
    if asked in types:
        return f"its types include {dns.rdatatype.to_text(dns.rdatatype.RdataType.make(asked))}"
    if CNAME in types:
        return "there is a CNAME, which would have to be followed"
    if asked == DS:
        if SOA in types and name != dns.name.root:
            return "it is from below the zone cut, and a DS belongs above it"
    elif is_parent_side(types):
        return "it is from above the zone cut, where only the DS can be denied"
    return ""
