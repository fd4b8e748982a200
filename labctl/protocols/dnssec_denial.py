"""Denial of existence: what the NSEC or NSEC3 records of a zone prove, whichever it uses.

    denial = Denial(zone, records)            # (owner, rdata) pairs that were verified with the zone's keys
    denial.no_such_name(name)                 # NXDOMAIN
    denial.no_such_type(name, type)           # NODATA, empty non-terminals and wildcards too
    denial.no_closer_match(next_closer)       # the answer came from a wildcard, rightly
    denial.no_ds(name)                        # an unsigned delegation, or no delegation

Each returns a `Proof`. Records that were not verified, that are of another zone, or that a wildcard was
expanded into, must not be given: `fit_to_deny` tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from labctl.protocols.dns_import import dns
from labctl.protocols.dnssec import Signed
from labctl.protocols.dnssec_nsec import NsecDenial
from labctl.protocols.dnssec_nsec3 import Nsec3Denial
from labctl.protocols.dnssec_proof import Proof


def fit_to_deny(signed: Signed) -> bool:
    """Whether a verified NSEC or NSEC3 RRset speaks for its own owner name, and not as a wildcard's copy.

    An NSEC at `*.example.` verifies at `any.example.` too, where it would deny what exists.
    """
    return signed.ok and signed.closest_encloser is None


class Denial:
    """What the verified NSEC and NSEC3 records of one zone deny."""

    def __init__(self, zone: dns.name.Name, records: Iterable[tuple[dns.name.Name, dns.rdata.Rdata]]) -> None:
        pairs = list(records)
        nsec = [(owner, cast(Any, data)) for owner, data in pairs if data.rdtype == dns.rdatatype.NSEC]
        nsec3 = [(owner, cast(Any, data)) for owner, data in pairs if data.rdtype == dns.rdatatype.NSEC3]
        self._ways: list[NsecDenial | Nsec3Denial] = []
        if nsec or not nsec3:
            self._ways.append(NsecDenial(zone, nsec))
        if nsec3:
            self._ways.append(Nsec3Denial(zone, nsec3))

    def no_such_name(self, name: dns.name.Name) -> Proof:
        """Neither `name` nor a wildcard that could stand for it exists."""
        return self._best(lambda way: way.no_such_name(name))

    def no_such_type(self, name: dns.name.Name, asked: int) -> Proof:
        """`name` has no record of the type `asked` (a number), itself or by a wildcard."""
        return self._best(lambda way: way.no_such_type(name, asked))

    def no_closer_match(self, next_closer: dns.name.Name) -> Proof:
        """Nothing at or below `next_closer` exists, so that the wildcard above it had to answer."""
        return self._best(lambda way: way.no_closer_match(next_closer))

    def no_ds(self, name: dns.name.Name) -> Proof:
        """What is at `name`, seen from above: an unsigned zone, no zone cut at all, or no such name."""
        return self._best(lambda way: way.no_ds(name))

    def _best(self, ask: Callable[[NsecDenial | Nsec3Denial], Proof]) -> Proof:
        proofs = [ask(way) for way in self._ways]
        return next((proof for proof in proofs if proof.ok), proofs[0])
