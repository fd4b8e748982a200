"""Whether a walk's answer follows from signatures: its aliases, its records, or its "no" (RFC 4035, 5).

Every RRset is judged by the chain of its own zone. `Answer.state` is a generator that yields the questions
that the chains need.
"""

from __future__ import annotations

from collections.abc import Iterable

from labctl.protocols import dns_wire
from labctl.protocols.dns_import import dns
from labctl.protocols.dns_result import Heard, Result
from labctl.protocols.dnssec import verify_rrset
from labctl.protocols.dnssec_ask import Steps
from labctl.protocols.dnssec_delegation import Trust, read_denial
from labctl.protocols.dnssec_evidence import Evidence, Found
from labctl.protocols.dnssec_link import Link, State, worst
from labctl.protocols.dnssec_proof import Proof
from labctl.protocols.dnssec_zones import Zones

MAX_ALIASES = 16
_CNAME = dns.rdatatype.CNAME
_DNAME = dns.rdatatype.DNAME
_DS = dns.rdatatype.DS
_SOA = dns.rdatatype.SOA
# Not RRsets of a zone, or not one RRset: there is nothing that a signature could cover.
_UNSIGNABLE = {"RRSIG", "ANY", "SIG", "TSIG", "OPT"}


class Answer:
    """The evidence for one result, and what the zones' chains make of it."""

    def __init__(self, result: Result, heard: Iterable[Heard], zones: Zones) -> None:
        self.result = result
        self.zones = zones
        self.evidence = Evidence()
        self._asked: set[tuple[dns.name.Name, int]] = set()
        for each in heard:
            reply = dns_wire.parse(each.wire)
            if each.kind != "mismatch" and isinstance(reply, dns_wire.Reply):
                self.evidence.add(reply)
            if each.kind in {"silent", "garbage", "lame", "error"}:
                zones.asking.unhelpful.add(each.question.server.address)

    def state(self) -> Steps[State]:
        """Judge every alias on the way and what stands at its end; the worst of them counts."""
        result, zones = self.result, self.zones
        if result.status == "failed":
            return self._unjudged(
                result.name, result.code or "no-answer", f"There is no answer to judge: {result.why}"
            )
        if result.type in _UNSIGNABLE:
            text = f"{result.type} is not a type that signatures cover."
            return self._unjudged(result.name, "type-not-signable", text)
        name, final = dns.name.from_text(result.name), dns.name.from_text(result.final_name)
        rdtype = dns_wire.type_number(result.type)
        # Nothing follows from an answer before the root's own keys are known.
        state: State = (yield from zones.trust(dns.name.root)).state
        for _ in range(MAX_ALIASES):
            if name == final or state in {"bogus", "indeterminate"}:
                break
            target, step = yield from self._alias(name)
            state = worst(state, step)
            if target is None:
                break
            name = target
        if state in {"bogus", "indeterminate"}:
            return state
        if name != final:
            text = f"The signed aliases of {result.name} lead to {name}, and the answer is about {final}."
            return self._unjudged(result.name, "answer-differs", text)
        if result.status == "answer":
            return worst(state, (yield from self._records(name, rdtype)))
        return worst(state, (yield from self._no(name, rdtype)))

    def _alias(self, name: dns.name.Name) -> Steps[tuple[dns.name.Name | None, State]]:
        cname, dname = self.evidence.first(name, _CNAME), self.evidence.dname_above(name)
        if dname is not None and not (cname and cname.rrsigs):
            return (yield from self._by_dname(name, dname, cname))
        if cname is None:
            cname = yield from self._fetch(name, _CNAME)
        if cname is None:
            text = f"The alias at {name} was not among the replies."
            return None, self._unjudged(name.to_text(), "answer-differs", text)
        found, state = yield from self._rrset(name, _CNAME, cname)
        told = [each for each in self.result.chain if each.type == "CNAME" and _same(each.name, name)]
        if state == "secure" and told and not found.is_as_told(told):
            text = f"The signed alias at {name} is not the one that the walk followed."
            return None, self._unjudged(name.to_text(), "answer-differs", text)
        return next(iter(found.rrset)).target, state

    def _by_dname(
        self, name: dns.name.Name, dname: Found, cname: Found | None
    ) -> Steps[tuple[dns.name.Name | None, State]]:
        """A CNAME made from a DNAME is not signed; it has to be what the DNAME makes (RFC 6672, 3.1)."""
        found, state = yield from self._rrset(dname.rrset.name, _DNAME, dname)
        owner, to = found.rrset.name, next(iter(found.rrset)).target
        try:
            target: dns.name.Name = name.relativize(owner).concatenate(to)
        except dns.name.NameTooLong:
            text = f"The DNAME at {owner} makes {name} too long."
            return None, self._unjudged(name.to_text(), "alias-too-long", text)
        if cname is not None and state == "secure" and next(iter(cname.rrset)).target != target:
            text = f"The CNAME at {name} is not what the signed DNAME at {owner} makes of it."
            return None, self._bogus(name.to_text(), f"CNAME {name}", "alias-wrong", text)
        return target, state

    def _records(self, name: dns.name.Name, rdtype: int) -> Steps[State]:
        versions = self.evidence.all(name, rdtype)
        found = next((each for each in versions if each.is_as_told(self.result.records)), None)
        found = found or (versions[0] if versions else None) or (yield from self._fetch(name, rdtype))
        if found is None:
            text = f"{name} {self.result.type} was not among the replies, so there is nothing to verify."
            return self._unjudged(name.to_text(), "answer-differs", text)
        found, state = yield from self._rrset(name, rdtype, found)
        if state == "secure" and not found.is_as_told(self.result.records):
            text = f"The signed records of {name} {self.result.type} are not the ones that the walk gave out."
            return self._unjudged(name.to_text(), "answer-differs", text)
        return state

    def _rrset(self, name: dns.name.Name, rdtype: int, found: Found) -> Steps[tuple[Found, State]]:
        """Judge one RRset by the chain of its zone; gives back the version that was judged."""
        what = f"{name} {dns_wire.type_text(rdtype)}"
        trust = yield from self.zones.answering(name, rdtype, found.signers)
        if trust.state == "secure" and not found.rrsigs:
            # Some servers and middleboxes lose the signatures; ask for them once more before judging.
            found = (yield from self._fetch(name, rdtype)) or found
            if found.rrsigs:
                trust = yield from self.zones.answering(name, rdtype, found.signers)
            else:
                trust = yield from self.zones.hidden_cut(trust, name, above=rdtype == _DS)
        if trust.state != "secure":
            return found, trust.state
        signed = verify_rrset(found.rrset, found.rrsigs, trust.keys, trust.zone, self.zones.now)
        if not signed.ok:
            text = signed.text
            if signed.code == "no-signature":
                text = f"{what} has no signature, though {trust.zone} is a signed zone."
            return found, self._bogus(trust.zone.to_text(), what, signed.code, text)
        text = signed.text
        if found.rrset.ttl > signed.max_ttl:
            text += f" Its TTL of {found.rrset.ttl} is more than the {signed.max_ttl} that were signed."
        if signed.next_closer is None:
            self._link(trust, what, text)
            return found, "secure"
        denial, failure = read_denial(self.evidence, trust, self.zones.now)
        proof = denial.no_closer_match(signed.next_closer)
        if not proof.ok:
            reason = failure.text if failure else proof.text
            text = f"{what} came from a wildcard, and it is not proven that it had to: {reason}"
            code = failure.code if failure else proof.code
            return found, self._bogus(trust.zone.to_text(), what, code, text)
        self._link(trust, what, f"{text} {proof.text}", proof)
        return found, "insecure" if proof.insecure else "secure"

    def _no(self, name: dns.name.Name, rdtype: int) -> Steps[State]:
        """Judge NXDOMAIN or NODATA: the records that deny have to be signed, and to deny just this."""
        what = f"no {name} {self.result.type}" if self.result.status == "nodata" else f"no {name}"
        signers = {signer for each in self.evidence.denials() for signer in each.signers}
        trust = yield from self.zones.answering(name, rdtype, signers)
        if trust.state != "secure":
            return trust.state
        proof, code, text = self._deny(name, rdtype, trust)
        if not proof.ok and (name, rdtype) not in self._asked:
            yield from self._fetch(name, rdtype)
            proof, code, text = self._deny(name, rdtype, trust)
        if not proof.ok:
            trust = yield from self.zones.hidden_cut(trust, name, above=rdtype == _DS)
            if trust.state != "secure":
                return trust.state
            proof, code, text = self._deny(name, rdtype, trust)
        if not proof.ok:
            return self._bogus(trust.zone.to_text(), what, code, text)
        self._link(trust, what, text, proof)
        if proof.insecure:
            return "insecure"
        return self._soa(trust)

    def _deny(self, name: dns.name.Name, rdtype: int, trust: Trust) -> tuple[Proof, str, str]:
        denial, failure = read_denial(self.evidence, trust, self.zones.now)
        nodata = self.result.status == "nodata"
        proof = denial.no_such_type(name, rdtype) if nodata else denial.no_such_name(name)
        if proof.ok or failure is None:
            return proof, proof.code, proof.text
        return proof, failure.code, failure.text

    def _soa(self, trust: Trust) -> State:
        """The SOA says how long the "no" may be remembered: the one given out has to verify as well."""
        told = self.result.soa
        if told is None:
            return "secure"
        found = next((each for each in self.evidence.all(trust.zone, _SOA) if each.is_as_told([told])), None)
        if found is None:
            text = f"The SOA that came with the answer is not that of {trust.zone}, which signs it."
            return self._unjudged(told.name, "answer-differs", text)
        signed = verify_rrset(found.rrset, found.rrsigs, trust.keys, trust.zone, self.zones.now)
        what = f"{trust.zone} SOA"
        if not signed.ok:
            return self._bogus(trust.zone.to_text(), what, signed.code, signed.text)
        self._link(trust, what, signed.text)
        return "secure"

    def _fetch(self, name: dns.name.Name, rdtype: int) -> Steps[Found | None]:
        """Ask the zone's servers once more, with DNSSEC; what comes joins the evidence."""
        if (name, rdtype) in self._asked:
            return None
        self._asked.add((name, rdtype))
        servers = self.zones.servers(self.zones.enclosing(name, above=rdtype == _DS))
        reply = yield from self.zones.asking.ask(servers, name, rdtype, _is_signed)
        if reply is None:
            return None
        self.evidence.add(reply)
        return self.evidence.first(name, rdtype)

    def _link(self, trust: Trust, what: str, text: str, proof: Proof | None = None) -> None:
        code = proof.meaning if proof is not None and proof.insecure else ""
        if proof is not None and proof.note:
            text = f"{text} {proof.note}"
        self.zones.links.append(Link(trust.zone.to_text(), what, True, text, code))

    def _bogus(self, zone: str, what: str, code: str, text: str) -> State:
        self.zones.links.append(Link(zone, what, False, text, code))
        return "bogus"

    def _unjudged(self, name: str, code: str, text: str) -> State:
        self.zones.links.append(Link(self.result.zone, name, False, text, code))
        return "indeterminate"


def _same(text: str, name: dns.name.Name) -> bool:
    return bool(dns.name.from_text(text) == name)


def _is_signed(reply: dns_wire.Reply) -> bool:
    return any(rr.rdtype == dns_wire.RRSIG for rr in (*reply.answer, *reply.authority))
