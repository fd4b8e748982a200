"""Names and types as people type them."""

import subprocess
import sys

import hypothesis.strategies as st
import pytest
from hypothesis import given

from labctl.errors import UsageError
from labctl.protocols import dns_labels
from labctl.protocols.dns_names import parse_name, parse_type, reverse_name, special_name


def code(function, text):
    with pytest.raises(UsageError) as caught:
        function(text)
    assert len(caught.value.headline.split()) > 3
    assert not caught.value.headline.endswith(".")
    assert caught.value.headline.isprintable()
    return caught.value.code


def test_a_name_is_made_absolute_and_lower_case():
    name = parse_name("WWW.Example.COM")
    assert (name.ascii, name.unicode, name.labels) == (
        "www.example.com.",
        "www.example.com.",
        (b"www", b"example", b"com"),
    )
    assert not name.is_idn
    assert parse_name(".").ascii == "."


@pytest.mark.parametrize(
    ("text", "ascii", "unicode"),
    [
        ("münchen.de", "xn--mnchen-3ya.de.", "münchen.de."),
        ("xn--mnchen-3ya.de.", "xn--mnchen-3ya.de.", "münchen.de."),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah.", "例え.テスト."),
        ("_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example.", "_dmarc.bücher.example."),
    ],
)
def test_an_idn_is_shown_both_ways(text, ascii, unicode):
    name = parse_name(text)
    assert (name.ascii, name.unicode, name.is_idn) == (ascii, unicode, True)


def test_an_a_label_that_cannot_be_decoded_stays_as_it_is():
    assert parse_name("xn--\\255.test").unicode == "xn--\\255.test."
    assert parse_name("xn--a.test").unicode == "xn--a.test."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 64 + ".test", "name-label-too-long"),
        ("ü" * 70 + ".test", "name-label-too-long"),
        (".".join(["a" * 60] * 5), "name-too-long"),
        ("a..b", "name-empty-label"),
        (".a", "name-empty-label"),
        ("", "name-empty-label"),
        ("..", "name-empty-label"),
        ("https://example.com/a?b", "name-is-url"),
        ("//example.com", "name-is-url"),
        ("example.com/a", "name-is-url"),
        ("example.com:53", "name-is-url"),
        ("me@example.com", "name-is-url"),
        ("a b.test", "name-bad-characters"),
        ("a\x1b[31m.test", "name-bad-characters"),
        ("a\\999.test", "name-bad-characters"),
        ("a\\", "name-bad-characters"),
        ("☃.test", "name-idna"),
        ("\u202eabc.test", "name-idna"),
    ],
)
def test_a_name_that_cannot_be_meant_has_a_code_and_a_sentence(text, expected):
    assert code(parse_name, text) == expected


def test_a_url_is_answered_with_its_host():
    with pytest.raises(UsageError) as caught:
        parse_name("https://user@www.example.com:8443/path")
    assert caught.value.fixes == ("www.example.com",)


def test_63_and_255_octets_are_allowed():
    assert parse_name("a" * 63 + ".test").labels[0] == b"a" * 63
    name = ".".join(["a" * 63] * 3 + ["a" * 61])
    assert dns_labels.octets(parse_name(name).labels) == 255
    assert code(parse_name, name + "a") == "name-too-long"


def test_underscores_stars_and_classless_reverse_zones_are_names():
    for text in ("_sip._tcp.example.com.", "*.wild.test.", "0/25.2.0.192.in-addr.arpa.", "a\\032b.test."):
        assert parse_name(text).ascii == text


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_a_usage_error(text):
    try:
        name = parse_name(text)
    except UsageError as error:
        name, headline = None, error.headline
    if name is None:
        assert headline.isprintable()
        return
    assert dns_labels.octets(name.labels) <= 255
    assert dns_labels.from_text(name.ascii) == name.labels
    assert parse_name(name.ascii).labels == name.labels


@given(st.lists(st.binary(min_size=1, max_size=63), max_size=3))
def test_labels_of_any_octets_survive_as_text(labels):
    name = tuple(label.lower() for label in labels)
    text = dns_labels.to_text(name)
    assert text.isprintable()
    assert dns_labels.from_text(text) == name


def test_reverse_names():
    assert reverse_name("203.0.113.10") == "10.113.0.203.in-addr.arpa."
    assert reverse_name("2001:db8::1").endswith(".8.b.d.0.1.0.0.2.ip6.arpa.")
    assert reverse_name("[fe80::1%eth0]").endswith("0.8.e.f.ip6.arpa.")
    assert code(reverse_name, "203.0.113.300") == "address-invalid"


def test_types_by_name_and_by_number():
    assert parse_type("aaaa") == "AAAA"
    assert parse_type("TYPE65") == "HTTPS"
    assert parse_type("type65280") == "TYPE65280"
    assert parse_type("any") == "ANY"


@pytest.mark.parametrize("text", ["AAAAA", "foo", "TYPE99999", "TYPE0", "AXFR", "OPT", "", "A A", "\x1b"])
def test_what_is_no_type_is_told(text):
    assert code(parse_type, text) == "type-unknown"


def test_a_mistyped_type_is_answered_with_the_near_one():
    with pytest.raises(UsageError, match="Did you mean AAAA"):
        parse_type("AAAAA")


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "a.localhost.",
        "x.onion",
        "x.alt",
        "nas.home.arpa.",
        "a.invalid",
        "printer.local",
        "x.internal",
        "1.0.168.192.in-addr.arpa.",
        "1.0.0.127.in-addr.arpa.",
        "9.20.172.in-addr.arpa.",
        reverse_name("fd00::1"),
        reverse_name("fe80::1"),
    ],
)
def test_special_names_are_explained(name):
    sentence = special_name(name)
    assert sentence.endswith(".")
    assert "RFC" in sentence or "ICANN" in sentence


@pytest.mark.parametrize(
    "name",
    [
        "shop.test.",
        "notlocal.",
        "localhost.example.com.",
        "1.1.168.193.in-addr.arpa.",
        "1.110.in-addr.arpa.",
        ".",
    ],
)
def test_ordinary_names_are_not_special(name):
    assert special_name(name) is None


def test_names_and_results_are_imported_without_dnspython():
    program = (
        "import sys, labctl.protocols.dns_names, labctl.protocols.dns_result;"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('dns', 'idna', 'ipaddress')], sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_dnspython_is_imported_without_importlib_metadata_and_keeps_its_signatures():
    program = (
        "import sys; from labctl.protocols.dns_import import dns;"
        "assert 'importlib.metadata' not in sys.modules;"
        "import importlib.metadata; assert importlib.metadata.version('dnspython');"
        "import dns.dnssec; assert dns._features.have('dnssec')"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
