"""What a secure zone says about a name below it: a signed zone, an unsigned one, or no zone of its own.

Pure: one reply to a question for the DS record in, a `Delegation` out (RFC 4035 section 5.2, RFC 6840 4.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from labctl.protocols.dns_import import dns
from labctl.protocols.dns_result import Server
from labctl.protocols.dns_wire import Reply
from labctl.protocols.dnssec import Signed, verify_rrset
from labctl.protocols.dnssec_denial import Denial, fit_to_deny
from labctl.protocols.dnssec_evidence import Evidence
from labctl.protocols.dnssec_keys import called, match_ds
from labctl.protocols.dnssec_link import State

if TYPE_CHECKING:
    from dns.rdtypes.ANY.DNSKEY import DNSKEY
    from dns.rdtypes.ANY.DS import DS

# NSEC and NSEC3 RRsets verified for one proof; an honest one needs three at most.
MAX_DENIALS = 16


@dataclass(frozen=True)
class Trust:
    """A zone, whether it can be trusted, and if so its servers and the keys that may sign in it."""

    zone: dns.name.Name
    state: State
    servers: tuple[Server, ...] = ()
    keys: tuple[DNSKEY, ...] = ()


@dataclass(frozen=True)
class Delegation:
    """`through` is a zone between the two that has to be looked at first; `ds` is set for a signed zone."""

    state: Literal["secure", "insecure", "no-cut", "through", "bogus", "indeterminate"]
    text: str = ""
    code: str = ""
    ds: tuple[DS, ...] = ()
    through: dns.name.Name | None = None


def delegation(reply: Reply, parent: Trust, name: dns.name.Name, now: float) -> Delegation:
    """Read a reply for the DS of `name`, which a server of the secure zone `parent` gave."""
    evidence = Evidence()
    evidence.add(reply)
    found = evidence.first(name, dns.rdatatype.DS)
    signers = found.signers if found else {s for denying in evidence.denials() for s in denying.signers}
    through = _between(parent.zone, name, signers)
    if through is not None and parent.zone not in signers:
        return Delegation("through", through=through)
    if found is not None:
        signed = verify_rrset(found.rrset, found.rrsigs, parent.keys, parent.zone, now)
        if not signed.ok:
            return Delegation("bogus", signed.text, signed.code)
        if signed.closest_encloser is not None:
            return Delegation("bogus", f"The DS of {name} was expanded from a wildcard.", "labels-wrong")
        ds_set = tuple(cast("DS", data) for data in found.rrset)
        matched = match_ds(name, ds_set, (), called(parent.zone))
        if matched.insecure:
            return Delegation("insecure", matched.text, matched.code)
        return Delegation("secure", signed.text, ds=ds_set)
    denial, failure = read_denial(evidence, parent, now)
    proof = denial.no_ds(name)
    if not proof.ok:
        text, code = (failure.text, failure.code) if failure else (proof.text, proof.code)
        return Delegation("bogus", text, code)
    if proof.meaning == "no-delegation":
        return Delegation("no-cut", proof.text)
    return Delegation("insecure", proof.text, proof.meaning)


def read_denial(evidence: Evidence, trust: Trust, now: float) -> tuple[Denial, Signed | None]:
    """What the NSEC and NSEC3 records of a secure zone deny, and the first of them that did not verify."""
    records: list[tuple[dns.name.Name, dns.rdata.Rdata]] = []
    failure: Signed | None = None
    candidates = [
        found
        for found in evidence.denials()
        if found.rrset.name.is_subdomain(trust.zone) and (not found.rrsigs or trust.zone in found.signers)
    ]
    for found in candidates[:MAX_DENIALS]:
        signed = verify_rrset(found.rrset, found.rrsigs, trust.keys, trust.zone, now)
        if fit_to_deny(signed):
            records.extend((found.rrset.name, data) for data in found.rrset)
        elif not signed.ok:
            failure = failure or signed
    return Denial(trust.zone, records), failure


def _between(
    parent: dns.name.Name, name: dns.name.Name, signers: Iterable[dns.name.Name]
) -> dns.name.Name | None:
    """The highest signer that is a zone strictly between the two."""
    inside = [
        signer
        for signer in signers
        if signer not in {parent, name} and signer.is_subdomain(parent) and name.is_subdomain(signer)
    ]
    return min(inside, key=len, default=None)
