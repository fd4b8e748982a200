"""URLs: read as a browser reads them, refused where clients do not agree, joined as RFC 3986 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.errors import UsageError
from labctl.protocols.url import LONGEST, PORTS, Url, join, parse_url


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("https://www.shop.test/", "https://www.shop.test/"),
        ("www.shop.test", "https://www.shop.test/"),
        ("//www.shop.test/x", "https://www.shop.test/x"),
        ("localhost:5000/x?y#z", "https://localhost:5000/x?y#z"),
        ("HTTP://WWW.Shop.Test.:80/", "http://www.shop.test/"),
        ("http://shop.test:/", "http://shop.test/"),
        ("https://shop.test:80/", "https://shop.test:80/"),
        ("http://a/b/../c/./d", "http://a/c/d"),
        ("http://a/%2E%2e/b", "http://a/b"),
        ("http://a/b/..", "http://a/"),
        ("http://a?q=/../x", "http://a/?q=/../x"),
        ("http://a/x?", "http://a/x?"),
        ("http://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("http://192.0.2.1/", "http://192.0.2.1/"),
        ("http://bücher.test/ä?ö=ü#ß", "http://xn--bcher-kva.test/%C3%A4?%C3%B6=%C3%BC#%C3%9F"),
        ("http://a/100%", "http://a/100%25"),
        ("http://a/%41%7e", "http://a/%41%7e"),
        ('http://a/"<>^`{}', "http://a/%22%3C%3E%5E%60%7B%7D"),
        ("  https://a/ \n", "https://a/"),
    ],
)
def test_a_url_is_read_as_it_is_meant(typed: str, meant: str) -> None:
    assert parse_url(typed).text == meant
    assert parse_url(meant).text == meant


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "url-invalid"),
        ("   ", "url-invalid"),
        ("https://", "url-invalid"),
        ("https:///path", "url-invalid"),
        ("https://.", "url-invalid"),
        ("https:/a", "url-invalid"),
        ("ftp://a/", "url-scheme-unknown"),
        ("file:///etc/passwd", "url-scheme-unknown"),
        ("javascript:alert(1)", "url-scheme-unknown"),
        ("http://a:0/", "port-out-of-range"),
        ("http://a:65536/", "port-out-of-range"),
        ("http://a:99999999999999999999/", "port-out-of-range"),
        ("http://a:٣/", "url-invalid"),
        ("http://a:b/", "url-invalid"),
        ("http://a:-1/", "url-invalid"),
        ("http://::1/", "url-invalid"),
        ("http://[::1/", "url-invalid"),
        ("http://[::1]x/", "url-invalid"),
        ("http://[1.2.3.4]/", "url-invalid"),
        ("http://[fe80::1%25eth0]/", "url-invalid"),
        ("http://127.1/", "url-invalid"),
        ("http://0x7f.1/", "url-invalid"),
        ("http://256.0.0.1/", "url-invalid"),
        ("http://a b/", "url-invalid"),
        ("http://a/b c", "url-invalid"),
        ("http://a/\x00", "url-invalid"),
        ("http://a/x\r\nHost: b", "url-invalid"),
        ("http://a\\b/", "url-invalid"),
        ("http://user:secret@a/", "url-invalid"),
        ("http://a..b/", "name-empty-label"),
        ("http://" + "a" * 64 + ".test/", "name-label-too-long"),
        ("http://%61/", "name-bad-characters"),
        ("http://a/" + "x" * LONGEST, "url-invalid"),
    ],
)
def test_what_no_url_may_be_is_refused(typed: str, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_url(typed)
    assert refused.value.code == code
    assert len(refused.value.headline) < 300


def test_a_password_is_not_repeated_in_the_refusal() -> None:
    with pytest.raises(UsageError) as refused:
        parse_url("https://me:hunter2@shop.test/")
    said = repr((refused.value.headline, refused.value.evidence, refused.value.fixes))
    assert "hunter2" not in said
    assert refused.value.fixes == ("labctl url https://shop.test",)


@pytest.mark.parametrize("typed", ["https:/www.shop.test/", "http://a/b c", "htps://www.shop.test/"])
def test_a_fix_is_a_url_that_can_be_read(typed: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_url(typed)
    (fix,) = refused.value.fixes
    assert parse_url(fix.removeprefix("labctl url ")).scheme in PORTS


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        # RFC 3986 section 5.4.1, without the fragment alone and without what has another scheme.
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q#s"),
        ("g#s", "http://a/b/c/g#s"),
        ("g?y#s", "http://a/b/c/g?y#s"),
        (";x", "http://a/b/c/;x"),
        (".", "http://a/b/c/"),
        ("./", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../g", "http://a/g"),
        # Section 5.4.2.
        ("../../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        ("..g", "http://a/b/c/..g"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("https://other.test", "https://other.test/"),
        ("/ä".encode().decode("latin-1"), "http://a/%C3%A4"),
        ("/ä", "http://a/%C3%A4"),
    ],
)
def test_a_location_leads_where_rfc_3986_says(location: str, leads_to: str) -> None:
    assert join(parse_url("http://a/b/c/d;p?q"), location).text == leads_to


def test_a_location_without_a_fragment_inherits_it() -> None:
    assert join(parse_url("http://a/#here"), "/b").text == "http://a/b#here"
    assert join(parse_url("http://a/#here"), "https://b/").fragment == "here"
    assert join(parse_url("http://a/#here"), "/b#there").fragment == "there"


@pytest.mark.parametrize("location", ["", "ftp://x/", "http://", "http://a:0/", "/a b", "http://x@y/", "//"])
def test_a_location_that_means_nothing_is_refused(location: str) -> None:
    with pytest.raises(UsageError):
        join(parse_url("http://a/"), location)


def test_the_default_port_follows_the_scheme() -> None:
    assert parse_url("http://a/x").with_scheme("https").text == "https://a/x"
    assert parse_url("http://a:8080/x").with_scheme("https").text == "https://a:8080/x"


@given(st.text(max_size=200))
def test_whatever_is_typed_is_a_url_or_refused(text: str) -> None:
    try:
        url = parse_url(text)
    except UsageError:
        return
    assert_sound(url)
    assert parse_url(url.text) == url


@given(st.text(max_size=200))
def test_whatever_a_location_says_leads_somewhere_or_nowhere(text: str) -> None:
    try:
        url = join(parse_url("https://a.test/b/c?d"), text)
    except UsageError:
        return
    assert_sound(url)


@given(
    st.sampled_from(["http", "https"]),
    st.integers(1, 65535),
    st.text(
        st.characters(codec="utf-8", exclude_characters="\\ #?", exclude_categories=("Cc",)), max_size=40
    ),
)
def test_a_path_comes_out_as_ascii_that_means_the_same(scheme: str, port: int, path: str) -> None:
    url = parse_url(f"{scheme}://a.test:{port}/{path}".rstrip())
    assert_sound(url)
    assert url.port == port


def assert_sound(url: Url) -> None:
    assert url.scheme in PORTS
    assert 1 <= url.port <= 65535
    assert url.path.startswith("/")
    assert url.text.isascii()
    assert url.text.isprintable()
    assert " " not in url.text
    assert not set("\r\n\0") & set(url.text)
    assert "/../" not in url.path.partition("?")[0] + "/"
