"""Proofs of denial from NSEC records (RFC 4035 section 5.4, RFC 6840 section 4, RFC 9824).

The records given must have been verified with the keys of the zone, and must not have been expanded from a
wildcard. Names are compared in canonical order (RFC 4034 section 6.1), which is how dnspython orders them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from labctl.protocols.dns_import import dns
from labctl.protocols.dnssec_proof import DS, NS, NXNAME, SOA, Proof, hides_below, missing, obstacle, types_of

if TYPE_CHECKING:
    from dns.rdtypes.ANY.NSEC import NSEC

_ASTERISK = dns.name.Name((b"*",))


class NsecDenial:
    """What the NSEC records of one zone deny. `zone` is its apex."""

    def __init__(self, zone: dns.name.Name, records: Iterable[tuple[dns.name.Name, NSEC]]) -> None:
        self.zone = zone
        self.spans = [
            (owner, record.next, types_of(record))
            for owner, record in records
            if owner.is_subdomain(zone) and record.next.is_subdomain(zone)
        ]

    def no_such_name(self, name: dns.name.Name) -> Proof:
        """Neither `name` nor a wildcard that could stand for it exists (RFC 4035 section 5.4)."""
        compact = self._compact(name)
        if compact is not None:
            return compact
        for owner, after in self._denying(name):
            closest = _closest_encloser(name, owner, after)
            wildcard = _wildcard(closest)
            if wildcard is None:
                continue
            for wild_owner, wild_after in self._denying(wildcard):
                spans = [f"{owner} to {after}"]
                if (wild_owner, wild_after) != (owner, after):
                    spans.append(f"{wild_owner} to {wild_after}")
                text = f"NSEC {' and '.join(spans)} proves that neither {name} nor {wildcard} exists."
                return Proof(True, "no-such-name", text)
            return missing(f"No NSEC denies {wildcard}, which could stand for {name}.")
        return missing(f"No NSEC of {self.zone} denies {name}.")

    def no_such_type(self, name: dns.name.Name, asked: int) -> Proof:
        """`name` has no record of the type `asked` (a number), itself or by a wildcard."""
        kind = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(asked))
        compact = self._compact(name)
        if compact is not None:
            return compact
        why = ""
        for owner, _, types in self.spans:
            if owner == name:
                why = obstacle(types, asked, name)
                if not why:
                    return Proof(True, "no-such-type", f"NSEC at {name} proves that it has no {kind}.")
        if self._is_empty_non_terminal(name):
            text = f"NSEC proves that {name} exists only as a part of longer names, so it has no {kind}."
            return Proof(True, "empty-non-terminal", text)
        for owner, after in self._denying(name):
            wildcard = _wildcard(_closest_encloser(name, owner, after))
            if wildcard is None:
                continue
            for wild_owner, _, types in self.spans:
                if wild_owner == wildcard and not obstacle(types, asked, wildcard):
                    text = f"NSEC proves that {name} would come from {wildcard}, which has no {kind}."
                    return Proof(True, "no-such-type", text)
            if self._is_empty_non_terminal(wildcard):
                text = f"NSEC proves that {name} would come from {wildcard}, which has no records."
                return Proof(True, "no-such-type", text)
        if why:
            return missing(f"NSEC at {name} does not deny {kind}: {why}.", "denial-wrong")
        return missing(f"No NSEC of {self.zone} denies {name} {kind}.")

    def no_closer_match(self, next_closer: dns.name.Name) -> Proof:
        """Nothing at or below `next_closer` exists, so that the wildcard above it had to answer."""
        for owner, after in self._denying(next_closer):
            text = (
                f"NSEC {owner} to {after} proves that {next_closer} does not exist, so the wildcard answers."
            )
            return Proof(True, "no-closer-match", text)
        return missing(f"No NSEC of {self.zone} denies {next_closer}, so the wildcard may not answer for it.")

    def no_ds(self, name: dns.name.Name) -> Proof:
        """What is at `name`, seen from above: an unsigned zone, no zone cut at all, or no such name."""
        for owner, _, types in self.spans:
            if owner == name and NS in types and SOA not in types and DS not in types:
                text = f"NSEC at {name} shows a delegation without DS: {name} is an unsigned zone."
                return Proof(True, "insecure-delegation", text)
        for proof in (self.no_such_type(name, DS), self.no_such_name(name)):
            if proof.ok:
                return Proof(True, "no-delegation", f"NSEC proves that there is no zone cut at {name}.")
            if proof.code == "denial-wrong":
                return proof
        return missing(f"{self.zone} shows neither a DS for {name} nor an NSEC that denies it.")

    def _denying(self, name: dns.name.Name) -> Iterator[tuple[dns.name.Name, dns.name.Name]]:
        """The spans that prove that nothing exists at or below `name`."""
        if not name.is_subdomain(self.zone):
            return
        for owner, after, types in self.spans:
            if not _between(owner, name, after, self.zone) or after.is_subdomain(name):
                continue
            if name.is_subdomain(owner) and hides_below(types):
                continue  # RFC 6840 section 4.1: a parent's NSEC denies nothing inside the child
            yield owner, after

    def _is_empty_non_terminal(self, name: dns.name.Name) -> bool:
        return any(
            _between(owner, name, after, self.zone)
            and after.is_subdomain(name)
            and not (name.is_subdomain(owner) and hides_below(types))
            for owner, after, types in self.spans
        )

    def _compact(self, name: dns.name.Name) -> Proof | None:
        for owner, _, types in self.spans:
            if owner == name and NXNAME in types:
                text = f"NSEC at {name} carries NXNAME: the name does not exist (compact denial, RFC 9824)."
                return Proof(True, "compact-denial", text)
        return None


def _between(owner: dns.name.Name, name: dns.name.Name, after: dns.name.Name, zone: dns.name.Name) -> bool:
    """Canonically after `owner` and before `after`; the last NSEC of a zone leads back to its apex."""
    return bool(owner < name and (after == zone or name < after))


def _closest_encloser(name: dns.name.Name, owner: dns.name.Name, after: dns.name.Name) -> dns.name.Name:
    """The longest existing ancestor of a name that the span denies: both ends of the span exist."""
    shared = max(name.fullcompare(owner)[2], name.fullcompare(after)[2])
    return name.split(shared)[1]


def _wildcard(closest: dns.name.Name) -> dns.name.Name | None:
    """None when the name would be longer than 255 octets: such a wildcard cannot exist."""
    try:
        return _ASTERISK.concatenate(closest)
    except dns.name.NameTooLong:
        return None
