"""An authoritative name server of the town: which zone a question belongs to, EDNS, and what is refused.

Bytes in, bytes out, no sockets. A server knows several zones; each is read when the first question for it
comes, and signed record by record when a question asks for signatures.
"""

from __future__ import annotations

from collections.abc import Callable

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rrset
from dns.message import Message, QueryMessage
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from labctl.sandbox.dns_answers import Answer
from labctl.sandbox.dns_messages import PAYLOAD, bad_version, read_question, to_bytes
from labctl.sandbox.dns_proofs import NXNAME, SignedZone
from labctl.sandbox.town import AuthoritativeManners, Town, TownServer
from labctl.sandbox.zone import Zone

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
        return to_bytes(reply, question, cut=over_udp and self._manners.truncates)

    def answer(self, question: QueryMessage) -> Message:
        """The whole answer to one question."""
        reply = dns.message.make_response(
            question, our_payload=PAYLOAD, recursion_available=self._manners.says_recursion_available
        )
        reply.flags &= ~(dns.flags.CD | dns.flags.AD)
        if question.edns > 0:
            return bad_version(reply)
        options: list[dns.edns.Option] = []
        if any(option.otype == dns.edns.OptionType.NSID for option in question.options):
            options.append(dns.edns.NSIDOption(self._server.name.rstrip(".").encode()))
        asked = question.question[0]
        zone = self._zone_for(asked.name, asked.rdtype) if asked.rdclass == dns.rdataclass.IN else None
        if self._server.behaviour == "broken":
            reply.set_rcode(Rcode.SERVFAIL)
        elif self._server.behaviour == "upward" and zone is None:
            self._refer_upward(reply)
        elif asked.rdtype in (RdataType.AXFR, RdataType.IXFR) or asked.rdclass != dns.rdataclass.IN:
            reply.set_rcode(Rcode.REFUSED)
            options.append(
                dns.edns.EDEOption(dns.edns.EDECode.NOT_SUPPORTED, "only questions of class IN, no transfers")
            )
        elif zone is None:
            reply.set_rcode(Rcode.REFUSED)
            options.append(
                dns.edns.EDEOption(
                    dns.edns.EDECode.NOT_AUTHORITATIVE, f"{self._server.name} does not hold it"
                )
            )
        elif asked.rdtype in (RdataType.OPT, NXNAME):
            reply.set_rcode(Rcode.FORMERR)
        else:
            Answer(question, reply, zone, self._manners).fill(asked.name, asked.rdtype)
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
