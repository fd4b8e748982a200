"""One RRset against its signatures and its zone's keys, at a given time (RFC 4035 section 5.3).

Pure functions over dnspython's records; times are POSIX seconds. Nothing that a peer sends raises: a failure
comes back as a value, with the exact reason. At most 16 pairs of key and signature are tried for one RRset
(CVE-2023-50387, KeyTrap).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labctl.protocols.dns_import import dns
from labctl.protocols.dnssec_keys import (
    MAX_PAIRS,
    SUPPORTED_ALGORITHMS,
    algorithm_name,
    called,
    described,
    usable,
)

if TYPE_CHECKING:
    from dns.rdtypes.ANY.DNSKEY import DNSKEY
    from dns.rdtypes.ANY.RRSIG import RRSIG

# Failures, from the one that came closest to verifying to the one that never began.
_CLOSENESS = (
    "too-many-signatures",
    "signature-wrong",
    "signature-expired",
    "signature-not-yet-valid",
    "no-matching-key",
    "labels-wrong",
    "algorithm-unsupported",
    "signer-outside-zone",
)


@dataclass(frozen=True)
class Signed:
    """What came of verifying one RRset. `text` is a sentence; `code` is "" when it verifies.

    When the owner name was expanded from a wildcard, `closest_encloser` is the wildcard's parent and
    `next_closer` the name that must still be proven not to exist (RFC 4035 section 5.3.4, RFC 5155
    section 8.8). `max_ttl` is how many seconds the signature lets the RRset be kept (RFC 4035 section 5.3.3).
    """

    ok: bool
    code: str
    text: str
    key_tag: int = 0
    algorithm: int = 0
    expires: int = 0
    max_ttl: int = 0
    closest_encloser: dns.name.Name | None = None
    next_closer: dns.name.Name | None = None


def day(seconds: float) -> str:
    """A POSIX time as a date and minute in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def count_labels(name: dns.name.Name) -> int:
    """Labels as RRSIG counts them: neither the root nor a leading asterisk (RFC 4034 section 3.1.3)."""
    return len(name) - 1 - (1 if name.is_wild() else 0)


def last_labels(name: dns.name.Name, count: int) -> dns.name.Name:
    """The ancestor of `name` with `count` labels, the root's not counted."""
    return name.split(count + 1)[1]


def verify_rrset(
    rrset: dns.rrset.RRset,
    rrsigs: Iterable[RRSIG],
    keys: Sequence[DNSKEY],
    zone: dns.name.Name,
    now: float,
) -> Signed:
    """Verify an RRset of `zone` with any one of its signatures and the zone's validated keys."""
    what = f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}"
    failures: list[Signed] = []
    pairs = 0
    for rrsig in rrsigs:
        if rrsig.type_covered != rrset.rdtype or rrsig.rdclass != rrset.rdclass:
            continue
        failure = _form(rrset, rrsig, zone, what) or _time(rrsig, now, what)
        if failure is not None:
            failures.append(failure)
            continue
        candidates = [key for key in keys if usable(key) and _names(rrsig, key)]
        if not candidates:
            text = f"{what} is signed by {_key(rrsig)}, but {called(zone)} has the keys: {described(keys)}."
            failures.append(_failed("no-matching-key", rrsig, text))
        for key in candidates:
            if pairs == MAX_PAIRS:
                text = f"{what}: gave up after {pairs} pairs of key and signature, none of which fit."
                return _failed("too-many-signatures", rrsig, text)
            pairs += 1
            if _bytes_verify(rrset, rrsig, key):
                return _success(rrset, rrsig, what)
            text = f"{what}: the signature by {_key(rrsig)} does not fit the data."
            failures.append(_failed("signature-wrong", rrsig, text))
    if not failures:
        return Signed(False, "no-signature", f"{what} has no signature.")
    return min(failures, key=lambda failure: _CLOSENESS.index(failure.code))


def _form(rrset: dns.rrset.RRset, rrsig: RRSIG, zone: dns.name.Name, what: str) -> Signed | None:
    if rrsig.signer != zone or not rrset.name.is_subdomain(zone):
        text = f"{what} is signed in the name of {called(rrsig.signer)}, but belongs to the zone {zone}."
        return _failed("signer-outside-zone", rrsig, text)
    if rrsig.labels > count_labels(rrset.name) or rrsig.labels < len(zone) - 1:
        text = (
            f"{what}: the signature is for a name of {rrsig.labels} labels, which this one cannot come from."
        )
        return _failed("labels-wrong", rrsig, text)
    if rrsig.algorithm not in SUPPORTED_ALGORITHMS:
        text = f"{what}: the algorithm {algorithm_name(rrsig.algorithm)} is not known here."
        return _failed("algorithm-unsupported", rrsig, text)
    return None


def _time(rrsig: RRSIG, now: float, what: str) -> Signed | None:
    if _serially_before(rrsig.expiration, int(now)):
        text = f"{what}: the signature by {_key(rrsig)} expired on {day(rrsig.expiration)}."
        return _failed("signature-expired", rrsig, text)
    if _serially_before(int(now), rrsig.inception):
        text = f"{what}: the signature by {_key(rrsig)} is valid only from {day(rrsig.inception)} on."
        return _failed("signature-not-yet-valid", rrsig, text)
    return None


def _serially_before(left: int, right: int) -> bool:
    """RFC 4034 section 3.1.5: times in signatures are serial numbers of 32 bits (RFC 1982)."""
    return 0 < (right - left) % 2**32 < 2**31


def _names(rrsig: RRSIG, key: DNSKEY) -> bool:
    return bool(key.algorithm == rrsig.algorithm and key.key_id() == rrsig.key_tag)


def _bytes_verify(rrset: dns.rrset.RRset, rrsig: RRSIG, key: DNSKEY) -> bool:
    import dns.dnssec  # brings cryptography: only when there is a signature to verify

    owner = rrset.name
    if rrsig.labels < count_labels(owner):
        owner = dns.name.Name((b"*", *last_labels(owner, rrsig.labels).labels))
    keys: dict[dns.name.Name, dns.node.Node | dns.rdataset.Rdataset] = {
        rrsig.signer: dns.rdataset.from_rdata(0, key)
    }
    data = dns.rdataset.from_rdata_list(rrset.ttl, list(rrset))
    try:
        # The time was judged before: the beginning of the signature's own validity will do here.
        dns.dnssec.validate_rrsig(
            (owner, data), rrsig, keys, now=rrsig.inception, policy=dns.dnssec.allow_all_policy
        )
    except ImportError:
        raise  # cryptography is not installed, which is no fault of the peer
    except Exception:
        # Keys and signatures are the peer's bytes: whatever stopped the library, they did not verify.
        return False
    return True


def _success(rrset: dns.rrset.RRset, rrsig: RRSIG, what: str) -> Signed:
    closest = next_closer = None
    expanded = ""
    if rrsig.labels < count_labels(rrset.name):
        closest = last_labels(rrset.name, rrsig.labels)
        next_closer = last_labels(rrset.name, rrsig.labels + 1)
        expanded = f" as *.{'' if closest == dns.name.root else closest}"
    until = day(rrsig.expiration)
    text = f"{what} is signed{expanded} by {called(rrsig.signer)} with {_key(rrsig)}, valid until {until}."
    return Signed(
        ok=True,
        code="",
        text=text,
        key_tag=rrsig.key_tag,
        algorithm=rrsig.algorithm,
        expires=rrsig.expiration,
        max_ttl=rrsig.original_ttl,
        closest_encloser=closest,
        next_closer=next_closer,
    )


def _failed(code: str, rrsig: RRSIG, text: str) -> Signed:
    return Signed(False, code, text, rrsig.key_tag, rrsig.algorithm, rrsig.expiration)


def _key(rrsig: RRSIG) -> str:
    return f"DNSKEY {rrsig.key_tag} ({algorithm_name(rrsig.algorithm)})"
