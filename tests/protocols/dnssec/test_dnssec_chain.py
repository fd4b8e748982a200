"""The verdict on a walk, in healthy zones and in all the ways that a chain can break."""

import base64

import dns.flags
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from dns.rdatatype import NSEC, RRSIG, A

from labctl.protocols.dnssec_chain import Chain
from labctl.protocols.dnssec_nsec3 import hash_name


def strip(reply, *covered):
    """Take signatures away: all, or those over the given types."""
    for section in (reply.answer, reply.authority):
        section[:] = [
            each for each in section
            if each.rdtype != RRSIG or (covered and each.covers not in covered)
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "rdtype"),
    [
        ("www.shop.test.", "A"),
        ("shop.test.", "SOA"),
        ("shop.test.", "DNSKEY"),
        ("shop.test.", "DS"),
        ("near.shop.test.", "A"),
        ("near.shop.test.", "CNAME"),
        ("alias.shop.test.", "A"),
        ("www.old.shop.test.", "A"),
        ("anything.wild.shop.test.", "A"),
        ("two.labels.wild.shop.test.", "A"),
        ("*.wild.shop.test.", "A"),
        ("big.shop.test.", "TXT"),
        ("www.deep.in.test.", "A"),
        (".", "NS"),
    ],
)
def test_a_signed_answer_is_secure(net, name, rdtype):
    verdict = net.judge(name, rdtype)
    assert verdict.state == "secure", verdict.text
    assert verdict.broken is None
    assert all(link.ok and link.text.endswith(".") for link in verdict.links)


@pytest.mark.parametrize(
    ("name", "rdtype", "status"),
    [
        ("nothing.shop.test.", "A", "nxdomain"),
        ("deep.er.nothing.shop.test.", "A", "nxdomain"),
        ("x.sub.wild.shop.test.", "A", "nxdomain"),
        ("nowhere.shop.test.", "A", "nxdomain"),
        ("nosuchtld.", "A", "nxdomain"),
        ("www.shop.test.", "MX", "nodata"),
        ("ent.shop.test.", "A", "nodata"),
        ("sub.wild.shop.test.", "A", "nodata"),
        ("anything.wild.shop.test.", "MX", "nodata"),
        ("www.shop.test.", "DS", "nodata"),
        ("unsigned.test.", "DS", "nodata"),
        ("alias.shop.test.", "MX", "nodata"),
    ],
)
def test_a_proven_no_is_secure(net, name, rdtype, status):
    result, heard = net.walk(name, rdtype)
    verdict = net.chain(result, heard)
    assert result.status == status
    assert verdict.state == "secure", verdict.text


def test_a_zone_whose_parent_proves_that_it_has_no_ds_is_insecure(net):
    verdict = net.judge("www.unsigned.test.")
    assert verdict.state == "insecure"
    assert verdict.links[-1].code == "insecure-delegation"
    assert "NSEC at unsigned.test." in verdict.text


def test_an_alias_out_of_a_signed_zone_into_an_unsigned_one_is_insecure(net):
    assert net.judge("toplain.shop.test.").state == "insecure"


def test_a_no_from_an_unsigned_zone_is_insecure(net):
    assert net.judge("nothing.unsigned.test.").state == "insecure"


def test_zones_that_no_referral_showed_are_found_by_the_signer_of_a_signature(net):
    verdict = net.judge("www.deep.in.test.")
    assert [link.zone for link in verdict.links if link.what.startswith("DS")] == [
        "test.",
        "in.test.",
        "deep.in.test.",
    ]


def test_an_unsigned_zone_that_no_referral_showed_is_found_by_asking_for_ds(net):
    verdict = net.judge("www.plain.in.test.")
    assert verdict.state == "insecure", verdict.text
    assert "plain.in.test." in verdict.text


def test_a_ds_of_an_unknown_algorithm_makes_a_zone_insecure(net):
    verdict = net.judge("www.strange.test.")
    assert verdict.state == "insecure"
    assert verdict.links[-1].code == "algorithm-unsupported"


def test_a_wrong_ds_is_bogus_and_both_key_tags_are_named(net, make):
    verdict = net.judge("www.wrong-ds.test.")
    assert verdict.state == "bogus"
    assert verdict.broken.zone == "wrong-ds.test."
    assert verdict.broken.code == "ds-mismatch"
    assert str(make.key("wrong-ds.test.").key_id()) in verdict.text


def test_a_ds_with_the_right_tag_and_another_digest_is_bogus(make):
    line = make.ds_line("shop.test.")
    net = make.net()
    zone = make.zone(
        "test.",
        "test. 3600 IN NS ns.test.",
        "shop.test. 3600 IN NS ns.shop.test.",
        "ns.shop.test. 3600 IN A 192.0.2.2",
        line[:-4] + "0000",
    )
    net.zones["192.0.2.1"] = [zone]
    verdict = net.judge("www.shop.test.")
    assert (verdict.state, verdict.broken.code) == ("bogus", "ds-mismatch")
    assert "digest" in verdict.text


def test_expired_signatures_are_bogus_and_the_date_is_named(net, make):
    verdict = net.judge("www.shop.test.", now=make.now + 2 * make.day)
    assert (verdict.state, verdict.broken.code) == ("bogus", "signature-expired")
    assert "2026-" in verdict.text


def test_signatures_of_the_future_are_bogus(net, make):
    verdict = net.judge("www.shop.test.", now=make.now - 2 * make.day)
    assert (verdict.state, verdict.broken.code) == ("bogus", "signature-not-yet-valid")


def test_one_matching_trust_anchor_among_several_is_enough(net):
    strangers = [". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"]
    assert net.judge("www.shop.test.", anchors=strangers + net.anchors).state == "secure"
    verdict = net.judge("www.shop.test.", anchors=strangers)
    assert (verdict.state, verdict.broken.code) == ("bogus", "anchor-mismatch")


def test_without_a_trust_anchor_nothing_can_be_judged(net):
    assert net.judge("www.shop.test.", anchors=[]).state == "indeterminate"


def test_stripped_signatures_in_a_signed_zone_are_bogus(net):
    @net.tamper_answers
    def stripped(address, name, rdtype, reply):
        if name == "www.shop.test." and rdtype == "A":
            strip(reply)

    verdict = net.judge("www.shop.test.")
    assert (verdict.state, verdict.broken.code) == ("bogus", "no-signature")


def test_everything_stripped_of_its_signatures_is_bogus(net):
    @net.tamper
    def stripped(address, name, rdtype, reply):
        if name.endswith("shop.test."):
            strip(reply)
            for section in (reply.answer, reply.authority):
                section[:] = [each for each in section if each.rdtype not in {NSEC, dns.rdatatype.DS}]

    assert net.judge("www.shop.test.").state == "bogus"
    assert net.judge("nothing.shop.test.").state == "bogus"


def test_a_server_that_loses_signatures_once_is_asked_again(net):
    lost = []

    @net.tamper_answers
    def stripped(address, name, rdtype, reply):
        if name == "www.shop.test." and rdtype == "A" and not lost:
            lost.append(address)
            strip(reply)

    assert net.judge("www.shop.test.").state == "secure"


def test_another_address_in_the_answer_is_bogus(net):
    @net.tamper_answers
    def forged(address, name, rdtype, reply):
        if name == "www.shop.test." and rdtype == "A":
            reply.answer[0] = dns.rrset.from_text("www.shop.test.", 300, "IN", "A", "198.51.100.66")

    verdict = net.judge("www.shop.test.")
    assert (verdict.state, verdict.broken.code) == ("bogus", "signature-wrong")


def test_one_record_of_two_missing_is_bogus(net):
    @net.tamper_answers
    def shortened(address, name, rdtype, reply):
        if name == "www.shop.test." and rdtype == "A":
            reply.answer[0] = dns.rrset.from_text("www.shop.test.", 300, "IN", "A", "203.0.113.10")

    assert net.judge("www.shop.test.").state == "bogus"


def test_a_missing_ds_without_proof_is_bogus(net):
    @net.tamper
    def unproven(address, name, rdtype, reply):
        if address == "192.0.2.1" and "unsigned" in name:
            reply.authority[:] = [each for each in reply.authority if each.rdtype in {2, 6}]

    verdict = net.judge("www.unsigned.test.")
    assert (verdict.state, verdict.broken.code) == ("bogus", "denial-missing")
    assert verdict.broken.zone == "unsigned.test."


def test_a_signed_zone_cannot_be_made_unsigned_with_the_denial_of_another_name(net):
    other = net.zones["192.0.2.1"][0].signed(dns.name.from_text("unsigned.test."), NSEC)

    @net.tamper
    def swapped(address, name, rdtype, reply):
        if address == "192.0.2.1" and name.endswith("shop.test."):
            for section in (reply.answer, reply.authority):
                section[:] = [each for each in section if each.rdtype == 2]
            reply.authority += other

    assert net.judge("www.shop.test.").state == "bogus"


def test_a_name_that_exists_cannot_be_denied_with_the_nsec_of_another(net):
    shop = net.zones["192.0.2.2"][0]

    @net.tamper_answers
    def swapped(address, name, rdtype, reply):
        if name == "www.shop.test.":
            reply.answer.clear()
            reply.set_rcode(3)
            reply.authority += shop.signed(shop.origin, 6)
            for owner in ("ns.shop.test.", "alias.shop.test.", "shop.test.", "www.new.shop.test."):
                reply.authority += shop.nsec(dns.name.from_text(owner))

    verdict = net.judge("www.shop.test.")
    assert (verdict.state, verdict.broken.code) == ("bogus", "denial-missing")


def test_a_type_that_exists_cannot_be_denied_with_the_nsec_of_its_own_name(net):
    shop = net.zones["192.0.2.2"][0]

    @net.tamper_answers
    def emptied(address, name, rdtype, reply):
        if name == "www.shop.test.":
            reply.answer.clear()
            reply.authority += shop.signed(shop.origin, 6) + shop.nsec(dns.name.from_text(name))

    verdict = net.judge("www.shop.test.")
    assert (verdict.state, verdict.broken.code) == ("bogus", "denial-wrong")


def test_an_nxdomain_turned_into_nodata_is_bogus(net):
    @net.tamper_answers
    def softened(address, name, rdtype, reply):
        if name == "nothing.shop.test.":
            reply.set_rcode(0)

    assert net.judge("nothing.shop.test.").state == "bogus"


def test_a_wildcard_answer_replayed_for_a_name_that_exists_is_bogus(make):
    net = make.net(shop=("real.wild.shop.test. 300 IN A 203.0.113.99",))
    shop = net.zones["192.0.2.2"][0]
    owner = dns.name.from_text("real.wild.shop.test.")

    @net.tamper_answers
    def replayed(address, name, rdtype, reply):
        if name == "real.wild.shop.test." and rdtype == "A":
            reply.answer[:] = shop.signed(dns.name.from_text("*.wild.shop.test."), A, owner)
            reply.authority += shop.covering(dns.name.from_text("rea.wild.shop.test."))

    verdict = net.judge("real.wild.shop.test.")
    assert (verdict.state, verdict.broken.code) == ("bogus", "denial-missing")


def test_a_wildcard_answer_without_its_proof_is_bogus(net):
    @net.tamper_answers
    def bare(address, name, rdtype, reply):
        if name == "anything.wild.shop.test.":
            reply.authority.clear()

    verdict = net.judge("anything.wild.shop.test.")
    assert (verdict.state, verdict.broken.code) == ("bogus", "denial-missing")


def test_the_nsec_of_a_wildcard_under_another_name_denies_nothing(make):
    net = make.net(shop=("real.wild.shop.test. 300 IN A 203.0.113.99",))
    shop = net.zones["192.0.2.2"][0]

    @net.tamper_answers
    def renamed(address, name, rdtype, reply):
        if name == "real.wild.shop.test.":
            reply.answer.clear()
            reply.authority += shop.signed(shop.origin, 6)
            owner, wildcard = dns.name.from_text(name), dns.name.from_text("*.wild.shop.test.")
            reply.authority += shop.signed(wildcard, NSEC, owner)

    assert net.judge("real.wild.shop.test.", "AAAA").state == "bogus"


def test_the_parents_nsec_at_a_zone_cut_denies_nothing_inside_the_child(net):
    parent = net.zones["192.0.2.1"][0]

    @net.tamper_answers
    def from_above(address, name, rdtype, reply):
        if name == "www.shop.test.":
            reply.answer.clear()
            reply.set_rcode(3)
            reply.authority[:] = parent.signed(parent.origin, 6) + parent.nsec(
                dns.name.from_text("shop.test.")
            )

    assert net.judge("www.shop.test.").state == "bogus"


def test_the_childs_nsec_at_its_apex_does_not_deny_its_ds(net):
    shop = net.zones["192.0.2.2"][0]

    @net.tamper_answers
    def from_below(address, name, rdtype, reply):
        if rdtype == "DS" and name == "shop.test.":
            reply.answer.clear()
            reply.authority[:] = shop.signed(shop.origin, 6) + shop.nsec(shop.origin)

    assert net.judge("www.shop.test.").state == "bogus"
    assert net.judge("shop.test.", "DS").state == "bogus"


def test_a_signature_in_the_name_of_the_parent_is_refused(net, make):
    @net.tamper_answers
    def by_parent(address, name, rdtype, reply):
        if name == "www.shop.test." and rdtype == "A":
            rrsig = make.sign(reply.answer[0], "test.")
            reply.answer[1] = dns.rrset.from_rdata(dns.name.from_text(name), 300, rrsig)

    verdict = net.judge("www.shop.test.")
    assert (verdict.state, verdict.broken.code) == ("bogus", "signer-outside-zone")


def test_a_signature_in_the_name_of_a_zone_that_is_none_is_refused(net, make):
    @net.tamper_answers
    def by_itself(address, name, rdtype, reply):
        if name == "www.shop.test." and rdtype == "A":
            rrsig = make.sign(reply.answer[0], "www.shop.test.")
            reply.answer[1] = dns.rrset.from_rdata(dns.name.from_text(name), 300, rrsig)

    verdict = net.judge("www.shop.test.")
    assert (verdict.state, verdict.broken.code) == ("bogus", "no-zone-cut")


def test_a_key_that_the_ds_does_not_name_signs_nothing(net, make):
    @net.tamper_answers
    def other_keys(address, name, rdtype, reply):
        if name == "shop.test." and rdtype == "DNSKEY":
            forged = dns.rrset.from_rdata(
                dns.name.from_text(name), 3600, make.key("shop.test."), make.key("evil")
            )
            rrsig = make.sign(forged, "shop.test.", "evil")
            reply.answer[:] = [forged, dns.rrset.from_rdata(forged.name, 3600, rrsig)]

    verdict = net.judge("www.shop.test.")
    assert (verdict.state, verdict.broken.code) == ("bogus", "no-matching-key")


def test_a_zone_with_a_ds_and_without_keys_is_bogus(net):
    @net.tamper_answers
    def keyless(address, name, rdtype, reply):
        if name == "shop.test." and rdtype == "DNSKEY":
            reply.answer.clear()

    verdict = net.judge("www.shop.test.")
    assert (verdict.state, verdict.broken.code) == ("bogus", "dnskey-missing")


def test_a_cname_that_its_dname_does_not_make_is_never_secure(net):
    @net.tamper_answers
    def elsewhere(address, name, rdtype, reply):
        if name == "www.old.shop.test.":
            reply.answer[:] = [
                dns.rrset.from_text(each.name, 300, "IN", "CNAME", "www.shop.test.")
                if each.rdtype == 5
                else each
                for each in reply.answer
                if each.name != dns.name.from_text("www.new.shop.test.")
            ]

    verdict = net.judge("www.old.shop.test.")
    assert verdict.state in {"bogus", "indeterminate"} or "www.new.shop.test." in verdict.links[-1].text


def test_an_unsigned_cname_in_a_signed_zone_is_bogus(net):
    @net.tamper_answers
    def forged(address, name, rdtype, reply):
        if name == "www.shop.test." and rdtype == "A":
            reply.answer[:] = [dns.rrset.from_text(name, 300, "IN", "CNAME", "www.example.")]

    verdict = net.judge("www.shop.test.")
    assert verdict.state == "bogus"
    assert "www.shop.test. CNAME" in verdict.text


def test_silence_of_one_server_leads_to_the_next(net):
    @net.tamper
    def silent(address, name, rdtype, reply):
        return True if address == "192.0.2.2" else None

    assert net.judge("www.shop.test.").state == "secure"
    assert ("192.0.2.3", "shop.test.", "DNSKEY", "udp") in net.asked


def test_garbage_from_one_server_leads_to_the_next(net):
    @net.tamper
    def garbage(address, name, rdtype, reply):
        return b"\x00\x01garbage" if address == "192.0.2.2" and rdtype == "DNSKEY" else None

    assert net.judge("www.shop.test.").state == "secure"


def test_servers_that_cannot_be_asked_leave_it_indeterminate(net):
    @net.tamper
    def silent(address, name, rdtype, reply):
        return True if rdtype == "DNSKEY" and name == "shop.test." else None

    verdict = net.judge("www.shop.test.")
    assert (verdict.state, verdict.broken.code) == ("indeterminate", "could-not-ask")
    assert verdict.broken.zone == "shop.test."


def test_a_truncated_reply_is_asked_for_again_over_tcp(net):
    @net.tamper
    def cut(address, name, rdtype, reply):
        if rdtype == "DNSKEY" and net.asked[-1][3] == "udp":
            reply.answer.clear()
            reply.flags |= dns.flags.TC

    assert net.judge("www.shop.test.").state == "secure"
    assert ("192.0.2.2", "shop.test.", "DNSKEY", "tcp") in net.asked


def test_the_budget_of_questions_holds(net):
    verdict = net.judge("www.shop.test.", budget=3)
    assert verdict.state == "indeterminate"
    assert "within 3 questions" in verdict.text


def test_a_failed_walk_is_indeterminate(net):
    @net.tamper
    def silent(address, name, rdtype, reply):
        return True if address.startswith("192.") else None

    verdict = net.judge("www.shop.test.")
    assert verdict.state == "indeterminate"


def test_without_any_replies_the_answer_is_asked_for_again_and_compared(net):
    result, heard = net.walk("www.shop.test.")
    assert net.chain(result, []).state == "secure"
    other, _ = net.walk("shop.test.", "A")
    verdict = net.chain(result._replace(records=other.records), heard)
    assert (verdict.state, verdict.broken.code) == ("indeterminate", "answer-differs")


def test_a_soa_of_another_zone_beside_the_denial_is_never_secure(net):
    parent = net.zones["192.0.2.1"][0]

    @net.tamper_answers
    def foreign(address, name, rdtype, reply):
        if name == "nothing.shop.test.":
            reply.authority[:] = [
                each for each in reply.authority if each.rdtype == NSEC or each.covers == NSEC
            ]
            reply.authority += [dns.rrset.from_text("shop.test.", 9999, "IN", "SOA", "a. b. 1 2 3 4 99999")]
            reply.authority += parent.signed(parent.origin, 6)

    assert net.judge("nothing.shop.test.").state in {"bogus", "indeterminate"}


@pytest.mark.parametrize("name", ["near.shop.test.", "alias.shop.test."])
def test_the_ds_of_an_aliased_name_is_denied_where_the_alias_leads(net, name):
    result, heard = net.walk(name, "DS")
    verdict = net.chain(result, heard)
    assert (result.status, verdict.state) == ("nodata", "secure"), verdict.text


@pytest.mark.parametrize("opt_out", [False, True])
def test_an_unsigned_zone_may_be_proven_with_nsec3_or_opted_out(net, make, opt_out):
    def nsec3(owner, after, types):
        text = f"1 {int(opt_out)} 0 - {after} {types}"
        rrset = dns.rrset.from_text(f"{owner}.test.", 120, "IN", "NSEC3", text)
        return [rrset, dns.rrset.from_rdata(rrset.name, 120, make.sign(rrset, "test."))]

    def hashed(text, beside=0):
        number = int.from_bytes(hash_name(dns.name.from_text(text), b"", 0)) + beside
        return base64.b32hexencode(number.to_bytes(20)).decode()

    before, here, after = (hashed("unsigned.test.", beside) for beside in (-1, 0, 1))

    @net.tamper_answers
    def by_hash(address, name, rdtype, reply):
        if name == "unsigned.test." and rdtype == "DS":
            reply.authority[:] = reply.authority[:2]
            if opt_out:
                reply.authority += nsec3(hashed("test."), before, "NS SOA RRSIG DNSKEY NSEC3PARAM")
                reply.authority += nsec3(before, after, "A RRSIG")
            else:
                reply.authority += nsec3(here, after, "NS")

    verdict = net.judge("www.unsigned.test.")
    assert verdict.state == "insecure", verdict.text
    assert verdict.links[-1].code == ("opt-out" if opt_out else "insecure-delegation")


def test_a_ttl_above_the_signed_one_is_told(net):
    @net.tamper_answers
    def longer(address, name, rdtype, reply):
        if name == "www.shop.test.":
            reply.answer[0] = dns.rrset.from_rdata_list(reply.answer[0].name, 99999, list(reply.answer[0]))

    verdict = net.judge("www.shop.test.")
    assert verdict.state == "secure"
    assert "TTL of 99999 is more than the 300" in verdict.links[-1].text


def test_every_link_is_a_sentence_that_names_its_zone_tags_and_algorithms(net):
    for name in ("www.shop.test.", "www.unsigned.test.", "www.wrong-ds.test.", "nothing.shop.test."):
        verdict = net.judge(name)
        for link in verdict.links:
            assert link.text.endswith(".")
            assert len(link.what) < 60
            if link.what.startswith("DNSKEY "):
                assert "ECDSAP256SHA256" in link.text
        assert verdict.text.startswith(f"{name} A is {verdict.state}: ")


def test_hearing_when_nothing_was_asked_is_the_callers_mistake(net, make):
    result, heard = net.walk("www.shop.test.")
    chain = Chain(result, heard, [], now=make.now)
    assert chain.next_question() is None
    with pytest.raises(ValueError, match="nothing was asked"):
        chain.hear(b"")


def test_what_is_heard_is_told_with_its_kind_and_size(net, make):
    result, heard = net.walk("www.shop.test.")
    chain = Chain(result, heard, net.anchors, now=make.now)
    question = chain.next_question()
    assert (question.name, question.type, question.via) == (".", "DNSKEY", "udp")
    silent = chain.hear(None, failure="timeout")
    assert (silent.kind, silent.failure) == ("silent", "timeout")
    assert chain.next_question() is None
    assert chain.verdict.state == "indeterminate"
