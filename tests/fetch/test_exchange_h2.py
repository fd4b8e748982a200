"""Requests over HTTP/2: side by side with the town's sites, and with peers that break the rules."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import h2.config
import h2.connection
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_peers import saying

from labctl.fetch.exchange import Answer, Limits, Request
from labctl.fetch.exchange_h2 import Http2Connection
from labctl.fetch.secure import TlsOffer, secure
from labctl.fetch.stream import Stream
from labctl.internet import Endpoint
from labctl.protocols.http1 import get
from labctl.protocols.url import parse_url
from labctl.sandbox.loopback import LoopbackInternet

URL = parse_url("https://www.shop.test/")


@contextmanager
def to(internet: LoopbackInternet, host: str) -> Iterator[Http2Connection]:
    site = internet._town.site(host)
    assert site is not None
    dialled = internet.dial(Endpoint(site.addresses[0], 443))
    assert dialled.socket is not None
    secured = secure(Stream(dialled.socket, internet.clock), internet, TlsOffer(host), timeout=5.0)
    assert secured.stream is not None
    assert secured.alpn == "h2"
    connection = Http2Connection(secured.stream, clock=internet.clock)
    yield connection
    connection.close()


def request(path: str, method: str = "GET", body: bytes = b"", host: str = "origin.shop.test") -> Request:
    return Request(method, parse_url(f"https://{host}{path}"), (("User-Agent", "test"),), body)


def test_many_requests_share_one_connection_and_come_back_in_their_order(standing: LoopbackInternet) -> None:
    before = standing.web().connections["origin.shop.test"]
    with to(standing, "origin.shop.test") as connection:
        answers = connection.ask_many([request(f"/size/{n * 1000}") for n in range(1, 21)])
        again = connection.ask(request("/gone"))
    assert [answer.body_bytes for answer in answers] == [n * 1000 for n in range(1, 21)]
    assert all(answer.complete and answer.version == "2" for answer in answers)
    assert again.status == 410
    assert standing.web().connections["origin.shop.test"] - before == 1


def test_contents_longer_than_the_windows_go_both_ways(standing: LoopbackInternet) -> None:
    with to(standing, "origin.shop.test") as connection:
        down = connection.ask(request("/size/700000"))
    assert (down.body_bytes, down.complete) == (700_000, True)
    with to(standing, "api.shop.test") as connection:
        up = connection.ask(request("/", "POST", b"x" * 300_000, "api.shop.test"))
    assert b'"body_bytes": 300000' in up.body
    assert up.body_sent == 300_000


def test_interim_responses_and_trailers_are_kept(standing: LoopbackInternet) -> None:
    with to(standing, "origin.shop.test") as connection:
        early, trailed = connection.ask_many([request("/early"), request("/trailers")])
    assert [head.status for head in early.interim] == [103]
    assert get(trailed.trailers, "Server-Timing") == "total;dur=1.5"


def test_frames_are_kept_for_showing(standing: LoopbackInternet) -> None:
    with to(standing, "origin.shop.test") as connection:
        answer = connection.ask(request("/size/10"))
        frames = list(connection.frames)
    assert frames[0].sent
    assert [f.type for f in frames if f.stream_id == 1] == ["HEADERS", "HEADERS", "DATA"]
    assert len(answer.request_raw) == next(f.wire_bytes for f in frames if f.sent and f.type == "HEADERS")


def test_too_much_is_cancelled_and_the_others_go_on(standing: LoopbackInternet) -> None:
    with to(standing, "origin.shop.test") as connection:
        limits = Limits(body=1000, most=100_000, seconds=5.0)
        big, small = connection.ask_many([request("/size/900000"), request("/size/5")], limits=limits)
    assert (big.failure, small.failure) == ("too-big", "")
    assert len(big.body) == 1000


class Server:
    """The other end, as the h2 library speaks it, to make bytes with."""

    def __init__(self) -> None:
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.h2.initiate_connection()
        client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        client.initiate_connection()
        client.send_headers(
            1,
            [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/")],
            end_stream=True,
        )
        self.h2.receive_data(client.data_to_send())

    def bytes(self) -> bytes:
        return self.h2.data_to_send()


def said(*pieces: bytes, close: bool = True, seconds: float = 0.2) -> Answer:
    with saying(*pieces, close=close) as stream:
        connection = Http2Connection(stream, clock=time.monotonic, limits=Limits(seconds=seconds))
        return connection.ask(Request("GET", URL))


def test_a_reset_stream_and_a_goaway_are_told_with_their_reason() -> None:
    server = Server()
    server.h2.reset_stream(1, 11)
    answer = said(server.bytes())
    assert (answer.failure, "ENHANCE_YOUR_CALM" in answer.detail) == ("reset", True)
    server = Server()
    server.h2.close_connection(2, last_stream_id=0)
    answer = said(server.bytes())
    assert (answer.failure, "INTERNAL_ERROR" in answer.detail) == ("reset", True)


def test_interim_responses_without_end_are_not_kept_without_end() -> None:
    server = Server()
    for _ in range(60):
        server.h2.send_headers(1, [(":status", "103")])
    answer = said(server.bytes())
    assert (answer.failure, len(answer.interim)) == ("garbage", 51)


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_what_was_asked_before_a_polite_goaway_is_still_answered(step: int) -> None:
    server = Server()
    preface = server.bytes()
    goaway = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + (1).to_bytes(4, "big") + bytes(4)
    server.h2.send_headers(1, [(":status", "200")])
    server.h2.send_data(1, b"hello", end_stream=True)
    wire = preface + goaway + server.bytes()
    answer = said(*(wire[at : at + step] for at in range(0, len(wire), step)), seconds=5.0)
    assert (answer.failure, answer.status, answer.body) == ("", 200, b"hello")
    assert not answer.keep_alive


def test_an_end_in_the_middle_of_the_content_is_told() -> None:
    server = Server()
    server.h2.send_headers(1, [(":status", "200")])
    server.h2.send_data(1, b"hello")
    answer = said(server.bytes())
    assert (answer.failure, answer.status, answer.body) == ("closed-early", 200, b"hello")


@pytest.mark.parametrize(
    ("pieces", "failure"),
    [
        ((), "no-answer"),
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9,), "garbage"),
        ((b"\0\0\x05\0\0\0\0\0\x09hello",), "garbage"),
        ((b"\xff" * 200,), "garbage"),
    ],
)
def test_what_is_no_http2_has_a_code_and_a_sentence(pieces: tuple[bytes, ...], failure: str) -> None:
    answer = said(*pieces)
    assert (answer.failure, answer.complete) == (failure, False)
    assert answer.detail.endswith(".")


def test_silence_ends_by_the_clock() -> None:
    assert said(close=False, seconds=0.05).failure == "timeout"


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 40))
def test_no_peer_makes_it_raise(noise: bytes, keep: int) -> None:
    server = Server()
    server.h2.send_headers(1, [(":status", "200")])
    answer = said(server.bytes()[:keep] + noise)
    assert answer.failure or answer.complete
