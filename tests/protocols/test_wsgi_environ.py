"""The environ of a request as PEP 3333 wants it: what stands in it, what does not, and how text is written."""

from __future__ import annotations

import io
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.protocols.http1 import MessageError, read_request
from labctl.protocols.wsgi_environ import Ends, connection_environ, request_environ

TCP = Ends(("127.0.0.1", 8000), ("127.0.0.9", 4711))


def environ_of(*lines, start="GET / HTTP/1.1", host=True, ends=TCP, content=None, **words):
    named = (*lines, "Host: shop.test") if host else lines
    raw = "".join(f"{line}\r\n" for line in (start, *named, "")).encode("latin-1")
    head, by_name, _ = read_request(raw)
    connection = connection_environ(ends, errors=io.StringIO(), **words)
    return request_environ(connection, head, by_name, content or io.BytesIO())


def target(text, method="GET"):
    return environ_of(start=f"{method} {text} HTTP/1.1")


class TestWhatMustBeThere:
    def test_the_keys_of_the_contract_are_all_there(self):
        environ = environ_of()
        wanted = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.9",
            "REMOTE_PORT": "4711",
            "HTTP_HOST": "shop.test",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
        }
        assert {key: environ[key] for key in wanted} == wanted
        assert type(environ) is dict
        assert set(environ) - set(wanted) == {"SERVER_SOFTWARE", "wsgi.input", "wsgi.errors"}

    def test_a_request_of_http_1_0_may_have_no_host(self):
        environ = environ_of(start="GET / HTTP/1.0", host=False)
        assert "HTTP_HOST" not in environ
        assert environ["SERVER_PROTOCOL"] == "HTTP/1.0"
        assert environ["SERVER_NAME"] == "127.0.0.1"

    def test_a_unix_socket_has_a_server_name_and_no_address_of_the_client(self):
        environ = environ_of(ends=Ends("/run/a.sock", ""))
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")
        assert environ["REMOTE_ADDR"] == ""
        assert "REMOTE_PORT" not in environ

    def test_each_request_has_its_own_environ(self):
        connection = connection_environ(TCP, errors=io.StringIO())
        before = dict(connection)
        head, named, _ = read_request(b"GET /a HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n")
        first = request_environ(connection, head, named, io.BytesIO())
        first["mine"] = 1
        assert connection == before
        assert "mine" not in request_environ(connection, head, named, io.BytesIO())


class TestThePath:
    @pytest.mark.parametrize(
        ("text", "path", "query"),
        [
            ("/caf%C3%A9/a%2Fb", "/cafÃ©/a/b", ""),
            ("/a%20b?c%20d=e", "/a b", "c%20d=e"),
            ("/a?b?c", "/a", "b?c"),
            ("/?", "/", ""),
            ("//evil.test/x", "//evil.test/x", ""),
            ("/a;b=c", "/a;b=c", ""),
            ("/%", "/%", ""),
            ("/%zz%4", "/%zz%4", ""),
            ("/a+b", "/a+b", ""),
            ("/%2e%2e/etc", "/../etc", ""),
            ("/http://x/y", "/http://x/y", ""),
            ("http://other.test/a?b", "/a", "b"),
            ("http://other.test", "/", ""),
            ("http://other.test?q", "/", "q"),
        ],
    )
    def test_it_is_percent_decoded_once_and_the_query_is_left_alone(self, text, path, query):
        environ = target(text)
        assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == (path, query)

    def test_the_host_of_an_absolute_target_takes_the_place_of_the_field(self):
        assert target("http://other.test:81/a")["HTTP_HOST"] == "other.test:81"

    @pytest.mark.parametrize(
        "text", ["/a#b", "/a?b#c", "http:///a", "http://user@host/a", "http://a#b", "ftp://a/b"]
    )
    def test_a_target_that_is_no_path_is_refused(self, text):
        with pytest.raises(MessageError) as refused:
            target(text)
        assert (refused.value.code, refused.value.status) == ("target-unfit", 400)

    @settings(deadline=None)
    @given(
        st.binary(max_size=40), st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)
    )
    def test_any_bytes_come_back_out_of_it(self, raw, query):
        query = query.replace("#", "")
        environ = target(f"/{quote_from_bytes(raw, safe='')}?{query}")
        assert environ["PATH_INFO"].encode("latin-1") == b"/" + raw
        assert environ["QUERY_STRING"] == query


class TestTheFields:
    def test_content_type_and_length_have_no_prefix(self):
        environ = environ_of("Content-Type: text/plain", "Content-Length: 3", start="POST / HTTP/1.1")
        assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain", "3")
        assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & set(environ)

    def test_repeated_fields_are_joined_with_a_comma(self):
        assert environ_of("X-A: 1", "Accept: b", "x-a: 2")["HTTP_X_A"] == "1, 2"

    def test_a_content_length_that_stands_there_twice_is_one_number(self):
        assert environ_of("Content-Length: 5", "Content-Length: 5")["CONTENT_LENGTH"] == "5"
        assert environ_of("Content-Length: 5,5")["CONTENT_LENGTH"] == "5"

    def test_repeated_cookies_are_joined_with_a_semicolon(self):
        assert environ_of("Cookie: a=1", "Cookie: b=2, 3")["HTTP_COOKIE"] == "a=1; b=2, 3"
        assert environ_of("Cookie: a=1, 2")["HTTP_COOKIE"] == "a=1, 2"

    def test_a_name_with_an_underscore_cannot_stand_for_one_with_a_hyphen(self):
        environ = environ_of("X_Forwarded_For: 6.6.6.6", "Content_Length: 7", "X-Forwarded-For: 10.0.0.1")
        assert environ["HTTP_X_FORWARDED_FOR"] == "10.0.0.1"
        assert "CONTENT_LENGTH" not in environ
        assert "HTTP_X_FORWARDED_FOR" not in environ_of("X_Forwarded_For: 6.6.6.6")

    def test_no_field_can_set_a_key_of_the_server(self):
        names = [
            "Remote-Addr",
            "Script-Name",
            "Path-Info",
            "Request-Method",
            "wsgi.input",
            "Server-Name",
            "Https",
        ]
        plain, given_ = environ_of(), environ_of(*(f"{name}: evil" for name in names))
        for key in plain:
            if key not in ("wsgi.errors", "wsgi.input"):
                assert given_[key] == plain[key]
        assert {key for key in given_ if given_[key] == "evil"} == {
            f"HTTP_{name.upper().replace('-', '_')}" for name in names
        }

    def test_bytes_beyond_ascii_are_latin_1(self):
        assert environ_of("X-A: caf\xc3\xa9")["HTTP_X_A"] == "cafÃ©"

    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.text("abcXYZ-!9", min_size=1, max_size=8),
                st.text(
                    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"),
                    max_size=9,
                ).map(lambda text: "".join(c for c in text if not "\x80" <= c <= "\xa0")),
            ),
            max_size=6,
        )
    )
    def test_every_field_comes_back_under_its_key_and_nothing_else(self, fields):
        reserved = {"host", "content-type", "content-length", "cookie"}
        fields = [(name, value) for name, value in fields if name.lower() not in reserved]
        environ = environ_of(*(f"{name}: {value}" for name, value in fields))
        wanted: dict[str, str] = {}
        for name, value in fields:
            key = f"HTTP_{name.upper().replace('-', '_')}"
            wanted[key] = f"{wanted[key]}, {value}" if key in wanted else value
        found = {
            key: value for key, value in environ.items() if key.startswith("HTTP_") and key != "HTTP_HOST"
        }
        assert found == wanted
