"""The embedded proxy on sockets: messages pass whole, both ways, and what goes wrong ends one connection only."""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
from free_ports import closed_port

from labctl.protocols.http1 import get
from labctl.sandbox import proxy_messages
from labctl.sandbox.proxy_configuration import Configuration
from labctl.sandbox.proxy_server import EmbeddedProxy
from labctl.sandbox.proxy_street import HOST, Street
from labctl.sandbox.proxy_upstream import Upstream
from labctl.sandbox.site import Piece, SiteAnswer, SiteRequest, text
from labctl.sandbox.town_certificates import Certificates
from labctl.sandbox.web_stream import PlainStream
from labctl.serving.asking import Answer, Connection, ask

Front = Callable[..., tuple[str, int]]


@pytest.fixture
def street() -> Iterator[Street]:
    """A street; in the end nothing crashed and no thread is left."""
    before = set(threading.enumerate())
    made = Street(Certificates(time.time), time.time)
    yield made
    crashes = made.crashes
    made.close()
    assert not crashes
    assert set(threading.enumerate()) <= before


def app(request: SiteRequest) -> SiteAnswer:
    """Answers with what it got, in the framing that the path asks for."""
    body = f"{request.method} {request.target} {request.body.decode()}".encode()
    if request.path == "/chunked":
        return SiteAnswer(200, (("X-App", "yes"),), (Piece(0.0, body), Piece(0.0, b"!")), framing="chunked")
    if request.path == "/close":
        return SiteAnswer(200, (), body, framing="close")
    if request.path == "/nothing":
        return SiteAnswer(204)
    if request.path == "/big":
        return SiteAnswer(200, (), b"x" * 3_000_000)
    return SiteAnswer(200, (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")), body)


def stand(street: Street, configuration: Configuration | None = None, **more: Any) -> tuple[str, int]:
    return street.proxy(configuration or Configuration(), {"app": [street.app(app)]}, **more)[0]


def raw_app(street: Street, answer: bytes) -> tuple[str, int]:
    """An app that reads a head, says these bytes, and closes."""

    async def serve(stream: PlainStream) -> None:
        data = b""
        while b"\r\n\r\n" not in data and (more := await stream.receive()):
            data += more
        await stream.send(answer)

    return street.listen(serve)


BUFFERS = pytest.mark.parametrize("buffers", [True, False])
MANNERS = pytest.mark.parametrize("manners", ["nginx-recommended", "apache-default"])


def configured(manners: str, buffers: bool) -> Configuration:
    return Configuration(manners, buffers_answers=buffers, buffers_requests=buffers)


@BUFFERS
@MANNERS
def test_answers_of_every_framing_arrive_whole(street: Street, manners: str, buffers: bool) -> None:
    proxy = stand(street, configured(manners, buffers))
    assert ask(proxy, "/a?b=1").text == "GET /a?b=1 "
    assert ask(proxy, "/chunked").text == "GET /chunked !"
    assert ask(proxy, "/close").text == "GET /close "
    assert len(ask(proxy, "/big").body) == 3_000_000
    assert (ask(proxy, "/nothing").status, ask(proxy, "/nothing").body) == (204, b"")
    assert ask(proxy, "/a", version="1.0").text == "GET /a "
    cookies = [value for name, value in ask(proxy, "/a").fields if name == "Set-Cookie"]
    assert cookies == ["a=1", "b=2"]


@BUFFERS
@MANNERS
def test_uploads_of_every_framing_arrive_whole(street: Street, manners: str, buffers: bool) -> None:
    proxy = stand(street, configured(manners, buffers))
    assert ask(proxy, "/p", method="POST", body=b"abc").text == "POST /p abc"
    head = f"POST /p HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
    chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert ask(proxy, raw=chunked.encode()).text == "POST /p abcde"
    assert len(ask(proxy, "/p", method="PUT", body=b"y" * 2_000_000).body) == 2_000_007


def test_a_client_that_expects_100_continue_gets_it_before_it_sends(street: Street) -> None:
    with Connection(stand(street)) as connection:
        connection.send(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert connection.read_answer("POST", interim=True).status == 100
        connection.send(b"abc")
        assert connection.read_answer("POST").text == "POST /p abc"


def test_a_head_request_has_the_length_and_no_content(street: Street) -> None:
    with Connection(stand(street)) as connection:
        answer = connection.ask("/a", method="HEAD")
        assert (answer.status, get(answer.fields, "Content-Length"), answer.body) == (200, "8", b"")
        assert connection.ask("/b").text == "GET /b "


def test_requests_that_were_sent_ahead_are_answered_in_order(street: Street) -> None:
    one = "GET /{} HTTP/1.1\r\nHost: a\r\n\r\n"
    two = "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
    with Connection(stand(street)) as connection:
        connection.send((one.format(1) + two + one.format(3)).encode())
        said = [connection.read_answer().text for _ in range(3)]
    assert said == ["GET /1 ", "POST /2 hi", "GET /3 "]


def test_an_early_hint_of_the_app_reaches_clients_that_know_them(street: Street) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nKeep-Alive: 3\r\n\r\n"
    hinting = raw_app(street, early + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    proxy, _ = street.proxy(Configuration(), {"app": [hinting]})
    with Connection(proxy) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        hint = connection.read_answer(interim=True)
        assert (hint.status, hint.fields) == (103, (("Link", "</a.css>"),))
        assert connection.read_answer().text == "hi"
    assert ask(proxy, version="1.0").text == "hi"
    with Connection(proxy) as connection:
        connection.send(b"GET / HTTP/1.0\r\n\r\n")
        assert connection.read_answer(interim=True).status == 200


def test_a_connection_that_asks_for_it_is_closed(street: Street) -> None:
    with Connection(stand(street)) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert get(connection.read_answer().fields, "Connection") == "close"
        assert connection.socket.recv(1) == b""


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"\x16\x03\x01", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\nab", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET http://u@b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413),
    ],
)
@BUFFERS
def test_what_is_no_request_gets_a_4xx_or_5xx_and_no_app_hears_of_it(
    street: Street, raw: bytes, status: int, buffers: bool
) -> None:
    asked: list[str] = []

    def listening(request: SiteRequest) -> SiteAnswer:
        asked.append(request.target)
        return text(200, "?")

    proxy, _ = street.proxy(configured("nginx-recommended", buffers), {"app": [street.app(listening)]})
    answer = ask(proxy, raw=raw)
    assert (answer.status, answer.reason) == (status, HTTPStatus(status).phrase)
    assert not asked


@BUFFERS
def test_an_app_that_says_nothing_or_nonsense_is_a_502(street: Street, buffers: bool) -> None:
    for said in (b"", b"HTTP/1.1 200", b"SSH-2.0-OpenSSH\r\n"):
        proxy, _ = street.proxy(configured("nginx-recommended", buffers), {"app": [raw_app(street, said)]})
        assert ask(proxy).status == 502


@BUFFERS
def test_an_answer_that_breaks_off_is_not_told_as_a_whole_one(street: Street, buffers: bool) -> None:
    for said in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ):
        proxy, _ = street.proxy(configured("apache-default", buffers), {"app": [raw_app(street, said)]})
        answer = ask(proxy)
        assert answer.failure in ("cut", "reset", "empty")


@BUFFERS
def test_an_upload_without_a_length_is_cut_off_where_it_gets_too_large(
    street: Street, monkeypatch: pytest.MonkeyPatch, buffers: bool
) -> None:
    monkeypatch.setattr(proxy_messages, "MOST_BYTES", 1000)
    proxy, _ = street.proxy(configured("apache-default", buffers), {"app": [street.app(app)]})
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert ask(proxy, raw=head + chunk + b"0\r\n\r\n").status == 200
    assert ask(proxy, raw=head + chunk + chunk + b"0\r\n\r\n").status == 413


def test_a_head_that_comes_in_drops_has_one_time_limit_for_all_of_it(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy_messages, "IDLE_S", 0.2)
    with Connection(stand(street)) as slow, contextlib.suppress(OSError):
        for byte in b"GET / HTTP/1.1\r\nHost: " + b"a" * 400:
            slow.send(bytes([byte]))
            if select.select([slow.socket], [], [], 0.01)[0]:
                break
        else:
            pytest.fail("the proxy listens to drops without an end")


@pytest.mark.parametrize("target", ["http://other.test/a?b=1", "http://other.test?b=1"])
def test_a_target_in_the_absolute_form_names_the_host_that_counts(street: Street, target: str) -> None:
    got: list[tuple[str | None, str]] = []

    def listening(request: SiteRequest) -> SiteAnswer:
        got.append((get(request.fields, "Host"), request.target))
        return text(200, "?")

    proxy, _ = street.proxy(Configuration(), {"app": [street.app(listening)]})
    ask(proxy, raw=f"GET {target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n".encode())
    assert got == [("other.test", "/a?b=1" if "/a" in target else "/?b=1")]


def test_a_204_goes_out_without_a_length_and_an_app_that_never_comes_to_an_answer_is_a_502(
    street: Street,
) -> None:
    said = b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"
    proxy, _ = street.proxy(Configuration(), {"app": [raw_app(street, said)]})
    answer = ask(proxy)
    assert (answer.status, get(answer.fields, "Content-Length")) == (204, None)
    endless = raw_app(street, b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
    assert ask(street.proxy(Configuration(), {"app": [endless]})[0]).status == 502


def test_interim_answers_of_the_app_are_left_out(street: Street) -> None:
    said = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    proxy, _ = street.proxy(Configuration(), {"app": [raw_app(street, said)]})
    assert ask(proxy).text == "ok"


def test_nobody_behind_it_is_a_502_and_the_proxy_lives_on(street: Street) -> None:
    with closed_port() as port:
        proxy, made = street.proxy(Configuration(), {"app": [("127.0.0.1", port)]})
        assert ask(proxy).status == 502
        assert ask(proxy).status == 502
    assert made.upstreams["app"].backends[0].failed == 2


def test_a_dead_app_is_tried_once_and_the_next_one_answers(street: Street) -> None:
    with closed_port() as port:
        proxy, made = street.proxy(Configuration(), {"app": [("127.0.0.1", port), street.app(app)]})
        assert [ask(proxy).status for _ in range(6)] == [200] * 6
    assert [backend.failed for backend in made.upstreams["app"].backends] == [1, 0]


def test_an_upload_that_the_app_refuses_early_gets_its_answer(street: Street) -> None:
    refused = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    proxy, _ = street.proxy(configured("apache-default", False), {"app": [raw_app(street, refused)]})
    answer: Answer
    with Connection(proxy) as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
        answer = connection.read_answer("POST")
        assert answer.status == 413
        assert connection.socket.recv(1) == b"", "what is left of the upload would be read as a request"


@BUFFERS
def test_a_client_that_leaves_in_the_middle_takes_nobody_along(street: Street, buffers: bool) -> None:
    proxy = stand(street, configured("nginx-recommended", buffers))
    with Connection(proxy) as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
    with Connection(proxy) as connection:
        connection.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
    assert ask(proxy, "/a").text == "GET /a "


def test_a_proxy_that_buffers_lets_go_of_the_app_before_the_client_has_read(street: Street) -> None:
    gone = threading.Event()

    async def serve(stream: PlainStream) -> None:
        await stream.receive()
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n" + b"x" * 30_000_000)
        gone.set()

    where = street.listen(serve)
    proxy, _ = street.proxy(Configuration(), {"app": [where]})
    with Connection(proxy, timeout_s=20) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert gone.wait(20), "the app has written all of it, and nobody has read a byte"
        assert len(connection.read_answer().body) == 30_000_000


def test_tls_ends_at_the_proxy_and_the_scheme_is_told(street: Street) -> None:
    to_app, tap = street.tap(street.app(app))
    proxy, _ = street.proxy(Configuration(), {"app": [to_app]}, secure=True)
    with Connection(proxy) as connection:
        connection.socket = street.client_context().wrap_socket(connection.socket, server_hostname=HOST)
        assert connection.ask("/a").text == "GET /a "
        assert connection.ask("/b").text == "GET /b "
    talk = tap.last()
    assert talk is not None
    assert b"X-Forwarded-Proto: https" in talk.asked.since()
    assert ask(proxy, "/plain").failure, "it speaks nothing but TLS there"


def test_hops_have_addresses_of_their_own_and_are_told_apart(street: Street) -> None:
    if not street.own_addresses:
        pytest.skip("this machine has 127.0.0.1 alone")
    to_app, tap = street.tap(street.app(app))
    proxy, _ = street.proxy(Configuration("apache-default"), {"app": [to_app]})
    ask(proxy, source=street.visitor)
    talk = tap.last()
    assert talk is not None
    assert f"X-Forwarded-For: {street.visitor}\r\n".encode() in talk.asked.since()


def test_requests_of_many_clients_at_once_do_not_mix(street: Street) -> None:
    proxy = stand(street)
    said: dict[int, str] = {}

    def one(number: int) -> None:
        said[number] = ask(proxy, f"/{number}", method="POST", body=str(number).encode() * 1000).text

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {number: f"POST /{number} {str(number) * 1000}" for number in range(20)}


def test_manners_of_nobody_are_refused() -> None:
    with pytest.raises(KeyError):
        EmbeddedProxy(Configuration("nginx-of-somebody"), {"app": Upstream([])})
