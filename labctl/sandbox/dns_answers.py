"""What an authoritative name server answers: RFC 1034 section 4.3.2, with DNAME, wildcards and EDNS.

Bytes in, bytes out, no sockets. A server knows several zones; each is read when the first question for it
comes, and signed record by record when a question asks for signatures.
"""

from __future__ import annotations

from collections.abc import Callable

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
from dns.message import Message, QueryMessage
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.rrset import RRset, from_rdata_list

from labctl.sandbox.dns_proofs import NXNAME, SignedZone
from labctl.sandbox.town import AuthoritativeManners, Town, TownServer
from labctl.sandbox.zone import CNAME, DNAME, NS, SOA, Zone

# What fits into one datagram on nearly every path (RFC 9715).
PAYLOAD = 1232
# What the fault "no-truncation" sends whole.
LARGEST = 65_535
# The EDNS flag CO: the asker understands compact denials (RFC 9824 section 4).
COMPACT_OK = 0x4000
_ALIASES = 16
# Signatures live a month; this much of the town's time after they were made there are fresh ones. Seconds.
RENEW_AFTER = 7 * 86_400


class Zones:
    """The town's zones, each read once, shared by the servers that hold it."""

    def __init__(self, town: Town, date: Callable[[], float]) -> None:
        self._town = town
        self._date = date
        self._read: dict[int, SignedZone] = {}
        self._signed_at = date()

    def held_by(self, address: str) -> dict[Name, int]:
        """The zones of this server: origin and the number to `read` it by."""
        return {
            dns.name.from_text(zone.origin): number
            for number, zone in enumerate(self._town.zones)
            if address in zone.servers
        }

    def read(self, number: int) -> SignedZone:
        """The zone, parsed at the first call."""
        zone = self._read.get(number)
        if zone is None:
            zone = self._read[number] = SignedZone(Zone(self._town.zones[number]), self._town, self._date)
        return zone

    def sign_anew(self) -> bool:
        """Forget the signatures if the date has moved so far that they could be out of their time."""
        aged = self._date() - self._signed_at > RENEW_AFTER
        if aged:
            self._signed_at = self._date()
            for zone in tuple(self._read.values()):
                zone.sign_anew()
        return aged


class Authoritative:
    """One name server, without its sockets."""

    # The same question always has the same answer.
    keeps = True

    def __init__(self, server: TownServer, zones: Zones, manners: AuthoritativeManners) -> None:
        self._server = server
        self._zones = zones
        self._held = zones.held_by(server.addresses[0])
        self._manners = manners

    def handle(self, wire: bytes, over_udp: bool, send: Callable[[bytes], None]) -> None:
        """Answer at once (`dns_server.Service`)."""
        answer = self.respond(wire, over_udp=over_udp)
        if answer is not None:
            send(answer)

    def respond(self, wire: bytes, *, over_udp: bool) -> bytes | None:
        """The answer's bytes; over UDP cut to what the asker takes, with TC. None: say nothing."""
        question = read_question(wire)
        if question is None or isinstance(question, bytes):
            return question
        reply = self.answer(question)
        limit = LARGEST
        if over_udp and self._manners.truncates:
            limit = max(512, min(question.payload, PAYLOAD)) if question.edns >= 0 else 512
        # Sets keep their order, so that the same seed walks the same way.
        return reply.to_wire(max_size=limit, prefer_truncation=True, want_shuffle=False)

    def answer(self, question: QueryMessage) -> Message:
        """The whole answer to one question."""
        reply = dns.message.make_response(
            question, our_payload=PAYLOAD, recursion_available=self._manners.says_recursion_available
        )
        reply.flags &= ~(dns.flags.CD | dns.flags.AD)
        if question.edns > 0:
            reply.use_edns(0, payload=PAYLOAD)
            reply.set_rcode(Rcode.BADVERS)
            return reply
        options: list[dns.edns.Option] = []
        if any(option.otype == dns.edns.OptionType.NSID for option in question.options):
            options.append(dns.edns.NSIDOption(self._server.name.rstrip(".").encode()))
        asked = question.question[0]
        zone = self._zone_for(asked.name, asked.rdtype) if asked.rdclass == dns.rdataclass.IN else None
        if self._server.behaviour == "broken":
            reply.set_rcode(Rcode.SERVFAIL)
        elif self._server.behaviour == "upward" and zone is None:
            self._refer_upward(reply)
        elif zone is None or asked.rdtype in (RdataType.AXFR, RdataType.IXFR):
            reply.set_rcode(Rcode.REFUSED)
            options.append(
                dns.edns.EDEOption(
                    dns.edns.EDECode.NOT_AUTHORITATIVE, f"{self._server.name} does not hold it"
                )
            )
        elif asked.rdtype in (RdataType.OPT, NXNAME):
            reply.set_rcode(Rcode.FORMERR)
        else:
            _Reply(question, reply, zone, self._manners).fill(asked.name, asked.rdtype)
        if options and reply.edns >= 0:
            reply.use_edns(0, ednsflags=reply.ednsflags, payload=PAYLOAD, options=options)
        return reply

    def _zone_for(self, name: Name, type: RdataType) -> SignedZone | None:
        """The closest zone that we hold; for a DS the parent, if we hold that too (RFC 4035 3.1.4.1)."""
        origins = [dns.name.Name(name.labels[i:]) for i in range(len(name.labels))]
        held = [origin for origin in origins if origin in self._held]
        if not held:
            return None
        if type == RdataType.DS and held[0] == name and len(held) > 1:
            return self._zones.read(self._held[held[1]])
        return self._zones.read(self._held[held[0]])

    def _refer_upward(self, reply: Message) -> None:
        from labctl.sandbox.town_roots import ROOT

        names = " ".join(host.name for host in ROOT).split()
        reply.authority.append(dns.rrset.from_text(dns.name.root, 518_400, "IN", "NS", *names))


def read_question(wire: bytes) -> QueryMessage | bytes | None:
    """The question in these bytes; or the answer that refuses them (FORMERR, NOTIMP); None: say nothing."""
    if len(wire) < 12 or wire[2] & 0x80:
        return None
    header = wire[:2] + bytes([0x80 | wire[2] & 0x79])
    if wire[2] & 0x78:
        return header + bytes([Rcode.NOTIMP]) + bytes(8)
    malformed = header + bytes([Rcode.FORMERR]) + bytes(8)
    if wire[4:6] != b"\x00\x01":
        return malformed
    try:
        question = dns.message.from_wire(wire, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return malformed
    return question if isinstance(question, QueryMessage) and question.question else malformed


class _Reply:
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
        elif self._signed:
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
        if self._signed:
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
