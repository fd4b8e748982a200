"""Record types by number, as they stand on the wire, and by mnemonic."""

from __future__ import annotations

from functools import lru_cache

from labctl.protocols.dns_import import dns

A, NS, CNAME, SOA, PTR, AAAA, DNAME, OPT, DS = 1, 2, 5, 6, 12, 28, 39, 41, 43
RRSIG, NSEC, NSEC3, ANY, NXNAME = 46, 47, 50, 255, 128


@lru_cache(maxsize=512)
def type_text(rdtype: int) -> str:
    """The mnemonic of a type, TYPE123 when it has none."""
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rdtype))


@lru_cache(maxsize=512)
def type_number(text: str) -> int:
    """The number of a mnemonic or TYPE123. Raises ValueError."""
    try:
        return int(dns.rdatatype.from_text(text))
    except dns.exception.DNSException as error:
        raise ValueError(f"{text} is not a record type") from error
