"""What an authoritative server answers out of one zone: RFC 1034 section 4.3.2, with DNAME and wildcards.

A referral, an answer with the aliases inside the zone followed, or a "no"; with signatures and proofs for
those who set DO (RFC 4035 section 3.1).
"""

from __future__ import annotations

import dns.flags
import dns.name
import dns.rrset
from dns.message import Message, QueryMessage
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.rrset import RRset, from_rdata_list

from labctl.sandbox.dns_messages import COMPACT_OK
from labctl.sandbox.dns_proofs import SignedZone
from labctl.sandbox.town import AuthoritativeManners
from labctl.sandbox.zone import CNAME, DNAME, NS, SOA

_ALIASES = 16


class Answer:
    """One answer while it is filled."""

    def __init__(
        self, question: QueryMessage, reply: Message, zone: SignedZone, manners: AuthoritativeManners
    ) -> None:
        self._reply = reply
        self._zone = zone
        self._plain = zone.zone
        self._manners = manners
        self._signed = bool(question.ednsflags & dns.flags.DO) and zone.signed
        self._compact_ok = bool(question.ednsflags & COMPACT_OK)
        self._do = bool(question.ednsflags & dns.flags.DO)

    def fill(self, name: Name, type: RdataType) -> None:
        zone, reply = self._plain, self._reply
        for _ in range(_ALIASES):
            cut = zone.cut_of(name)
            if cut is not None and not (name == cut and type == RdataType.DS):
                if not reply.answer:
                    self._refer(name, cut)
                return
            reply.flags |= dns.flags.AA
            target = self._match(name, type)
            if target is None or not target.is_subdomain(zone.origin):
                return
            name = target

    def _match(self, name: Name, type: RdataType) -> Name | None:
        """Answer for one name of ours; the name to go on with when it is an alias."""
        zone = self._plain
        if zone.file.apex_alias and name == zone.origin:
            alias = dns.rrset.from_text(name, 300, "IN", "CNAME", zone.file.apex_alias)
            self._put(self._reply.answer, alias)
            return None if type == CNAME else dns.name.from_text(zone.file.apex_alias)
        flat = zone.file.flattened.get(name.to_text())
        if flat and type != CNAME:
            if type == RdataType.A:
                self._put(self._reply.answer, dns.rrset.from_text(name, 300, "IN", "A", flat))
            else:
                self._deny(name, missing=False)
            return None
        redirect = zone.dname_above(name)
        if redirect is not None:
            return self._redirected(name, redirect, type)
        source, expanded = name, False
        covered = self._manners.wildcard_covers_all and name in zone.empty
        if not zone.exists(name) or covered:
            wildcard = dns.name.Name((b"*", *zone.closest_encloser(name).labels))
            if wildcard not in zone.nodes:
                self._deny(name, missing=not covered)
                return None
            source, expanded = wildcard, True
        rrsets = self._zone.lookup(source, type)
        if not rrsets and type != CNAME and (alias_set := zone.rrset(source, CNAME)) is not None:
            rrsets = [alias_set]
        if not rrsets:
            self._deny(name, missing=False, wildcard=source if expanded else None)
            return None
        for rrset in rrsets:
            self._put(self._reply.answer, rrset, owner=name)
        if expanded and self._signed:
            self._prove(name)
        self._add_addresses(rrsets)
        if rrsets[0].rdtype == CNAME and type not in (CNAME, RdataType.ANY):
            target: Name = rrsets[0][0].target
            return target
        return None

    def _redirected(self, name: Name, owner: Name, type: RdataType) -> Name | None:
        """DNAME, and the CNAME made from it (RFC 6672 section 3.1)."""
        found = self._plain.rrset(owner, DNAME)
        assert found is not None
        self._put(self._reply.answer, found)
        try:
            target = name.relativize(owner).concatenate(found[0].target)
        except dns.name.NameTooLong:
            self._reply.set_rcode(Rcode.YXDOMAIN)
            return None
        self._reply.answer.append(dns.rrset.from_text(name, found.ttl, "IN", "CNAME", target.to_text()))
        return None if type == CNAME else target

    def _refer(self, name: Name, cut: Name) -> None:
        zone, reply = self._plain, self._reply
        if self._manners.refuses_cut_names and name == cut:
            reply.set_rcode(Rcode.REFUSED)
            return
        names = zone.rrset(cut, NS)
        assert names is not None
        reply.authority.append(names)
        if self._manners.refers_with_authority:
            reply.flags |= dns.flags.AA
        if self._signed:
            delegated = self._zone.ds(cut)
            if delegated is not None:
                self._put(reply.authority, delegated)
            elif cut.to_text() not in zone.file.unproven:
                self._put(reply.authority, self._zone.nsec(cut))
        self._add_addresses([names])

    def _deny(self, name: Name, *, missing: bool, wildcard: Name | None = None) -> None:
        """NXDOMAIN, or NODATA: the name exists and has nothing of this type (RFC 2308 section 2)."""
        zone, reply = self._plain, self._reply
        soa = zone.rrset(zone.origin, SOA)
        assert soa is not None
        self._put(reply.authority, soa)
        for rrset in reply.authority:
            rrset.ttl = zone.negative_ttl
        says_missing = missing or self._manners.nodata_is_nxdomain
        if zone.file.signing == "compact" and self._do:
            self._put(reply.authority, self._zone.compact_nsec(name, missing=missing))
            says_missing = says_missing and self._compact_ok
        elif self._signed and name.to_text() not in zone.file.unproven:
            self._prove(name)
            if wildcard is not None:
                self._put(reply.authority, self._zone.nsec(wildcard))
            elif missing:
                self._prove(dns.name.Name((b"*", *zone.closest_encloser(name).labels)))
        if says_missing:
            reply.set_rcode(Rcode.NXDOMAIN)

    def _prove(self, name: Name) -> None:
        """The NSEC that matches or covers this name, once."""
        nsec = self._zone.nsec(self._plain.denial_owner(name))
        if not any(r.name == nsec.name and r.rdtype == nsec.rdtype for r in self._reply.authority):
            self._put(self._reply.authority, nsec)

    def _put(self, section: list[RRset], rrset: RRset, *, owner: Name | None = None) -> None:
        """Add a set and, when asked for, its signature; under another owner when a wildcard is expanded."""
        section.append(_copy(rrset, owner))
        if self._signed and rrset.rdtype != RdataType.RRSIG:
            section.append(_copy(self._zone.signature(rrset), owner))

    def _add_addresses(self, rrsets: list[RRset]) -> None:
        """Addresses of the hosts named in these records, as far as this zone file has them."""
        reply = self._reply
        for rrset in rrsets:
            for rdata in rrset:
                host = getattr(rdata, "target", None) or getattr(rdata, "exchange", None)
                if rrset.rdtype not in (NS, RdataType.MX, RdataType.SRV) or host is None:
                    continue
                for address_type in (RdataType.A, RdataType.AAAA):
                    found = self._plain.rrset(host, address_type)
                    if found is not None:
                        if self._plain.cut_of(host) is None:
                            self._put(reply.additional, found)
                        else:
                            reply.additional.append(found)


def _copy(rrset: RRset, owner: Name | None) -> RRset:
    return from_rdata_list(owner or rrset.name, rrset.ttl, list(rrset))
