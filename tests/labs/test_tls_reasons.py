"""Why a certificate is refused: the right reason and the right remedy for what goes wrong on people's own sites."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from labs.tls.certificates import LONGEST_NAME, Certificate, days_between, gap, printable, read_chain
from labs.tls.reasons import reason
from labs.tls.tables import chain_table, validity

NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
EXPIRED, SELF_SIGNED, NO_LOCAL_ISSUER, NO_AUTHORITY, NOT_PERMITTED, WRONG_NAME = 10, 18, 20, 24, 47, 62


class Made(NamedTuple):
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)


def made(
    name: str,
    issuer: Made | None = None,
    *names: str,
    until: int = 90,
    issuer_at: str = "",
    named_as: str = "",
) -> Made:
    """A certificate that ends in so many days; without an issuer it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    above = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, named_as)]) if named_as else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer is not None and not named_as else above)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - dt.timedelta(days=200))
        .not_valid_after(NOW + dt.timedelta(days=until, hours=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(map(x509.DNSName, names))), False)
    if issuer_at:
        place = x509.UniformResourceIdentifier(issuer_at)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), False)
    return Made(builder.sign(issuer.key if issuer is not None else key, hashes.SHA256()), key)


ROOT = made("Root")
INTER = made("Today's Intermediate", ROOT)
OLD = made("Last Year's Intermediate", ROOT)
LEAF = made("www.site.test", INTER, "www.site.test", "site.test", issuer_at="http://i.test/today.der")


def why(code: int, *sent: Made, host: str = "www.site.test", trusted: Made = ROOT) -> str:
    chain = read_chain([each.der for each in sent], [trusted.der])
    found = reason(code, "openssl's words.", chain, host, NOW.timestamp())
    return f"{found.word}: {found.sentence} {found.fix}"


def test_a_leaf_alone_lacks_its_intermediate_and_the_servers_file_is_named() -> None:
    said = why(NO_LOCAL_ISSUER, LEAF)
    assert said.startswith("missing-intermediate: The server sent only its own certificate")
    assert "fullchain.pem" in said
    assert "ssl_certificate of nginx" in said
    assert "http://i.test/today.der" in said


def test_another_intermediate_than_the_one_that_issued_is_a_missing_intermediate_too() -> None:
    said = why(NO_LOCAL_ISSUER, LEAF, OLD)
    assert said.startswith("missing-intermediate: The server sent 2 certificates")
    assert "Today's Intermediate, is not among them" in said


def test_a_leaf_of_a_private_root_is_told_that_the_root_has_to_be_given_to_the_clients() -> None:
    private = made("Our Own Root")
    assert "If Our Own Root is a root of your own, give it to the clients." in why(
        NO_LOCAL_ISSUER, made("www.site.test", private, "www.site.test")
    )


def test_an_expired_certificate_may_have_been_renewed_and_not_loaded() -> None:
    said = why(EXPIRED, made("www.site.test", INTER, "www.site.test", until=-7), INTER)
    assert "was good until 2026-11-18, 7 days ago" in said
    assert "reload the server" in said


def test_an_expired_intermediate_is_not_mended_by_renewing_the_servers_own() -> None:
    over = made("Old Authority", ROOT, until=-2)
    said = why(EXPIRED, made("www.site.test", over, "www.site.test"), over)
    assert said.startswith("expired: The certificate of Old Authority")
    assert "The server's own is good." in said


def test_a_name_of_another_site_points_at_the_configuration_of_virtual_hosts() -> None:
    said = why(WRONG_NAME, LEAF, INTER, host="shop.test")
    assert "server_name in nginx" in said


@pytest.mark.parametrize("host", ["site.test", "a.b.site.test"])
def test_a_star_stands_for_exactly_one_label(host: str) -> None:
    starred = made("site", INTER, "*.site.test")
    assert "The star of *.site.test stands for exactly one label." in why(
        WRONG_NAME, starred, INTER, host=host
    )


def test_an_address_is_not_told_to_configure_virtual_hosts() -> None:
    said = why(WRONG_NAME, LEAF, INTER, host="192.0.2.1")
    assert "Ask with a name that it has" in said
    assert "nginx" not in said


def test_who_is_named_like_its_issuer_did_not_sign_itself() -> None:
    odd = made("Root", made("Another Root"), named_as="Root")
    assert not Certificate(odd.der).self_signed
    assert not why(SELF_SIGNED, odd, trusted=OLD).startswith("self-signed")


def test_rare_reasons_have_words_of_their_own() -> None:
    assert why(NO_AUTHORITY, LEAF, INTER).startswith("issuer-is-no-authority: ")
    assert why(NOT_PERMITTED, LEAF, INTER).startswith("name-not-permitted: ")
    assert why(1234, LEAF, INTER).startswith("openssl-1234: OpenSSL says: openssl's words. ")


def test_a_long_chain_is_built_to_its_end_and_cut_in_the_picture_only() -> None:
    chain = [ROOT]
    for number in range(30):
        chain.append(made(f"Step {number}", chain[-1]))
    found = read_chain([each.der for each in reversed(chain[1:])], [ROOT.der])
    assert found.root == Certificate(ROOT.der)
    assert found.missing == ""
    rows = chain_table(found).rows
    assert len(rows) == 13
    assert "19 more" in [row.cells[0] for row in rows]
    assert rows[-1].cells == ("not sent", "Root", "a root of ours")


def test_what_was_sent_twice_or_for_nothing_or_out_of_order_is_told() -> None:
    def told(*sent: Made) -> str:
        return gap(read_chain([each.der for each in sent], [ROOT.der]))

    assert "www.site.test was sent 2 times." in told(LEAF, LEAF, INTER)
    assert "Last Year's Intermediate belongs to no step" in told(LEAF, INTER, OLD)
    assert "in another order" in told(LEAF, ROOT, INTER)
    assert "another order" not in told(LEAF, INTER, ROOT)


def test_how_long_a_certificate_is_still_good_is_said() -> None:
    soon = made("www.site.test", INTER, "www.site.test", until=3)
    assert "(3 days left)" in validity(read_chain([soon.der], [ROOT.der]), NOW.timestamp())


@pytest.mark.parametrize(
    ("now", "then", "days"),
    [
        ((25, 1), (26, 0), 1),
        ((25, 23), (26, 0), 1),
        ((25, 0), (25, 23), 0),
        ((25, 18), (18, 19), -7),
        ((18, 19), (25, 18), 7),
    ],
)
def test_days_are_counted_by_their_dates_both_ways(
    now: tuple[int, int], then: tuple[int, int], days: int
) -> None:
    moments = [dt.datetime(2026, 11, d, h, tzinfo=dt.UTC).timestamp() for d, h in (now, then)]
    assert days_between(*moments) == days


def test_bytes_that_are_no_certificate_are_told_and_never_an_error() -> None:
    chain = read_chain([b"\x30\x03\x02\x01\x01", INTER.der], [ROOT.der])
    assert gap(chain).startswith("The path ends at a certificate that cannot be read here.")
    assert chain_table(chain).rows
    assert reason(NO_LOCAL_ISSUER, "words", chain, "a.test", 0).word == "refused"
    assert validity(chain, 0) == "The server's certificate cannot be read here."


def test_the_names_of_a_stranger_reach_no_terminal_as_they_are() -> None:
    evil = made("\x1b[31mred\x07\n\u202e", ROOT, "a." + "b" * 5000)
    certificate = Certificate(evil.der)
    assert certificate.name == r"\x1b[31mred\x07\n\u202e"
    assert len(certificate.names[0]) == LONGEST_NAME


@given(st.text(), st.integers(8, 100))
def test_every_text_of_a_stranger_comes_out_printable_and_short(text: str, most: int) -> None:
    shown = printable(text, most)
    assert shown.isprintable()
    assert len(shown) <= most


def test_addresses_in_a_certificate_are_names_too() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    address = x509.IPAddress(ipaddress.ip_address("192.0.2.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW)
        .not_valid_after(NOW + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), True)
        .sign(key, hashes.SHA256())
    )
    found = Certificate(certificate.public_bytes(serialization.Encoding.DER))
    assert (found.names, found.name) == (("192.0.2.1",), "nobody")
