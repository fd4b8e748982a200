"""wsgi.input: read like a file, ends where the content ends, and never waits for more than it was asked for."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.protocols.http1 import LAST_CHUNK, BodyReader, Framing, MessageError, write_chunk
from labctl.protocols.wsgi_input import InputBroken, WsgiInput, wanted


class Peer:
    """Gives its pieces one by one; then the connection is closed, or what `then` raises happens."""

    def __init__(self, *pieces, then=None):
        self.pieces = list(pieces)
        self.asked = 0
        self.then = then

    def receive(self):
        self.asked += 1
        if self.pieces:
            return self.pieces.pop(0)
        if self.then:
            raise self.then
        return b""


def of_length(length, *pieces, begun=b"", limit=None, **words):
    peer = Peer(*pieces, **words)
    return WsgiInput(BodyReader(Framing("length", length), limit=limit), begun, peer.receive), peer


def chunked(*pieces, begun=b"", limit=None):
    peer = Peer(*pieces)
    return WsgiInput(BodyReader(Framing("chunked"), limit=limit), begun, peer.receive), peer


def cut(data, places):
    places = sorted({min(place, len(data)) for place in places})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True) if a != b]


class TestReading:
    def test_it_ends_where_the_content_ends_and_the_next_message_is_left(self):
        content, peer = of_length(5, b"lloGET /", begun=b"he")
        assert content.read() == b"hello"
        assert content.read() == b""
        assert content.read(3) == b""
        assert content.reader.excess == b"GET /"
        assert peer.asked == 1

    def test_nothing_is_received_that_was_not_asked_for(self):
        content, peer = of_length(6, b"c", b"d", b"ef", begun=b"ab")
        assert content.read(0) == b""
        assert content.read(2) == b"ab"
        assert peer.asked == 0
        assert content.read(2) == b"cd"
        assert peer.asked == 2
        assert content.read1() == b"ef"
        assert content.read1() == b""
        assert content.complete

    def test_chunks_are_taken_apart(self):
        content, _ = chunked(b"3\r\nabc\r\n2", b"\r\nde\r\n0\r\nX-T: 1\r\n\r\nrest")
        assert content.read(4) == b"abcd"
        assert content.read() == b"e"
        assert content.reader.trailers == (("X-T", "1"),)
        assert content.reader.excess == b"rest"

    def test_lines_are_lines(self):
        content, _ = of_length(11, b"\nb", b"c\n\nde", b"f", b"g\n", begun=b"a")
        assert content.readline() == b"a\n"
        assert content.readline(1) == b"b"
        assert content.readline(100) == b"c\n"
        assert list(content) == [b"\n", b"defg\n"]

    def test_python_can_read_text_from_it(self):
        content, _ = of_length(5, b"\xa9\nx\n", begun=b"\xc3")
        assert io.TextIOWrapper(content, "utf-8").read() == "é\nx\n"

    @settings(deadline=None)
    @given(
        st.binary(max_size=200).map(lambda raw: raw.replace(b"a", b"\n")),
        st.lists(st.integers(0, 400), max_size=8),
        st.lists(st.integers(0, 60), max_size=4),
        st.lists(st.tuples(st.sampled_from(["read", "readline", "read1"]), st.integers(-1, 50)), max_size=12),
        st.booleans(),
    )
    def test_it_reads_like_a_file_however_the_bytes_come(self, whole, cuts, sizes, steps, in_chunks):
        raw = whole
        if in_chunks:
            raw = b"".join(write_chunk(part) for part in cut(whole, sizes)) + LAST_CHUNK
        pieces = cut(raw + b"NEXT", cuts)
        content, _ = chunked(*pieces) if in_chunks else of_length(len(whole), *pieces)
        model = io.BytesIO(whole)
        for step, size in steps:
            got = getattr(content, step)(size)
            if step == "read1":  # as much as it likes, and something unless it is the end
                assert got == model.read(len(got))
                assert got or size == 0 or model.tell() == len(whole)
            else:
                assert got == getattr(model, step)(size)
        assert content.readlines() == model.readlines()
        assert content.complete
        assert b"NEXT".startswith(content.reader.excess)


class TestTrouble:
    def test_a_connection_that_closes_early_is_an_error_and_not_an_end(self):
        content, _ = of_length(5, b"he")
        with pytest.raises(InputBroken) as broken:
            content.read()
        assert (broken.value.code, broken.value.status) == ("closed-early", 400)
        with pytest.raises(OSError, match="closed after 2 of 5 bytes"):
            content.read(1)

    def test_a_bad_chunk_is_an_error_each_time(self):
        for content in (chunked(b"zz\r\n")[0], chunked(begun=b"zz\r\n")[0]):
            for _ in range(2):
                with pytest.raises(InputBroken) as broken:
                    content.readline()
                assert (broken.value.code, broken.value.status) == ("bad-chunk", 400)

    def test_more_than_the_limit_is_413(self):
        content, _ = chunked(b"5\r\nhello\r\n" * 3, limit=9)
        with pytest.raises(InputBroken) as broken:
            content.read()
        assert broken.value.status == 413

    def test_what_the_connection_finds_wrong_is_told(self):
        content, _ = of_length(5, b"he", then=MessageError("too-slow", "It is slow.", 408))
        assert content.read(2) == b"he"
        with pytest.raises(InputBroken) as broken:
            content.read(1)
        assert broken.value.status == 408


class TestContinue:
    def test_it_is_sent_before_the_first_read_and_once(self):
        said = []
        peer = Peer(b"he", b"llo")
        content = WsgiInput(
            BodyReader(Framing("length", 5)), b"", peer.receive, lambda: said.append(peer.asked)
        )
        assert said == []
        assert not content.asked
        assert content.read() == b"hello"
        assert said == [0]
        assert content.asked

    @pytest.mark.parametrize(
        ("fields", "version", "found"),
        [
            ({}, "1.1", ""),
            ({"expect": "100-continue"}, "1.1", "100"),
            ({"expect": "100-Continue"}, "1.1", "100"),
            ({"expect": "100-continue"}, "1.0", ""),
            ({"expect": "miracles"}, "1.1", "unknown"),
        ],
    )
    def test_who_expects_what(self, fields, version, found):
        assert wanted(fields, version) == found


class TestWhatTheApplicationLeaves:
    def test_a_little_is_thrown_away(self):
        content, _ = of_length(9, b"cdef", b"ghiNEXT", begun=b"ab")
        assert content.read(3) == b"abc"
        assert content.drain(100)
        assert content.reader.excess == b"NEXT"

    def test_much_is_not(self):
        content, peer = of_length(900, *[b"x" * 10] * 90)
        assert not content.drain(100)
        assert peer.asked == 10

    def test_what_does_not_come_is_not_waited_for_twice(self):
        content, peer = of_length(9, b"a")
        assert not content.drain(100)
        assert peer.asked == 2
