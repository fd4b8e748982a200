"""A zone's keys: which of them its parent's DS records vouch for (RFC 4034 section 5, RFC 4035 5.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from labctl.protocols.dns_import import dns

if TYPE_CHECKING:
    from dns.rdtypes.ANY.DNSKEY import DNSKEY
    from dns.rdtypes.ANY.DS import DS

# What dnspython and cryptography verify. The ones with SHA-1 (5 and 7) are still verified by most validators.
SUPPORTED_ALGORITHMS = frozenset({5, 7, 8, 10, 13, 14, 15, 16})
DIGESTS = {1: ("SHA-1", "sha1"), 2: ("SHA-256", "sha256"), 4: ("SHA-384", "sha384")}
# Keys and signatures, or keys and digests, tried for one RRset (CVE-2023-50387, KeyTrap).
MAX_PAIRS = 16

ZONE_KEY = 0x0100
REVOKED = 0x0080


@dataclass(frozen=True)
class KeysTrusted:
    """What came of comparing a DNSKEY RRset with DS records. `keys` are the ones that a DS vouches for.

    `insecure` means that no DS is of an algorithm and digest known here: the zone counts as unsigned
    (RFC 6840 section 5.2).
    """

    ok: bool
    code: str
    text: str
    insecure: bool = False
    keys: tuple[DNSKEY, ...] = ()


def algorithm_name(number: int) -> str:
    """The mnemonic of a DNSSEC algorithm number, or the number."""
    from dns.dnssectypes import Algorithm

    return Algorithm.to_text(number)


def called(zone: dns.name.Name) -> str:
    """A zone's name in a sentence: a lone dot would be read as its end."""
    return "the root" if zone == dns.name.root else zone.to_text()


def usable(key: DNSKEY) -> bool:
    """A key that may sign a zone: zone flag, protocol 3, not revoked (RFC 4034 section 2.1, RFC 5011)."""
    return bool(key.flags & ZONE_KEY) and not key.flags & REVOKED and key.protocol == 3


def described(keys: Iterable[DNSKEY]) -> str:
    """Tags and algorithms of the usable keys, for a sentence."""
    return (
        ", ".join(f"{key.key_id()} ({algorithm_name(key.algorithm)})" for key in keys if usable(key))
        or "none"
    )


def digest_of(zone: dns.name.Name, key: DNSKEY, digest_type: int) -> bytes:
    """The digest that a DS of this key carries (RFC 4034 section 5.1.4)."""
    data = (zone.canonicalize().to_wire() or b"") + cast(bytes, key.to_wire())
    return hashlib.new(DIGESTS[digest_type][1], data, usedforsecurity=False).digest()


def match_ds(
    zone: dns.name.Name, ds_set: Iterable[DS], dnskeys: Iterable[DNSKEY], source: str
) -> KeysTrusted:
    """Which keys of `zone` the DS records vouch for; `source` says in the text whose DS it is ("test.")."""
    published = list(ds_set)
    known = [ds for ds in published if ds.algorithm in SUPPORTED_ALGORITHMS and ds.digest_type in DIGESTS]
    if not known:
        kinds = sorted(
            {f"{algorithm_name(ds.algorithm)}, digest type {int(ds.digest_type)}" for ds in published}
        )
        text = (
            f"{called(zone)} has no DS of a kind known here ({'; '.join(kinds) or 'none at all'}), "
            "so it counts as unsigned."
        )
        return KeysTrusted(True, "algorithm-unsupported", text, insecure=True)
    if any(ds.digest_type != 1 for ds in known):
        known = [ds for ds in known if ds.digest_type != 1]  # RFC 4509 section 3: no falling back to SHA-1
    keys = [key for key in dnskeys if usable(key)]
    pairs = [
        (ds, key)
        for ds in known
        for key in keys
        if key.algorithm == ds.algorithm and int(key.key_id()) == ds.key_tag
    ][:MAX_PAIRS]
    matching = [(ds, key) for ds, key in pairs if digest_of(zone, key, ds.digest_type) == ds.digest]
    if matching:
        ds = matching[0][0]
        text = (
            f"DS {ds.key_tag} from {source} matches DNSKEY {ds.key_tag} of {called(zone)} "
            f"({algorithm_name(ds.algorithm)}, {DIGESTS[ds.digest_type][0]})."
        )
        return KeysTrusted(True, "", text, keys=tuple(key for _, key in matching))
    if pairs:
        ds = pairs[0][0]
        text = (
            f"DS {ds.key_tag} from {source} does not match: the {DIGESTS[ds.digest_type][0]} digest of "
            f"DNSKEY {ds.key_tag} of {called(zone)} ({algorithm_name(ds.algorithm)}) is another."
        )
    else:
        wanted = ", ".join(sorted({f"{ds.key_tag} ({algorithm_name(ds.algorithm)})" for ds in known}))
        text = f"DS {wanted} from {source} matches no DNSKEY of {called(zone)}, which has: {described(keys)}."
    return KeysTrusted(False, "ds-mismatch", text)
