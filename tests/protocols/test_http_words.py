"""Sentences for fields, statuses and methods; content codings undone within bounds; cookies as the RFC has them."""

from __future__ import annotations

import gzip
import http
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols.content_coding import decoded
from labctl.protocols.http_cookies import Cookie, Jar, Refused, cookie_field, read_set_cookie, why_not
from labctl.protocols.http_field_values import SENTENCES
from labctl.protocols.http_fields import FIELDS, Bearer, meaning
from labctl.protocols.http_statuses import METHODS, method_meaning, status_meaning
from labctl.protocols.url import parse_url

SHOP = parse_url("https://www.shop.test/a/b?c")


class TestWords:
    def test_each_field_has_one_sentence_and_a_source(self):
        assert all(each.sentence.endswith(".") and each.source for each in FIELDS.values())
        assert all(name == name.lower() for name in FIELDS)
        assert len(FIELDS) > 100

    def test_each_status_that_python_knows_has_a_sentence(self):
        for status in http.HTTPStatus:
            said = status_meaning(status)
            assert said.sentence.endswith(".")
            assert said.source.startswith("RFC")

    def test_an_unknown_status_is_read_as_its_class(self):
        assert status_meaning(299).sentence == status_meaning(298).sentence == "It worked."
        assert status_meaning(799).name == ""

    def test_safe_methods_are_idempotent(self):
        assert all(each.idempotent for each in METHODS.values() if each.safe)
        assert not method_meaning("get").safe

    @given(st.sampled_from(sorted(SENTENCES)), st.text(st.characters(max_codepoint=0xFF), max_size=80))
    def test_any_value_of_a_field_is_explained(self, name, value):
        assert meaning(name, value).sentence.endswith(".")

    @pytest.mark.parametrize(
        ("name", "value", "part"),
        [
            ("Content-Length", "1234", "1,234 bytes"),
            ("connection", "x, close", "Close"),
            ("Set-Cookie", "a=b; Domain=shop.test; Secure; HttpOnly; SameSite=Lax", "https alone"),
            ("ETag", 'W/"x"', "weak"),
            ("Strict-Transport-Security", "max-age=31536000", "365 days"),
            ("Alt-Svc", 'h3=":443"', "HTTP/3"),
            ("Vary", "*", "no stored copy"),
            ("X-Unheard-Of", "1", "agreed"),
            ("Content-Length", "1", "1 byte of content follows."),
            ("Content-Length", "9" * 5000, "no length"),
            ("Transfer-Encoding", "chunked", "size 0"),
            ("Transfer-Encoding", "gzip, chunked", "carry is gzip"),
            ("Transfer-Encoding", "identity", "not chunked"),
            ("Cache-Control", "private, max-age=60", "For the browser's cache alone, fresh for 60 s."),
            ("Cache-Control", "no-store", "No cache may keep it."),
            ("Cache-Control", "s-maxage=x", "What caches may do"),
            ("Age", "-1", "ignores"),
            ("Age", "12, 13", "12 s ago"),
            ("Age", "9" * 5000, "ignores"),
            ("Expires", "0", "in the past"),
            ("Expires", "Wed, 25 Nov 2026 00:00:00 GMT", "Fresh until"),
            ("ETag", "abc", "double quotes"),
            ("Vary", ",*,,", "no stored copy"),
            ("Vary", "Accept, Cookie", "Accept, Cookie may have chosen"),
            ("Strict-Transport-Security", "max-age=0; includeSubDomains", "Forget"),
            ("Strict-Transport-Security", "max-age=300", "300 s"),
            ("Strict-Transport-Security", "includeSubDomains", "missing"),
            ("Set-Cookie", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Forget a"),
            ("Set-Cookie", "a=1; Max-Age=0", "Forget a"),
            ("Set-Cookie", "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "for 60 s"),
            ("Set-Cookie", "=1", "without a name"),
            ("Retry-After", "120", "120 s"),
            ("Retry-After", "soon", "says nothing"),
            ("If-None-Match", "*", "nothing here yet"),
            ("Alt-Svc", "h3", "elsewhere"),
        ],
    )
    def test_a_value_makes_the_sentence_fit(self, name, value, part):
        assert part in meaning(name, value).sentence

    @pytest.mark.parametrize(
        ("name", "value", "bearer", "part"),
        [
            ("Content-Length", "9", Bearer("HEAD", 200), "HEAD has none"),
            ("Content-Length", "9", Bearer("HEAD"), "9 bytes of content follow"),
            ("Content-Length", "9", Bearer("GET", 304), "304 has none"),
            ("Content-Length", "9", Bearer("GET", 204), "Against the rules"),
            ("Strict-Transport-Security", "max-age=99", Bearer("GET", 200, "http"), "ignores"),
            ("Location", "/new", Bearer("POST", 201), "new thing is at /new"),
            ("Location", "/new", Bearer("POST", 303), "Go to /new"),
            ("Location", "/new", Bearer("GET", 200), "nobody"),
            ("Server", "", Bearer("GET", 200), "no value"),
        ],
    )
    def test_a_field_says_what_it_does_in_this_message(self, name, value, bearer, part):
        assert part in meaning(name, value, bearer).sentence

    def test_names_of_statuses_are_those_of_rfc_9110_in_every_python(self):
        names = [status_meaning(code).name for code in (413, 414, 416, 422)]
        assert names == [
            "Content Too Large",
            "URI Too Long",
            "Range Not Satisfiable",
            "Unprocessable Content",
        ]

    @pytest.mark.parametrize(
        ("method", "part"), [("get", "case"), ("PROPFIND", "properties"), ("FROB", "does not know")]
    )
    def test_other_methods_are_not_said_to_be_unregistered(self, method, part):
        assert part in method_meaning(method).sentence


class TestCodings:
    @given(st.binary(max_size=3000))
    def test_gzip_and_deflate_are_undone(self, data):
        raw = zlib.compressobj(wbits=-15)
        assert decoded(gzip.compress(data), "gzip").data == data
        assert decoded(zlib.compress(data), "deflate").data == data
        assert decoded(raw.compress(data) + raw.flush(), "deflate").data == data
        assert decoded(gzip.compress(zlib.compress(data)), "deflate, gzip").data == data

    def test_a_bomb_is_cut(self):
        found = decoded(gzip.compress(b"\0" * 50_000_000), "gzip", most=1000)
        assert (len(found.data), found.cut, found.failure) == (1000, True, "")

    @given(st.binary(max_size=60), st.sampled_from(["gzip", "deflate", "br", "identity", "", "gzip, gzip"]))
    def test_anything_else_is_a_clause_and_no_error(self, data, codings):
        assert isinstance(decoded(data, codings).failure, str)

    def test_half_a_gzip_says_so(self):
        assert "middle" in decoded(gzip.compress(b"hello" * 100)[:-9], "gzip").failure


class TestCookies:
    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("a=1; Domain=example.com", "may not speak"),
            ("a=1; Domain=test", "everybody's"),
            ("a=1; Domain=ww.shop.test", "may not speak"),
            ("=1", "no name"),
            ("a", "no name"),
            ("a=" + "x" * 5000, "longer"),
            ("a=1; SameSite=None", "needs Secure"),
            ("__Host-a=1; Secure; Path=/; Domain=shop.test", "__Host-"),
            ("__Secure-a=1", "__Secure-"),
        ],
    )
    def test_what_a_host_may_not_set_is_refused(self, line, why):
        found = read_set_cookie(line, SHOP)
        assert isinstance(found, Refused)
        assert why in found.why

    def test_secure_over_http_is_refused(self):
        assert isinstance(read_set_cookie("a=1; Secure", parse_url("http://www.shop.test/")), Refused)

    def test_what_is_not_said_has_its_default(self):
        assert read_set_cookie("a=b=c", SHOP) == Cookie("a", "b=c", "www.shop.test", "/a", True)

    @pytest.mark.parametrize(
        ("line", "url", "goes"),
        [
            ("a=1; Path=/", "https://www.shop.test/x", True),
            ("a=1; Path=/", "https://api.shop.test/x", False),
            ("a=1; Path=/; Domain=shop.test", "https://api.shop.test/x", True),
            ("a=1; Path=/; Domain=shop.test", "https://badshop.test/x", False),
            ("a=1; Path=/a", "https://www.shop.test/ab", False),
            ("a=1; Path=/a", "https://www.shop.test/a/b", True),
            ("a=1; Path=/a", "https://www.shop.test/a?b", True),
            ("a=1; Path=/; Secure", "http://www.shop.test/", False),
        ],
    )
    def test_it_goes_where_host_path_and_secure_allow(self, line, url, goes):
        cookie = read_set_cookie(line, SHOP)
        assert isinstance(cookie, Cookie)
        assert (why_not(cookie, parse_url(url)) == "") is goes

    def test_strict_stays_at_home_when_another_site_asks(self):
        cookie = read_set_cookie("a=1; Path=/; SameSite=Strict", SHOP)
        assert isinstance(cookie, Cookie)
        assert why_not(cookie, SHOP) == ""
        assert why_not(cookie, SHOP, from_site="evil.test")

    def test_a_jar_replaces_and_sends_the_longest_path_first(self):
        jar = Jar()
        for line in ("a=1; Path=/", "a=2; Path=/", "b=3; Path=/a", "c"):
            jar.take(line, SHOP)
        assert cookie_field(jar.for_url(SHOP)) == "b=3; a=2"
        assert len(jar.cookies) == 2

    @given(st.text(st.characters(max_codepoint=0xFF), max_size=60))
    def test_any_line_is_a_cookie_or_refused(self, line):
        assert isinstance(read_set_cookie(line, SHOP), Cookie | Refused)
