"""Keys made from a text, and signatures made when a question first needs them.

The keys protect nothing: anybody can derive them. ECDSA P-256 with SHA-256 (RFC 6605), one key per zone that
signs both the keys and the data (flags 257). dns.dnssec brings cryptography along, which costs as much as all
the rest of a start: it is imported when something is signed.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

import dns.name
from dns.dnssectypes import Algorithm, DSDigest
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rrset import RRset, from_rdata

from labctl.sandbox.town import Signing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

# The order of the group of P-256: a private key is a number from 1 to this minus 1.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_DAY = 86_400
KEY_TTL = 3600


@lru_cache(maxsize=128)
def private_key(text: str) -> EllipticCurvePrivateKey:
    """The P-256 key that belongs to this text."""
    from cryptography.hazmat.primitives.asymmetric import ec

    number = int.from_bytes(hashlib.sha256(f"labctl sandbox {text}".encode()).digest(), "big")
    return ec.derive_private_key(number % (_ORDER - 1) + 1, ec.SECP256R1())


@lru_cache(maxsize=128)
def public_key(text: str) -> DNSKEY:
    """The DNSKEY record of this text's key."""
    import dns.dnssec

    return dns.dnssec.make_dnskey(private_key(text).public_key(), Algorithm.ECDSAP256SHA256, flags=257)


def ds(zone: Name, text: str) -> DS:
    """The DS with which a parent vouches for this text's key at `zone` (SHA-256, RFC 4509)."""
    import dns.dnssec

    return dns.dnssec.make_ds(zone, public_key(text), DSDigest.SHA256)


def root_anchor() -> str:
    """The town's trust anchor: `. DS 12345 13 2 ABCD...`."""
    record = ds(dns.name.root, ".")
    digest = record.digest.hex().upper()
    return f". DS {record.key_tag} {int(record.algorithm)} {int(record.digest_type)} {digest}"


class Signer:
    """Signs RRsets of one zone, each once. `now` is POSIX seconds; signatures of one day agree."""

    def __init__(self, zone: Name, key: str, signing: Signing, now: float) -> None:
        self._zone = zone
        self._key = key
        midnight = int(now) // _DAY * _DAY
        expired, lasting = signing == "expired", signing == "lasting"
        self._inception = midnight - (60 if expired else 1) * _DAY
        self._expiration = midnight + (-30 if expired else 20 * 365 if lasting else 30) * _DAY
        self._kept: dict[tuple[Name, RdataType], RRset] = {}

    def keys(self) -> RRset:
        """The zone's DNSKEY set."""
        return from_rdata(self._zone, KEY_TTL, public_key(self._key))

    def signature(self, rrset: RRset) -> RRset:
        """The RRSIG over this set, as an RRset with the same owner."""
        import dns.dnssec

        which = (rrset.name, rrset.rdtype)
        if which not in self._kept:
            rrsig = dns.dnssec.sign(
                rrset,
                private_key(self._key),
                self._zone,
                public_key(self._key),
                inception=self._inception,
                expiration=self._expiration,
            )
            self._kept[which] = from_rdata(rrset.name, rrset.ttl, rrsig)
        return self._kept[which]
