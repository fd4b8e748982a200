"""HTTP/1.1 read strictly: what is a message, what is refused and with which status, and where the content ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols.http1 import (
    LAST_CHUNK,
    BodyReader,
    Framing,
    MessageError,
    get,
    get_all,
    keeps_alive,
    read_request_head,
    read_response_head,
    request_framing,
    response_framing,
    without,
    write_chunk,
    write_request_head,
    write_response_head,
)
from labctl.protocols.http1_body import CHUNK_LINE

OK = b"HTTP/1.1 200 OK\r\n"


def head(*lines, start="GET / HTTP/1.1", host=True):
    named = (*lines, "Host: a") if host else lines
    return "".join(f"{line}\r\n" for line in (start, *named, "")).encode("latin-1")


def refused(raw):
    with pytest.raises(MessageError) as error:
        request_framing(read_request_head(raw)[0])
    assert error.value.sentence.endswith(".")
    return error.value


def feed_often(reader, data, times):
    for _ in range(times):
        reader.feed(data)


class TestRequests:
    def test_a_head_is_read_and_says_where_its_content_begins(self):
        raw = head("X-A:  b \t", "x-a: c") + b"rest"
        found, end = read_request_head(raw)
        assert found.method == "GET"
        assert found.target == "/"
        assert found.fields == (("X-A", "b"), ("x-a", "c"), ("Host", "a"))
        assert raw[end:] == b"rest"
        assert found.raw == raw[:end]

    def test_it_is_read_in_the_middle_of_a_buffer_and_out_of_a_bytearray(self):
        raw = bytearray(b"before" + head())
        assert read_request_head(raw, 6)[1] == len(raw)

    def test_nothing_is_said_before_the_empty_line(self):
        raw = head("X: y")
        assert all(read_request_head(raw[:n]) is None for n in range(len(raw)))

    def test_empty_lines_before_it_are_skipped(self):
        found, end = read_request_head(b"\r\n\r\n" + head())
        assert found.method == "GET"
        assert end == len(head()) + 4

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("X : y", "space-before-colon"),
            (" X: y", "folded-field"),
            ("X: y\r\n z", "folded-field"),
            ("no colon", "bad-field"),
            (": y", "bad-field"),
            ("X\x00: y", "bad-character"),
            ("X: \x00", "bad-character"),
            ("X: \x7f", "bad-character"),
            ("X: y\rz", "bare-line-end"),
            ("X: y\nZ: y", "bare-line-end"),
            ("é: y", "bad-field"),
        ],
    )
    def test_a_field_that_could_be_read_in_two_ways_is_refused(self, line, code):
        assert refused(head(line)).code == code

    @pytest.mark.parametrize(
        ("start", "status"),
        [
            ("GET /", 400),
            ("GET / HTTP/1.1 x", 400),
            ("GET  / HTTP/1.1", 400),
            ("G@T / HTTP/1.1", 400),
            ("GET x HTTP/1.1", 400),
            ("GET * HTTP/1.1", 400),
            ("GET /é HTTP/1.1", 400),
            ("GET / HTTP/2.0", 505),
            ("GET / HTTP/0.9", 505),
            ("GET / http/1.1", 400),
            ("GET / HTTP/1.11", 400),
        ],
    )
    def test_a_start_line_that_is_none_is_refused(self, start, status):
        assert refused(head(start=start)).status == status

    @pytest.mark.parametrize(
        "start", ["OPTIONS * HTTP/1.1", "CONNECT a:443 HTTP/1.1", "GET http://a/x HTTP/1.1", "GET / HTTP/1.3"]
    )
    def test_the_other_forms_of_a_target_and_a_newer_minor_version_are_read(self, start):
        assert read_request_head(head(start=start))[0].version == "1.1"

    @pytest.mark.parametrize("host", ["a", "a:80", "[::1]:8080", "203.0.113.10", ""])
    def test_a_host_is_a_name_or_an_address_and_a_port(self, host):
        assert read_request_head(head(f"Host: {host}", host=False)) is not None

    @pytest.mark.parametrize("host", ["a@b", "a/b", "a b", "a?b", "é"])
    def test_anything_else_in_host_is_refused(self, host):
        assert refused(head(f"Host: {host}", host=False)).code == "bad-host"

    def test_one_host_is_needed_and_not_two(self):
        assert refused(head(host=False)).code == "host-missing"
        assert refused(head("Host: a")).code == "host-twice"
        assert read_request_head(head(start="GET / HTTP/1.0", host=False)) is not None
        assert read_request_head(head(host=False), host_needed=False) is not None

    def test_a_head_that_is_too_long_is_refused_before_its_end(self):
        assert refused(head(start="GET /" + "x" * 70000 + " HTTP/1.1")).status == 414
        assert refused(head("X: " + "y" * 70000)).status == 431
        assert refused(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000).status == 431

    @pytest.mark.parametrize(
        "raw", [b"\x16\x03\x01\x02\x00", b"\x00", b" GET", b"GET / HTTP/1.1\nHost: a\n\n"]
    )
    def test_what_can_never_become_a_request_is_refused_at_once(self, raw):
        assert refused(raw).status == 400


class TestResponses:
    def test_a_head_is_read_with_a_reason_and_without(self):
        assert read_response_head(OK + b"\r\n")[0].reason == "OK"
        assert read_response_head(b"HTTP/1.1 404 Not Found At All\r\n\r\n")[0].reason == "Not Found At All"
        assert read_response_head(b"HTTP/1.0 599\r\n\r\n")[0][:3] == ("1.0", 599, "")

    def test_a_folded_line_is_joined_with_a_space(self):
        found, _ = read_response_head(OK + b"X: a\r\n  b\r\n\tc\r\n\r\n")
        assert found.fields == (("X", "a b c"),)

    @pytest.mark.parametrize("raw", [b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n",
                                     b"HTTP/1.1 099 X\r\n\r\n"])  # fmt: skip
    def test_a_status_has_three_digits(self, raw):
        with pytest.raises(MessageError):
            read_response_head(raw)

    @pytest.mark.parametrize("raw", [b"SSH-2.0-x\r\n", b"<html>", b"\x15\x03\x03", b"HTTQ"])
    def test_another_protocol_is_noticed_at_once(self, raw):
        with pytest.raises(MessageError) as error:
            read_response_head(raw)
        assert error.value.code == "garbage"


class TestFraming:
    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            ((), Framing("none")),
            (("Content-Length: 5",), Framing("length", 5)),
            (("Content-Length: 5, 5",), Framing("length", 5)),
            (("Content-Length: 5", "content-length: 5"), Framing("length", 5)),
            (("Transfer-Encoding: Chunked",), Framing("chunked")),
        ],
    )
    def test_of_a_request(self, lines, expected):
        assert request_framing(read_request_head(head(*lines))[0]) == expected

    @pytest.mark.parametrize(
        ("lines", "code", "status"),
        [
            (("Content-Length: 5", "Transfer-Encoding: chunked"), "two-lengths", 400),
            (("Content-Length: 5", "Content-Length: 6"), "two-lengths", 400),
            (("Content-Length: 5,6",), "two-lengths", 400),
            (("Content-Length: -5",), "bad-length", 400),
            (("Content-Length: +5",), "bad-length", 400),
            (("Content-Length: 0x5",), "bad-length", 400),
            (("Content-Length: ²",), "bad-length", 400),
            (("Content-Length:",), "bad-length", 400),
            (("Content-Length: " + "9" * 30,), "bad-length", 400),
            (("Transfer-Encoding: gzip",), "bad-coding", 400),
            (("Transfer-Encoding: chunked, gzip",), "bad-coding", 400),
            (("Transfer-Encoding: chunked, chunked",), "bad-coding", 400),
            (("Transfer-Encoding: gzip, chunked",), "coding-unknown", 501),
            (("Transfer-Encoding:",), "bad-coding", 400),
            (("Transfer-Encoding: xchunked",), "bad-coding", 400),
        ],
    )
    def test_two_ends_or_none_are_refused(self, lines, code, status):
        error = refused(head(*lines))
        assert (error.code, error.status) == (code, status)

    def test_chunks_in_http_1_0_are_refused(self):
        assert refused(head("Transfer-Encoding: chunked", start="POST / HTTP/1.0")).code == "bad-coding"

    @pytest.mark.parametrize(
        ("method", "status", "lines", "kind"),
        [
            ("HEAD", 200, ("Content-Length: 5",), "none"),
            ("GET", 204, ("Content-Length: 5",), "none"),
            ("GET", 304, ("Content-Length: 5",), "none"),
            ("GET", 103, (), "none"),
            ("CONNECT", 200, ("Content-Length: 5",), "none"),
            ("CONNECT", 404, ("Content-Length: 5",), "length"),
            ("GET", 200, (), "close"),
            ("GET", 200, ("Transfer-Encoding: gzip",), "close"),
            ("GET", 200, ("Transfer-Encoding: chunked",), "chunked"),
        ],
    )
    def test_of_a_response(self, method, status, lines, kind):
        raw = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status} X", *lines, "")).encode()
        assert response_framing(method, read_response_head(raw)[0]).kind == kind

    def test_a_response_with_both_lengths_is_refused(self):
        found, _ = read_response_head(OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(MessageError) as error:
            response_framing("GET", found)
        assert error.value.code == "two-lengths"


class TestContent:
    @given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.binary(max_size=9), st.integers(1, 9))
    def test_chunks_come_out_whole_however_they_are_cut(self, parts, after, step):
        wire = b"".join(map(write_chunk, parts)) + LAST_CHUNK + after
        reader = BodyReader(Framing("chunked"))
        content = b"".join(reader.feed(wire[n : n + step]) for n in range(0, len(wire), step))
        assert reader.done
        assert content == b"".join(parts)
        assert reader.excess == after

    @given(st.binary(max_size=60), st.integers(0, 60), st.integers(1, 9))
    def test_a_length_takes_what_is_its_own(self, wire, length, step):
        reader = BodyReader(Framing("length", length))
        content = b"".join(reader.feed(wire[n : n + step]) for n in range(0, len(wire), step))
        assert content == wire[:length]
        assert reader.excess == wire[length:]
        assert reader.done == (len(wire) >= length)

    def test_trailers_are_read(self):
        reader = BodyReader(Framing("chunked"))
        assert reader.feed(b"3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\nmore") == b"abc"
        assert reader.trailers == (("X-Sum", "1"),)
        assert reader.excess == b"more"

    @pytest.mark.parametrize(
        "wire",
        [
            b"x\r\n",
            b"\r\n",
            b"-1\r\n",
            b"3\r\nabcd\r\n",
            b"3\nabc\r\n",
            b"0x3\r\n",
            b"1" * 17 + b"\r\n",
            b"3;a\x00\r\n",
        ],
    )
    def test_a_chunk_that_is_none_is_refused(self, wire):
        with pytest.raises(MessageError) as error:
            BodyReader(Framing("chunked")).feed(wire)
        assert error.value.code == "bad-chunk"

    def test_a_size_line_without_end_is_refused_before_it_fills_the_memory(self):
        reader = BodyReader(Framing("chunked"))
        with pytest.raises(MessageError):
            feed_often(reader, b"1;" + b"x" * 8, CHUNK_LINE)

    def test_trailers_without_end_are_refused(self):
        reader = BodyReader(Framing("chunked"))
        reader.feed(b"0\r\n")
        with pytest.raises(MessageError) as error:
            feed_often(reader, b"X-More: 12\r\n", 20000)
        assert error.value.status == 431

    def test_more_than_the_limit_is_refused_announced_or_not(self):
        with pytest.raises(MessageError) as error:
            BodyReader(Framing("length", 11), limit=10)
        assert error.value.status == 413
        reader = BodyReader(Framing("chunked"), limit=10)
        with pytest.raises(MessageError):
            reader.feed(write_chunk(b"x" * 11))

    @pytest.mark.parametrize(
        ("framing", "wire", "early"),
        [
            (Framing("length", 5), b"1234", True),
            (Framing("length", 5), b"12345", False),
            (Framing("chunked"), b"3\r\nabc\r\n", True),
            (Framing("close"), b"anything", False),
            (Framing("none"), b"", False),
        ],
    )
    def test_the_close_is_an_end_or_too_early(self, framing, wire, early):
        reader = BodyReader(framing)
        reader.feed(wire)
        if early:
            with pytest.raises(MessageError) as error:
                reader.end_of_input()
            assert error.value.code == "closed-early"
        else:
            reader.end_of_input()
            assert reader.done


class TestWriting:
    FIELDS = st.lists(
        st.tuples(
            st.from_regex(r"\A[A-Za-z0-9!#$-]{1,12}\Z"),
            st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20),
        ),
        max_size=5,
    ).map(tuple)

    @given(FIELDS)
    def test_what_is_written_is_read_again(self, fields):
        clean = without(fields, "Host", "Content-Length", "Transfer-Encoding")
        raw = write_request_head("PUT", "/x?y", (("Host", "a"), *clean))
        assert read_request_head(raw)[0][:4] == ("PUT", "/x?y", "1.1", (("Host", "a"), *clean))
        raw = write_response_head(404, "Not Found", clean)
        assert read_response_head(raw)[0][:4] == ("1.1", 404, "Not Found", clean)

    @pytest.mark.parametrize("bad", ["a\r\nEvil: b", "a\nb", "a\rb", "a\0b", "\u20ac"])
    def test_nothing_that_would_be_another_message_is_written(self, bad):
        with pytest.raises(MessageError):
            write_response_head(200, "OK", (("X", bad),))
        with pytest.raises(MessageError):
            write_request_head("GET", "/", (("X" + bad, "y"),))
        with pytest.raises(MessageError):
            write_request_head("GET", "/" + bad, ())


def test_fields_are_found_in_any_case_and_lines_are_one_list():
    fields = (("Accept", "a"), ("ACCEPT", "b"), ("Host", "x"))
    assert get(fields, "accept") == "a, b"
    assert get(fields, "nothing") is None
    assert get_all(fields, "Accept") == ["a", "b"]
    assert without(fields, "accept") == (("Host", "x"),)


@pytest.mark.parametrize(
    ("version", "value", "stays"),
    [("1.1", None, True), ("1.1", "close", False), ("1.1", "x, Close", False), ("1.0", None, False),
     ("1.0", "keep-alive", True)],
)  # fmt: skip
def test_a_connection_of_1_1_stays_until_somebody_says_close(version, value, stays):
    assert keeps_alive(version, (("Connection", value),) if value else ()) is stays
