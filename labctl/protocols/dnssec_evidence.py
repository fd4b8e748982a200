"""The RRsets that name servers sent, each with the signatures that came along in the same message.

Nothing in here is believed. Unreadable records are left out, which an attacker could do as well: what remains
then fails to verify.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from labctl.protocols.dns_import import dns
from labctl.protocols.dns_result import Record
from labctl.protocols.dns_wire import RRSIG as RRSIG_TYPE
from labctl.protocols.dns_wire import Reply, Unreadable

if TYPE_CHECKING:
    from dns.rdtypes.ANY.RRSIG import RRSIG

_IN = dns.rdataclass.IN
_DENIALS = (dns.rdatatype.NSEC, dns.rdatatype.NSEC3)


@dataclass
class Found:
    """An RRset as one message had it."""

    rrset: dns.rrset.RRset
    rrsigs: list[RRSIG] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The mnemonic of its type."""
        return dns.rdatatype.to_text(self.rrset.rdtype)

    @property
    def signers(self) -> set[dns.name.Name]:
        """The zones in whose name it is signed, true or not."""
        return {rrsig.signer for rrsig in self.rrsigs}

    def is_as_told(self, records: Iterable[Record]) -> bool:
        """Whether these are the records that a walk gave out: same data, no more and no less."""
        told = list(records)
        try:
            if any(
                dns.name.from_text(each.name) != self.rrset.name or each.type != self.kind for each in told
            ):
                return False
            read = {dns.rdata.from_text(_IN, self.rrset.rdtype, each.text) for each in told}
        except dns.exception.DNSException:
            return False
        return read == set(self.rrset)


class Evidence:
    """All that was seen. An RRset that several messages had is kept once for each."""

    def __init__(self) -> None:
        self._found: dict[tuple[dns.name.Name, int], list[Found]] = {}

    def add(self, reply: Reply) -> None:
        """Take the answer and authority sections of a reply."""
        here: dict[tuple[dns.name.Name, int], Found] = {}
        signatures = []
        for owner, ttl, data in _records(reply):
            if data.rdtype == RRSIG_TYPE:
                signatures.append((owner, cast("RRSIG", data)))
                continue
            found = here.get((owner, data.rdtype))
            if found is None:
                found = here[owner, data.rdtype] = Found(dns.rrset.RRset(owner, _IN, data.rdtype))
            found.rrset.add(data, ttl)
        for owner, rrsig in signatures:
            if (found := here.get((owner, int(rrsig.type_covered)))) is not None:
                found.rrsigs.append(rrsig)
        for key, found in here.items():
            self._found.setdefault(key, []).append(found)

    def all(self, name: dns.name.Name, rdtype: int) -> list[Found]:
        """Every version of an RRset, signed ones first, then the latest first."""
        versions = list(reversed(self._found.get((name, rdtype), [])))
        return sorted(versions, key=lambda found: not found.rrsigs)

    def first(self, name: dns.name.Name, rdtype: int) -> Found | None:
        """The RRset, signed if any message had it signed."""
        versions = self.all(name, rdtype)
        return versions[0] if versions else None

    def dname_above(self, name: dns.name.Name) -> Found | None:
        """The DNAME of the closest proper ancestor that has one."""
        while name != dns.name.root:
            name = name.parent()
            if (found := self.first(name, dns.rdatatype.DNAME)) is not None:
                return found
        return None

    def denials(self) -> list[Found]:
        """Every NSEC and NSEC3 RRset."""
        return [found for (_, rdtype), every in self._found.items() if rdtype in _DENIALS for found in every]


def _records(reply: Reply) -> Iterator[tuple[dns.name.Name, int, dns.rdata.Rdata]]:
    for rr in (*reply.answer, *reply.authority):
        if rr.rdclass != _IN:
            continue
        try:
            yield dns.name.Name((*rr.owner, b"")), rr.ttl, rr.rdata()
        except Unreadable:
            continue
