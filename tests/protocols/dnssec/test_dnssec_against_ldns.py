"""Zones signed by another program (ldns-signzone 1.8.3) verify here: canonical forms, NSEC and NSEC3 chains.

The files hold mixed-case names in every type that has names in its data (RFC 6840 section 5.1 lists which of
them are lowered before signing), a wildcard, an empty non-terminal and an unsigned delegation.
"""

from pathlib import Path

import dns.name
import dns.rdatatype
import dns.rrset
import dns.zone
import pytest

from labctl.protocols.dnssec import verify_rrset
from labctl.protocols.dnssec_denial import Denial

ZONE = dns.name.from_text("zone.test.")
DATE = 1_795_600_000.0
UNSIGNED = {("plain.zone.test.", "NS"), ("ns.plain.zone.test.", "A")}


def at(text):
    return dns.name.from_text(f"{text}.zone.test.")


@pytest.fixture(scope="module", params=["nsec", "nsec3"])
def zone(request):
    file = Path(__file__).parent / f"signed_by_ldns_{request.param}.zone"
    return dns.zone.from_file(str(file), origin=ZONE, relativize=False)


def rrsets(zone):
    for owner, node in zone.items():
        for rdataset in node.rdatasets:
            if rdataset.rdtype != dns.rdatatype.RRSIG:
                rrsigs = zone.get_rdataset(owner, dns.rdatatype.RRSIG, covers=rdataset.rdtype) or []
                yield dns.rrset.from_rdata_list(owner, rdataset.ttl, list(rdataset)), list(rrsigs)


def test_every_signature_of_another_signer_verifies(zone):
    keys = list(zone.get_rdataset(ZONE, "DNSKEY"))
    for rrset, rrsigs in rrsets(zone):
        what = (rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype))
        signed = verify_rrset(rrset, rrsigs, keys, ZONE, DATE)
        assert signed.code == ("no-signature" if what in UNSIGNED else ""), signed.text


def test_the_denials_of_another_signer_prove_what_is_so(zone):
    records = [(rrset.name, data) for rrset, _ in rrsets(zone) for data in rrset if rrset.rdtype in {47, 50}]
    denial = Denial(ZONE, records)
    assert denial.no_such_name(at("nothing")).meaning == "no-such-name"
    assert denial.no_such_type(at("WWW"), 15).meaning == "no-such-type"
    assert denial.no_such_type(at("ent"), 1).meaning == "empty-non-terminal"
    assert denial.no_such_type(at("x.wild"), 15).meaning == "no-such-type"
    assert denial.no_closer_match(at("x.wild")).meaning == "no-closer-match"
    assert denial.no_ds(at("plain")).meaning == "insecure-delegation"
    assert denial.no_ds(at("www")).meaning == "no-delegation"
    for name in (at("www"), at("x.wild"), at("ent"), at("x.plain"), at("x.dname")):
        assert not denial.no_such_name(name).ok
    for name, rdtype in ((at("www"), 1), (at("x.wild"), 1), (at("cname"), 15), (at("plain"), 1)):
        assert not denial.no_such_type(name, rdtype).ok
