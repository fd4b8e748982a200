"""A zone with its keys, signatures, DS records of its children, and the proofs of what is not there.

NSEC as in RFC 4034 and 4035; the compact form of RFC 9824 for the zone that answers so. Everything is made
when a question needs it, and kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import dns.name
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.util import Bitmap
from dns.rrset import RRset, from_rdata

from labctl.sandbox.town import Town
from labctl.sandbox.zone import CNAME, Zone

if TYPE_CHECKING:
    from labctl.sandbox.signing import Signer

DS_TTL = 86_400
# The pseudo-type that says in a bitmap: this name does not exist (RFC 9824 section 3.4).
NXNAME = RdataType.make(128)


class SignedZone:
    """The zone, and what DNSSEC adds to it. `signed` False: nothing is added."""

    def __init__(self, zone: Zone, town: Town, date: Callable[[], float]) -> None:
        self.zone = zone
        self.signed = zone.file.signing != "unsigned"
        self._town = town
        self._date = date
        self._signer: Signer | None = None
        self._nsec: dict[Name, RRset] = {}
        # Which children have a key, and from which text.
        self._child_keys = {
            dns.name.from_text(z.origin): town.ds_keys.get(z.origin, z.origin)
            for z in town.zones
            if z.signing != "unsigned"
        }

    @property
    def signer(self) -> Signer:
        """Made when first needed: it brings the cryptography in."""
        if self._signer is None:
            from labctl.sandbox.signing import Signer

            file = self.zone.file
            self._signer = Signer(self.zone.origin, file.origin, file.signing, self._date())
        return self._signer

    def sign_anew(self) -> None:
        """Forget all signatures."""
        self._signer = None

    def lookup(self, name: Name, type: RdataType) -> list[RRset]:
        """The sets that answer for this owner: none, one; for ANY any one of them (RFC 8482 section 4.1)."""
        if type == RdataType.ANY:
            return [
                rrset
                for first in list(self.zone.nodes.get(name, ()))[:1]
                for rrset in self.lookup(name, first)
            ]
        if self.signed and type == RdataType.DNSKEY and name == self.zone.origin:
            return [self.signer.keys()]
        if self.signed and type == RdataType.RRSIG:
            return self._signatures(name)
        if self.signed and type == RdataType.NSEC and name in self.zone.nodes:
            return [self.nsec(name)]
        if self.signed and type == RdataType.DS and name in self.zone.cuts:
            delegated = self.ds(name)
            return [] if delegated is None else [delegated]
        found = self.zone.rrset(name, type)
        return [] if found is None else [found]

    def _signatures(self, name: Name) -> list[RRset]:
        """All signatures of this owner, one set for each type that is covered (RFC 4034 section 3)."""
        if name not in self.zone.nodes:
            return []
        types = self._types(name) - {RdataType.RRSIG}
        if name in self.zone.cuts:
            types -= {RdataType.NS}
        return [self.signature(rrset) for each in sorted(types) for rrset in self.lookup(name, each)]

    def ds(self, child: Name) -> RRset | None:
        """The DS set of a delegation, or None when the child has no keys."""
        if not self.signed or child not in self._child_keys:
            return None
        from labctl.sandbox.signing import ds

        return from_rdata(child, DS_TTL, ds(child, self._child_keys[child]))

    def signature(self, rrset: RRset) -> RRset:
        """The RRSIG set over this set."""
        return self.signer.signature(rrset)

    def nsec(self, owner: Name) -> RRset:
        """The denial record of this owner."""
        if owner not in self._nsec:
            self._nsec[owner] = self._made(owner, self.zone.next_in_chain(owner), self._types(owner))
        return self._nsec[owner]

    def compact_nsec(self, name: Name, *, missing: bool) -> RRset:
        """One NSEC at the asked name itself, up to its immediate successor (RFC 9824 section 3)."""
        types = {NXNAME} if missing else self._types(name)
        following = dns.name.Name((b"\0", *name.labels))
        return self._made(name, following, types | {RdataType.RRSIG, RdataType.NSEC})

    def _types(self, owner: Name) -> set[RdataType]:
        types = self.zone.types(owner)
        if owner == self.zone.origin:
            types.add(RdataType.DNSKEY)
            if self.zone.file.apex_alias:
                types = {CNAME}
        elif owner in self.zone.cuts and self.ds(owner) is not None:
            types.add(RdataType.DS)
        return types | {RdataType.RRSIG, RdataType.NSEC}

    def _made(self, owner: Name, following: Name, types: set[RdataType]) -> RRset:
        windows = Bitmap.from_rdtypes(sorted(types)).windows
        nsec = NSEC(RdataClass.IN, RdataType.NSEC, following, windows)  # type: ignore[no-untyped-call]
        return from_rdata(owner, self.zone.negative_ttl, nsec)
