"""Proofs of denial from NSEC3 records (RFC 5155 section 8, RFC 9276).

The records given must have been verified with the keys of the zone. Hashing is work that an attacker could
make us do (CVE-2023-50868), so records with more than 50 extra iterations are not computed: the answer then
counts as insecure, as it does for BIND, Unbound and Knot Resolver.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labctl.protocols.dns_import import dns
from labctl.protocols.dnssec_proof import (
    DS,
    NS,
    NXNAME,
    SOA,
    Meaning,
    Proof,
    hides_below,
    missing,
    obstacle,
    types_of,
)

if TYPE_CHECKING:
    from dns.rdtypes.ANY.NSEC3 import NSEC3

MAX_ITERATIONS = 50
_OPT_OUT = 0x01
_ASTERISK = dns.name.Name((b"*",))


@dataclass(frozen=True)
class _Span:
    start: bytes
    end: bytes
    types: frozenset[int]
    opt_out: bool

    def covers(self, digest: bytes) -> bool:
        if self.start < self.end:
            return self.start < digest < self.end
        return (
            digest > self.start or digest < self.end
        )  # the last one leads back to the first; or a single one


class Nsec3Denial:
    """What the NSEC3 records of one zone deny. `zone` is its apex."""

    def __init__(self, zone: dns.name.Name, records: Iterable[tuple[dns.name.Name, NSEC3]]) -> None:
        self.zone = zone
        self.spans: list[_Span] = []
        self._digests: dict[dns.name.Name, bytes] = {}
        self._salt = b""
        self._iterations = 0
        for owner, record in records:
            start = _owner_hash(owner, zone)
            # RFC 5155 section 8.1 and 8.2: unknown hashes and flags are ignored.
            if start is None or record.algorithm != 1 or record.flags & ~_OPT_OUT or len(record.next) != 20:
                continue
            if not self.spans:
                self._salt, self._iterations = record.salt, record.iterations
            elif (record.salt, record.iterations) != (self._salt, self._iterations):
                continue
            self.spans.append(_Span(start, record.next, types_of(record), bool(record.flags & _OPT_OUT)))

    def no_such_name(self, name: dns.name.Name) -> Proof:
        """Neither `name` nor a wildcard that could stand for it exists (RFC 5155 section 8.4)."""
        return self._too_slow() or self._no_such_name(name)

    def no_such_type(self, name: dns.name.Name, asked: int) -> Proof:
        """`name` has no record of the type `asked` (a number), itself or by a wildcard (8.5 to 8.7)."""
        return self._too_slow() or self._no_such_type(name, asked)

    def no_closer_match(self, next_closer: dns.name.Name) -> Proof:
        """Nothing at or below `next_closer` exists, so that the wildcard above it had to answer (8.8)."""
        too_slow = self._too_slow()
        if too_slow is not None:
            return too_slow
        span = self._covering(next_closer)
        if span is None:
            return missing(
                f"No NSEC3 of {self.zone} denies {next_closer}, so the wildcard may not answer for it."
            )
        text = f"NSEC3 proves that {next_closer} does not exist, so the wildcard answers."
        return self._proof("no-closer-match", text, span)

    def no_ds(self, name: dns.name.Name) -> Proof:
        """What is at `name`, seen from above: an unsigned zone, no zone cut, or no such name (8.6, 8.9)."""
        too_slow = self._too_slow()
        if too_slow is not None:
            return too_slow
        here = self._matching(name)
        if here is not None and NS in here.types and SOA not in here.types and DS not in here.types:
            text = f"NSEC3 of {name} shows a delegation without DS: {name} is an unsigned zone."
            return Proof(True, "insecure-delegation", text, note=self._note())
        for proof in (self._no_such_type(name, DS), self._no_such_name(name)):
            if proof.ok and not proof.insecure:
                return Proof(True, "no-delegation", f"NSEC3 proves that there is no zone cut at {name}.")
            if proof.ok or proof.code == "denial-wrong":
                return proof
        return missing(f"{self.zone} shows neither a DS for {name} nor an NSEC3 that denies it.")

    def _no_such_name(self, name: dns.name.Name) -> Proof:
        here = self._matching(name)
        if here is not None and NXNAME in here.types:
            return self._compact(name)
        found = self._closest_encloser(name)
        if found is None:
            return missing(f"No NSEC3 of {self.zone} shows the closest existing name above {name}.")
        closest, span = found
        wildcard = _wildcard(closest)
        if wildcard is not None and self._covering(wildcard) is None:
            return missing(f"No NSEC3 denies {wildcard}, which could stand for {name}.")
        text = f"NSEC3 proves that neither {name} nor a wildcard for it exists; {closest} does."
        return self._proof("no-such-name", text, span)

    def _no_such_type(self, name: dns.name.Name, asked: int) -> Proof:
        kind = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(asked))
        here = self._matching(name)
        if here is not None:
            if NXNAME in here.types:
                return self._compact(name)
            why = obstacle(here.types, asked, name)
            if why:
                return missing(f"NSEC3 of {name} does not deny {kind}: {why}.", "denial-wrong")
            text = f"NSEC3 of {name} proves that it has no {kind}."
            return Proof(
                True, "no-such-type" if here.types else "empty-non-terminal", text, note=self._note()
            )
        found = self._closest_encloser(name)
        if found is None:
            return missing(f"No NSEC3 of {self.zone} denies {name} {kind}.")
        closest, span = found
        wildcard = _wildcard(closest)
        there = self._matching(wildcard) if wildcard is not None else None
        if there is not None:
            why = obstacle(there.types, asked, wildcard or name)
            if why:
                return missing(f"NSEC3 of {wildcard} does not deny {kind}: {why}.", "denial-wrong")
            text = f"NSEC3 proves that {name} would come from {wildcard}, which has no {kind}."
            return self._proof("no-such-type", text, span)
        # An unlisted delegation may be there. Without the wildcard denied, so might be what it stands for.
        if span.opt_out and (asked == DS or wildcard is None or self._covering(wildcard) is not None):
            return self._proof("opt-out", "", span)
        return missing(f"No NSEC3 of {self.zone} denies {name} {kind}.")

    def _compact(self, name: dns.name.Name) -> Proof:
        text = f"NSEC3 of {name} carries NXNAME: the name does not exist (compact denial, RFC 9824)."
        return Proof(True, "compact-denial", text, note=self._note())

    def _closest_encloser(self, name: dns.name.Name) -> tuple[dns.name.Name, _Span] | None:
        """The longest existing ancestor, and the span that denies the name one label longer (section 8.3)."""
        if not name.is_subdomain(self.zone) or not self.spans:
            return None
        next_closer = name
        while next_closer != self.zone:
            closest = next_closer.parent()
            existing = self._matching(closest)
            if existing is not None:
                span = self._covering(next_closer)
                # A zone cut seen from above, or a DNAME, says nothing about what is below it.
                return None if span is None or hides_below(existing.types) else (closest, span)
            next_closer = closest
        return None

    def _matching(self, name: dns.name.Name) -> _Span | None:
        if not self.spans or not name.is_subdomain(self.zone):
            return None
        digest = self._hash(name)
        return next((span for span in self.spans if span.start == digest), None)

    def _covering(self, name: dns.name.Name) -> _Span | None:
        if not self.spans or not name.is_subdomain(self.zone):
            return None
        digest = self._hash(name)
        covering = [span for span in self.spans if span.covers(digest)]
        return next((span for span in covering if not span.opt_out), covering[0] if covering else None)

    def _hash(self, name: dns.name.Name) -> bytes:
        digest = self._digests.get(name)
        if digest is None:
            digest = hash_name(name, self._salt, self._iterations)
            self._digests[name] = digest
        return digest

    def _proof(self, meaning: Meaning, text: str, span: _Span) -> Proof:
        if span.opt_out:
            text = (
                f"NSEC3 of {self.zone} opts out here: unsigned delegations may exist that it does not list."
            )
            return Proof(True, "opt-out", text, insecure=True, note=self._note())
        return Proof(True, meaning, text, note=self._note())

    def _note(self) -> str:
        if not self._iterations:
            return ""
        return f"NSEC3 of {self.zone} uses {self._iterations} extra iterations, where RFC 9276 wants 0."

    def _too_slow(self) -> Proof | None:
        if self._iterations <= MAX_ITERATIONS:
            return None
        text = (
            f"NSEC3 of {self.zone} asks for {self._iterations} extra iterations, over the limit of "
            f"{MAX_ITERATIONS}: it counts as unsigned."
        )
        return Proof(True, "too-many-iterations", text, insecure=True)


def hash_name(name: dns.name.Name, salt: bytes, iterations: int) -> bytes:
    """The SHA-1 hash of RFC 5155 section 5."""
    data = name.canonicalize().to_wire() or b""
    digest = hashlib.sha1(data + salt, usedforsecurity=False).digest()
    for _ in range(iterations):
        digest = hashlib.sha1(digest + salt, usedforsecurity=False).digest()
    return digest


def _owner_hash(owner: dns.name.Name, zone: dns.name.Name) -> bytes | None:
    if len(owner) != len(zone) + 1 or not owner.is_subdomain(zone):
        return None
    try:
        digest = base64.b32hexdecode(owner.labels[0].upper())
    except binascii.Error:
        return None
    return digest if len(digest) == 20 else None


def _wildcard(closest: dns.name.Name) -> dns.name.Name | None:
    """None when the name would be longer than 255 octets: such a wildcard cannot exist."""
    try:
        return _ASTERISK.concatenate(closest)
    except dns.name.NameTooLong:
        return None
