"""One request and its answer over HTTP/1.1: with peers that behave, and with those that do not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_peers import saying

from labctl.fetch.exchange import Answer, Limits, Request, ask
from labctl.fetch.stream import Stream
from labctl.internet import Endpoint
from labctl.protocols.http1 import MessageError, get, write_chunk
from labctl.protocols.url import parse_url
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.site_misbehaving import MISBEHAVIOURS

URL = parse_url("http://www.shop.test/x?y")
OK = b"HTTP/1.1 200 OK\r\n"
SHORT = Limits(seconds=0.2)


def said(*pieces: bytes, method: str = "GET", close: bool = True, limits: Limits = SHORT, body: bytes = b"",
         fields: tuple[tuple[str, str], ...] = ()) -> Answer:  # fmt: skip
    """Our answer to a peer that says this."""
    with saying(*pieces, close=close) as stream:
        return ask(stream, Request(method, URL, fields, body), clock=time.monotonic, limits=limits)


@contextmanager
def to(internet: LoopbackInternet, host: str) -> Iterator[Stream]:
    site = internet._town.site(host)
    assert site is not None
    dialled = internet.dial(Endpoint(site.addresses[0], 80))
    assert dialled.socket is not None
    with Stream(dialled.socket, internet.clock) as stream:
        yield stream


def asked(stream: Stream, url: str, method: str = "GET", **more: object) -> Answer:
    limits = more.pop("limits", Limits(seconds=5.0))
    request = Request(method, parse_url(url), *more.values())  # type: ignore[arg-type]
    return ask(stream, request, clock=stream.clock, limits=limits)  # type: ignore[arg-type]


class TestPeersThatBehave:
    def test_a_length_ends_the_content_and_the_connection_stays(self) -> None:
        answer = said(OK + b"Content-Length: 5\r\n\r\nhello", close=False)
        assert (answer.status, answer.reason, answer.body, answer.complete) == (200, "OK", b"hello", True)
        assert answer.keep_alive
        assert answer.failure == ""
        assert answer.request_raw == b"GET /x?y HTTP/1.1\r\nHost: www.shop.test\r\n\r\n"
        assert answer.times.sent_at <= (answer.times.head_at or 0) <= (answer.times.end_at or 0)

    def test_chunks_and_trailers_are_read(self) -> None:
        wire = OK + b"Transfer-Encoding: chunked\r\n\r\n" + write_chunk(b"he") + write_chunk(b"llo")
        answer = said(wire, b"0\r\nX-Sum: 7\r\n\r\n", close=False)
        assert (answer.body, answer.trailers) == (b"hello", (("X-Sum", "7"),))
        assert answer.keep_alive

    def test_the_close_ends_the_content_and_the_connection(self) -> None:
        answer = said(OK + b"\r\nhel", b"lo")
        assert (answer.body, answer.complete, answer.keep_alive) == (b"hello", True, False)

    @pytest.mark.parametrize("status", [204, 304])
    def test_some_responses_have_no_content_whatever_they_announce(self, status: int) -> None:
        answer = said(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status, close=False)
        assert (answer.body_bytes, answer.complete, answer.keep_alive) == (0, True, True)

    def test_head_has_no_content(self) -> None:
        assert said(OK + b"Content-Length: 5\r\n\r\n", method="HEAD", close=False).complete

    def test_interim_responses_are_kept_and_the_final_one_counts(self) -> None:
        answer = said(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 102 X\r\n\r\n" + OK, b"\r\n")
        assert [head.status for head in answer.interim] == [103, 102]
        assert answer.status == 200

    @pytest.mark.parametrize("line", [b"Connection: close\r\n", b"connection: x, CLOSE\r\n"])
    def test_close_is_heard(self, line: bytes) -> None:
        assert not said(OK + line + b"Content-Length: 0\r\n\r\n", close=False).keep_alive

    def test_content_is_announced_and_sent(self) -> None:
        answer = said(OK + b"Content-Length: 0\r\n\r\n", method="POST", body=b"abc", close=False)
        assert answer.request_raw.endswith(b"Content-Length: 3\r\n\r\nabc")
        assert answer.body_sent == 3
        chunked = said(OK + b"Content-Length: 0\r\n\r\n", method="POST", body=b"abc", close=False,
                       fields=(("Transfer-Encoding", "chunked"),))  # fmt: skip
        assert chunked.request_raw.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")

    def test_a_second_request_goes_over_the_same_connection(self, standing: LoopbackInternet) -> None:
        with to(standing, "origin.shop.test") as stream:
            first = asked(stream, "http://origin.shop.test/style.css")
            second = asked(
                stream,
                "http://origin.shop.test/style.css",
                fields=(("If-None-Match", get(first.fields, "ETag")),),
            )
        assert (first.status, second.status, second.body_bytes) == (200, 304, 0)
        assert first.keep_alive

    @pytest.mark.parametrize(
        ("path", "status", "size"),
        [("/size/0", 200, 0), ("/size/70000", 200, 70000), ("/chunked", 200, 51), ("/gone", 410, None),
         ("/trailers", 200, 37), ("/early", 200, None)],
    )  # fmt: skip
    def test_the_shop_is_read(
        self, standing: LoopbackInternet, path: str, status: int, size: int | None
    ) -> None:
        with to(standing, "origin.shop.test") as stream:
            answer = asked(stream, f"http://origin.shop.test{path}")
        assert (answer.status, answer.failure, answer.complete) == (status, "", True)
        assert size is None or answer.body_bytes == size

    def test_only_so_much_is_kept_and_all_is_counted(self, standing: LoopbackInternet) -> None:
        with to(standing, "origin.shop.test") as stream:
            answer = asked(stream, "http://origin.shop.test/size/500000", limits=Limits(body=1000))
        assert (len(answer.body), answer.body_bytes, answer.complete) == (1000, 500_000, True)


class TestWaitingForContinue:
    EXPECT = (("Expect", "100-continue"),)

    def test_the_content_follows_100(self, standing: LoopbackInternet) -> None:
        with to(standing, "api.shop.test") as stream:
            answer = asked(stream, "http://api.shop.test/", "POST", fields=self.EXPECT, body=b"x" * 5000)
        assert [head.status for head in answer.interim] == [100]
        assert (answer.status, answer.body_sent, answer.keep_alive) == (200, 5000, True)

    def test_refused_content_is_never_sent(self, standing: LoopbackInternet) -> None:
        with to(standing, "api.shop.test") as stream:
            answer = asked(
                stream, "http://api.shop.test/refuse", "POST", fields=self.EXPECT, body=b"x" * 5000
            )
            assert stream.sent < 500
        assert (answer.status, answer.body_sent, answer.keep_alive) == (403, 0, False)

    def test_a_server_that_says_nothing_gets_the_content_after_a_while(self) -> None:
        with saying(OK + b"Content-Length: 0\r\n\r\n", close=False, read=True) as stream:
            # The peer has read the head and answers at once: so it is the wait that is cut short here.
            limits = Limits(seconds=2.0, continue_s=0.0)
            answer = ask(
                stream, Request("POST", URL, self.EXPECT, b"abc"), clock=time.monotonic, limits=limits
            )
        assert answer.body_sent == 3


class TestPeersThatMisbehave:
    @pytest.mark.parametrize(
        ("pieces", "failure"),
        [
            ((), "no-answer"),
            ((b"HTTP/1.1 200 OK\r\nContent-Ty",), "half-head"),
            ((b"HTTP/1.1 103 X\r\n\r\n",), "no-answer"),
            ((OK + b"Content-Length: 10\r\n\r\nhello",), "closed-early"),
            ((OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",), "closed-early"),
            ((OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",), "bad-chunk"),
            ((OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",), "two-lengths"),
            ((OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",), "two-lengths"),
            ((OK + b"Content-Length: x\r\n\r\n",), "bad-length"),
            ((b"SSH-2.0-OpenSSH\r\n",), "garbage"),
            ((b"\x15\x03\x03\x00\x02\x02\x28",), "garbage"),
            ((b"HTTP/1.1 103 X\r\n\r\n" * 60,), "garbage"),
            ((OK + b"X: " + b"y" * 70000,), "too-big"),
            ((b"HTTP/1.1 200 OK\nX: y\n\n",), "bare-line-end"),
            ((b"HTTP/3.0 200 OK\r\n\r\n",), "version-unknown"),
        ],
    )
    def test_what_is_wrong_has_a_code_and_a_sentence(self, pieces: tuple[bytes, ...], failure: str) -> None:
        answer = said(*pieces)
        assert answer.failure == failure
        assert answer.detail.endswith(".")
        assert not answer.complete
        assert not answer.keep_alive

    @pytest.mark.parametrize("pieces", [(), (OK,), (OK + b"Content-Length: 9\r\n\r\n", b"123")])
    def test_silence_ends_by_the_clock(self, pieces: tuple[bytes, ...]) -> None:
        answer = said(*pieces, close=False, limits=Limits(seconds=0.05))
        assert answer.failure == "timeout"
        assert answer.raw_head == b"".join(pieces).partition(b"\r\n\r\n")[0] + (
            b"\r\n\r\n" if len(pieces) > 1 else b""
        )

    def test_what_comes_after_the_end_is_kept_apart(self) -> None:
        answer = said(OK + b"Content-Length: 2\r\n\r\nhiHTTP/1.1 404 X\r\n\r\n", close=False)
        assert (answer.body, answer.excess) == (b"hi", b"HTTP/1.1 404 X\r\n\r\n")
        assert not answer.keep_alive

    @pytest.mark.parametrize("path", sorted(MISBEHAVIOURS))
    def test_each_misbehaviour_of_the_town_ends_in_bounds(
        self, standing: LoopbackInternet, path: str
    ) -> None:
        limits = Limits(body=1000, most=100_000, seconds=0.3)
        with to(standing, "raw.shop.test") as stream:
            answer = asked(stream, f"http://raw.shop.test{path}", limits=limits)
            assert stream.received < 1_000_000
        assert answer.failure or answer.excess or path == "/unasked-gzip"
        assert len(answer.body) <= 1000

    def test_a_server_that_answers_early_and_closes_is_heard(self) -> None:
        answer = said(b"HTTP/1.1 413 Too Big\r\nContent-Length: 0\r\n\r\n", method="POST", body=b"x" * 3_000_000,
                      limits=Limits(seconds=2.0))  # fmt: skip
        assert answer.status == 413
        assert not answer.keep_alive

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([OK, b"\r\n", b"Content-Length: 3\r\n",
           b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n"])), max_size=6))  # fmt: skip
    def test_no_peer_makes_it_raise(self, pieces: list[bytes]) -> None:
        answer = said(*pieces)
        assert bool(answer.failure) != answer.complete


def test_a_field_that_would_be_another_request_is_never_sent() -> None:
    with saying() as stream, pytest.raises(MessageError):
        ask(stream, Request("GET", URL, (("X", "a\r\nEvil: b"),)), clock=time.monotonic)
