"""Which zones can be trusted: from the root's trust anchors down, one delegation at a time (RFC 4035 5).

For every zone on the way the DS is asked of the parent's servers and the DNSKEY of the zone's own. Where
there is no DS, the parent has to prove it, and what is below is insecure. A zone that no referral showed,
since parent and child share servers, is found by the signer name of a signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from labctl.protocols.dns_import import dns
from labctl.protocols.dns_result import Cut, Server
from labctl.protocols.dns_wire import NSEC, NSEC3, Reply
from labctl.protocols.dnssec import verify_rrset
from labctl.protocols.dnssec_ask import Asking, Steps
from labctl.protocols.dnssec_delegation import Delegation, Trust, delegation
from labctl.protocols.dnssec_evidence import Evidence
from labctl.protocols.dnssec_keys import algorithm_name, called, match_ds
from labctl.protocols.dnssec_link import Link, State

if TYPE_CHECKING:
    from dns.rdtypes.ANY.DNSKEY import DNSKEY
    from dns.rdtypes.ANY.DS import DS

_DS = dns.rdatatype.DS
_DNSKEY = dns.rdatatype.DNSKEY
_ROOT = dns.name.root


class Zones:
    """The zones of one walk and their states, worked out when first asked for. `links` is the tale so far."""

    def __init__(self, cuts: Iterable[Cut], anchors: Sequence[str], asking: Asking, now: float) -> None:
        self.links: list[Link] = []
        self.asking = asking
        self.now = now
        self._anchors = _anchors(anchors)
        self._servers = {dns.name.from_text(cut.zone): cut.servers for cut in cuts}
        self._known = {_ROOT, *self._servers}
        self._trusts: dict[dns.name.Name, Trust] = {}
        self._delegations: dict[tuple[dns.name.Name, dns.name.Name], Delegation] = {}

    def enclosing(self, name: dns.name.Name, *, above: bool = False) -> dns.name.Name:
        """The deepest known zone that the name is in; with `above`, that it is strictly below."""
        inside = (zone for zone in self._known if name.is_subdomain(zone) and not (above and zone == name))
        return max(inside, key=len, default=_ROOT)

    def servers(self, zone: dns.name.Name) -> tuple[Server, ...]:
        """Servers of a zone; those of the closest zone above when it shares them."""
        while not self._servers.get(zone) and zone != _ROOT:
            zone = self.enclosing(zone, above=True)
        return self._servers.get(zone, ())

    def trust(self, zone: dns.name.Name) -> Steps[Trust]:
        """Whether this zone can be trusted; its keys when it is secure."""
        known = self._trusts.get(zone)
        if known is None:
            if zone == _ROOT:
                known = yield from self._keys(_ROOT, self._anchors, "the trust anchors")
            else:
                parent = yield from self.trust(self.enclosing(zone, above=True))
                known = yield from self._below(parent, zone)
            self._known.add(zone)
            self._trusts[zone] = known
        return known

    def answering(self, name: dns.name.Name, rdtype: int, signers: set[dns.name.Name]) -> Steps[Trust]:
        """The zone that has to answer for a name: the deepest one known, or a deeper one that signs."""
        above = rdtype == _DS and name != dns.name.root
        trust = yield from self.trust(self.enclosing(name, above=above))
        if trust.state != "secure" or trust.zone in signers:
            return trust
        deeper = [
            signer
            for signer in signers
            if signer != trust.zone
            and signer.is_subdomain(trust.zone)
            and name.is_subdomain(signer)
            and not (above and signer == name)
        ]
        if not deeper:
            return trust
        return (yield from self.trust(max(deeper, key=len)))

    def hidden_cut(self, trust: Trust, name: dns.name.Name, *, above: bool) -> Steps[Trust]:
        """The zone that an unsigned name is really in: there may be a cut that no referral showed.

        The DS of every name from the zone down is asked for (with `above`, the name itself is left out), as
        long as the zone's own proofs say that there is no cut yet. Returns the zone given when there is none.
        """
        depth = len(trust.zone) + 1
        while trust.state == "secure" and depth <= len(name) - (1 if above else 0):
            between = name.split(depth)[1]
            cut = yield from self._delegation(trust, between)
            if cut.state == "indeterminate":
                return self._broken(between, f"DS in {trust.zone}", cut.code, cut.text, cut.state)
            if cut.state == "bogus":
                return trust
            if cut.state != "no-cut":
                trust = yield from self.trust(cut.through or between)
                depth = len(trust.zone)
            depth += 1
        return trust

    def _below(self, parent: Trust, zone: dns.name.Name) -> Steps[Trust]:
        if parent.state != "secure":
            return replace(parent, zone=zone)
        cut = yield from self._delegation(parent, zone)
        if cut.through is not None:
            between = yield from self.trust(cut.through)
            return (yield from self._below(between, zone))
        what = f"DS in {parent.zone}"
        if cut.state == "secure":
            self.links.append(Link(zone.to_text(), what, True, cut.text))
            return (yield from self._keys(zone, cut.ds, called(parent.zone)))
        if cut.state == "insecure":
            self.links.append(Link(zone.to_text(), f"no {what}", True, cut.text, cut.code))
            return Trust(zone, "insecure")
        if cut.state == "no-cut":
            return self._broken(zone, what, "no-zone-cut", f"{zone} is no zone of its own: {cut.text}")
        state: State = "indeterminate" if cut.state == "indeterminate" else "bogus"
        return self._broken(zone, what, cut.code, cut.text, state)

    def _delegation(self, parent: Trust, name: dns.name.Name) -> Steps[Delegation]:
        known = self._delegations.get((parent.zone, name))
        if known is not None:
            return known
        reply = yield from self.asking.ask(parent.servers, name, _DS, _tells_of_ds)
        if reply is None:
            who = f"No server of {called(parent.zone)}"
            text = f"{who} could be asked for the DS of {name}{self._budget_text()}."
            found = Delegation("indeterminate", text, "could-not-ask")
        else:
            found = delegation(reply, parent, name, self.now)
        self._delegations[parent.zone, name] = found
        return found

    def _keys(self, zone: dns.name.Name, ds_set: tuple[DS, ...], source: str) -> Steps[Trust]:
        """Ask for the DNSKEY set; a DS must match one of the keys, and that key must sign all of them."""
        what = "DNSKEY"
        if not ds_set:
            return self._broken(zone, what, "no-trust-anchor", "No trust anchor was given.", "indeterminate")
        servers = self.servers(zone)
        reply = yield from self.asking.ask(servers, zone, _DNSKEY, _has_keys)
        if reply is None:
            text = f"No server of {called(zone)} could be asked for its DNSKEY{self._budget_text()}."
            return self._broken(zone, what, "could-not-ask", text, "indeterminate")
        evidence = Evidence()
        evidence.add(reply)
        found = evidence.first(zone, _DNSKEY)
        if found is None:
            text = f"There is a DS of {zone} from {source}, but its servers give no DNSKEY."
            return self._broken(zone, what, "dnskey-missing", text)
        keys = tuple(cast("DNSKEY", data) for data in found.rrset)
        matched = match_ds(zone, ds_set, keys, source)
        if matched.insecure:
            self.links.append(Link(zone.to_text(), what, True, matched.text, matched.code))
            return Trust(zone, "insecure")
        if not matched.ok:
            code = "anchor-mismatch" if zone == _ROOT else matched.code
            return self._broken(zone, what, code, matched.text)
        signed = verify_rrset(found.rrset, found.rrsigs, matched.keys, zone, self.now)
        if not signed.ok:
            return self._broken(zone, what, signed.code, signed.text)
        tag = f"{signed.key_tag} ({algorithm_name(signed.algorithm)})"
        number = "the zone's only key" if len(keys) == 1 else f"the {len(keys)} keys of the zone"
        text = f"{matched.text[:-1]}, and it signs {number}."
        self.links.append(Link(zone.to_text(), f"DNSKEY {tag}", True, text))
        return Trust(zone, "secure", servers, keys)

    def _broken(self, zone: dns.name.Name, what: str, code: str, text: str, state: State = "bogus") -> Trust:
        self.links.append(Link(zone.to_text(), what, False, text, code))
        return Trust(zone, state)

    def _budget_text(self) -> str:
        return f" within {self.asking.budget} questions" if self.asking.spent else ""


def _tells_of_ds(reply: Reply) -> bool:
    return any(rr.rdtype in {_DS, NSEC, NSEC3} for rr in (*reply.answer, *reply.authority))


def _has_keys(reply: Reply) -> bool:
    return any(rr.rdtype == _DNSKEY for rr in reply.answer)


def _anchors(lines: Sequence[str]) -> tuple[DS, ...]:
    """DS records of the root from lines like `. DS 20326 8 2 E06D...`; a TTL and a class may stand there."""
    ds_set = []
    for line in lines:
        owner, *fields = line.split()
        if owner == "." and "DS" in fields:
            text = " ".join(fields[fields.index("DS") + 1 :])
            ds_set.append(cast("DS", dns.rdata.from_text("IN", "DS", text)))
    return tuple(ds_set)
