"""One RRset against its signatures, and keys against DS records."""

import dns.dnssec
import dns.name
import dns.rdata
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from labctl.protocols import dnssec
from labctl.protocols.dnssec import verify_rrset
from labctl.protocols.dnssec_keys import MAX_PAIRS, match_ds

SHOP = dns.name.from_text("shop.test.")


def address(owner="www.shop.test.", *data):
    return dns.rrset.from_text(owner, 300, "IN", "A", *(data or ("203.0.113.10",)))


def verify(make, rrset, *rrsigs, keys=None, zone=SHOP, now=None):
    keys = [make.key("shop.test.")] if keys is None else keys
    return verify_rrset(rrset, rrsigs, keys, zone, make.now if now is None else now)


def test_a_good_signature_verifies_whatever_the_order_and_case(make):
    rrset = address("www.shop.test.", "203.0.113.10", "203.0.113.2")
    rrsig = make.sign(rrset, "shop.test.")
    turned = address("WWW.Shop.test.", "203.0.113.2", "203.0.113.10")
    signed = verify(make, turned, rrsig)
    assert signed.ok
    assert signed.next_closer is None
    assert signed.max_ttl == 300
    assert f"DNSKEY {rrsig.key_tag} (ECDSAP256SHA256)" in signed.text


@pytest.mark.parametrize(
    ("algorithm", "generate"),
    [
        ("RSASHA256", lambda: rsa.generate_private_key(65537, 1024)),
        ("RSASHA512", lambda: rsa.generate_private_key(65537, 1024)),
        ("ECDSAP384SHA384", lambda: ec.generate_private_key(ec.SECP384R1())),
        ("ED25519", ed25519.Ed25519PrivateKey.generate),
    ],
)
def test_the_algorithms_in_use_are_verified(make, algorithm, generate):
    private = generate()
    key = dns.dnssec.make_dnskey(private.public_key(), algorithm, flags=257)
    rrset = address()
    rrsig = dns.dnssec.sign(rrset, private, SHOP, key, inception=make.now - 5, expiration=make.now + 5)
    signed = verify(make, rrset, rrsig, keys=[key])
    assert signed.ok
    assert algorithm in signed.text


def test_without_a_signature_over_the_type_there_is_none(make):
    assert verify(make, address()).code == "no-signature"
    other = dns.rrset.from_text("www.shop.test.", 300, "IN", "TXT", "hello")
    assert verify(make, address(), make.sign(other, "shop.test.")).code == "no-signature"


@pytest.mark.parametrize(("shift", "code"), [(2, "signature-expired"), (-2, "signature-not-yet-valid")])
def test_a_signature_outside_its_time_is_refused_with_the_date(make, shift, code):
    rrset = address()
    signed = verify(make, rrset, make.sign(rrset, "shop.test."), now=make.now + shift * make.day)
    assert signed.code == code
    assert "2026-09-" in signed.text


def test_the_very_seconds_of_beginning_and_end_are_valid(make):
    rrset = address()
    rrsig = make.sign(rrset, "shop.test.", inception=make.now, expiration=make.now)
    assert verify(make, rrset, rrsig).ok
    assert not verify(make, rrset, rrsig, now=make.now + 1).ok
    assert not verify(make, rrset, rrsig, now=make.now - 1).ok


def test_other_data_does_not_fit_the_signature(make):
    signed = verify(make, address("www.shop.test.", "198.51.100.66"), make.sign(address(), "shop.test."))
    assert signed.code == "signature-wrong"


def test_a_key_of_another_tag_or_algorithm_does_not_match(make):
    rrset = address()
    rrsig = make.sign(rrset, "shop.test.", "another key")
    signed = verify(make, rrset, rrsig)
    assert signed.code == "no-matching-key"
    assert str(rrsig.key_tag) in signed.text
    assert str(make.key("shop.test.").key_id()) in signed.text


@pytest.mark.parametrize("flags", [0, 0x0180 | 1, 1])
def test_revoked_keys_and_keys_without_the_zone_flag_sign_nothing(make, flags):
    key = make.key("shop.test.", flags)
    rrset = address()
    rrsig = make.sign(rrset, "shop.test.").replace(key_tag=key.key_id())
    assert verify(make, rrset, rrsig, keys=[key]).code == "no-matching-key"


def test_a_signer_that_is_not_the_zone_is_refused(make):
    rrset = address()
    assert verify(make, rrset, make.sign(rrset, "test.")).code == "signer-outside-zone"
    outside = address("www.other.test.")
    assert verify(make, outside, make.sign(outside, "shop.test.")).code == "signer-outside-zone"


def test_an_unknown_algorithm_is_said(make):
    rrset = address()
    rrsig = make.sign(rrset, "shop.test.").replace(algorithm=250)
    assert verify(make, rrset, rrsig).code == "algorithm-unsupported"


@pytest.mark.parametrize("labels", [9, 1, 0])
def test_a_label_count_that_the_name_cannot_have_is_refused(make, labels):
    rrset = address()
    rrsig = make.sign(rrset, "shop.test.").replace(labels=labels)
    assert verify(make, rrset, rrsig).code == "labels-wrong"


@pytest.mark.parametrize(
    ("owner", "next_closer"),
    [
        ("a.wild.shop.test.", "a.wild.shop.test."),
        ("b.a.wild.shop.test.", "a.wild.shop.test."),
        ("*.a.wild.shop.test.", "a.wild.shop.test."),
    ],
)
def test_a_wildcard_expansion_tells_which_name_must_not_exist(make, owner, next_closer):
    rrset = address(owner)
    signed = verify(make, rrset, make.sign(rrset, "shop.test.", owner="*.wild.shop.test."))
    assert signed.ok
    assert signed.closest_encloser == dns.name.from_text("wild.shop.test.")
    assert signed.next_closer == dns.name.from_text(next_closer)
    assert "*.wild.shop.test." in signed.text


def test_the_wildcard_itself_is_not_an_expansion(make):
    rrset = address("*.wild.shop.test.")
    assert verify(make, rrset, make.sign(rrset, "shop.test.")).next_closer is None


def test_a_wildcard_does_not_stand_for_names_beside_it(make):
    rrset = address("a.tame.shop.test.")
    rrsig = make.sign(rrset, "shop.test.", owner="*.wild.shop.test.")
    assert verify(make, rrset, rrsig).code == "signature-wrong"


def test_any_one_of_several_signatures_is_enough(make):
    rrset = address()
    bad = make.sign(address("www.shop.test.", "192.0.2.99"), "shop.test.")
    good = make.sign(rrset, "shop.test.")
    assert verify(make, rrset, bad, good).ok


def test_the_failure_that_came_closest_is_the_one_told(make):
    rrset = address()
    expired = make.sign(rrset, "shop.test.", expiration=make.now - 5)
    assert verify(make, rrset, make.sign(rrset, "test."), expired).code == "signature-expired"


def test_colliding_keys_and_signatures_cost_a_bounded_number_of_tries(make, monkeypatch):
    tried = []
    monkeypatch.setattr(dnssec, "_bytes_verify", lambda *pair: bool(tried.append(pair)))
    rrset = address()
    rrsigs = [make.sign(address("www.shop.test.", f"192.0.2.{host}"), "shop.test.") for host in range(1, 20)]
    signed = verify(make, rrset, *rrsigs, keys=[make.key("shop.test.")] * 20)
    assert signed.code == "too-many-signatures"
    assert len(tried) == MAX_PAIRS


@pytest.mark.parametrize("material", [b"", b"\x00", b"\x03", b"\xff" * 64, b"\x00" * 64, b"\x01" * 2000])
@pytest.mark.parametrize("algorithm", [5, 7, 8, 10, 13, 14, 15, 16])
@pytest.mark.parametrize("signature", [b"", b"\x00" * 64, b"\xff" * 300])
def test_keys_and_signatures_of_any_bytes_fail_without_a_traceback(make, material, algorithm, signature):
    key = make.key("shop.test.").replace(key=material, algorithm=algorithm)
    rrset = address()
    rrsig = make.sign(rrset, "shop.test.").replace(
        algorithm=algorithm, key_tag=key.key_id(), signature=signature
    )
    assert verify(make, rrset, rrsig, keys=[key]).code == "signature-wrong"


def ds_of(make, digest="SHA256"):
    policy = dns.dnssec.allow_all_policy
    return dns.dnssec.make_ds("shop.test.", make.key("shop.test."), digest, policy=policy)


@pytest.mark.parametrize(
    ("digest", "name"), [("SHA1", "SHA-1"), ("SHA256", "SHA-256"), ("SHA384", "SHA-384")]
)
def test_a_ds_of_any_known_digest_vouches_for_its_key(make, digest, name):
    key = make.key("shop.test.")
    trusted = match_ds(SHOP, [ds_of(make, digest=digest)], [make.key("another"), key], "test.")
    assert trusted.ok
    assert trusted.keys == (key,)
    assert name in trusted.text


def test_sha1_is_not_fallen_back_to_when_there_is_a_better_digest(make):
    wrong = ds_of(make).replace(digest=b"\x00" * 32)
    trusted = match_ds(SHOP, [ds_of(make, digest="SHA1"), wrong], [make.key("shop.test.")], "test.")
    assert (trusted.ok, trusted.code) == (False, "ds-mismatch")


@pytest.mark.parametrize("text", ["1 250 2 " + "ab" * 32, "1 13 200 " + "ab" * 20])
def test_only_ds_of_unknown_kinds_make_a_zone_insecure(make, text):
    unknown = dns.rdata.from_text("IN", "DS", text)
    assert match_ds(SHOP, [unknown], [make.key("shop.test.")], "test.").insecure
    known = match_ds(SHOP, [unknown, ds_of(make)], [make.key("shop.test.")], "test.")
    assert known.ok
    assert not known.insecure


@pytest.mark.parametrize("flags", [0, 0x0181])
def test_a_ds_vouches_for_no_revoked_key_and_none_without_the_zone_flag(make, flags):
    key = make.key("shop.test.", flags)
    ds = (
        dns.dnssec.make_ds("shop.test.", key, "SHA256")
        if flags
        else ds_of(make).replace(key_tag=key.key_id())
    )
    assert match_ds(SHOP, [ds], [key], "test.").code == "ds-mismatch"
