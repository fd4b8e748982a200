"""The WSGI server on real sockets and with a scripted client: connections, framing, 100-continue, refusals, the end."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import socket
import subprocess
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needed import need
from wsgi_harness import converse, exchange, received, responses, serving

from labctl.protocols.http1 import LAST_CHUNK, write_chunk
from labctl.serving.wsgi_server import WsgiServer, listen
from labctl.serving.wsgi_server_limits import Limits

HOST = b"Host: a\r\n"


def echo(environ, start_response):
    """Says what it was asked and gives the content back, in as many pieces as it came."""
    content = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Path", environ["PATH_INFO"])])
    return [environ["REQUEST_METHOD"].encode() + b" " + content]


def lazy(environ, start_response):
    """Answers without a look at the content."""
    start_response("200 OK", [("X-Path", environ["PATH_INFO"])])
    return [b"lazy"]


def streaming(environ, start_response):
    start_response("200 OK", [])
    yield b"one"
    yield b"two"


def get(path="/", version="1.1", *lines):
    return (
        f"GET {path} HTTP/{version}\r\n{''.join(f'{line}' + chr(13) + chr(10) for line in lines)}".encode()
        + (HOST + b"\r\n")
    )


def post(content, path="/", *, chunks=0, lines=b""):
    start = f"POST {path} HTTP/1.1\r\n".encode() + HOST + lines
    if not chunks:
        return start + b"Content-Length: %d\r\n\r\n" % len(content) + content
    parts = [content[at : at + chunks] for at in range(0, len(content), chunks)]
    return start + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(map(write_chunk, parts)) + LAST_CHUNK


class TestConnections:
    def test_one_serves_request_after_request(self):
        with serving(echo) as server, socket.create_connection(server.address) as client:
            for number in range(3):
                client.sendall(get(f"/{number}"))
                [(status, fields, content, _)] = responses(client.recv(65536))
                assert (status, fields["X-Path"], content) == (200, f"/{number}", b"GET ")

    def test_requests_that_are_sent_ahead_are_answered_in_order(self):
        raw = (
            get("/a")
            + post(b"hello", "/b")
            + post(b"chunked", "/c", chunks=2)
            + get("/d", "1.1", "Connection: close")
        )
        with serving(echo) as server:
            found = responses(exchange(server.address, raw))
        assert [(fields["X-Path"], content) for _, fields, content, _ in found] == [
            ("/a", b"GET "), ("/b", b"POST hello"), ("/c", b"POST chunked"), ("/d", b"GET "),
        ]  # fmt: skip

    def test_content_that_the_application_leaves_does_not_become_a_request(self):
        smuggled = get("/smuggled")
        for raw in (post(smuggled, "/a"), post(smuggled, "/a", chunks=7)):
            found = responses(converse(lazy, raw + get("/b")).sent)
            assert [fields["X-Path"] for _, fields, _, _ in found] == ["/a", "/b"]

    def test_too_much_left_content_ends_the_connection(self):
        client = converse(lazy, post(b"x" * 70_000, "/a") + get("/b"))
        [(status, fields, _, _)] = responses(client.sent)
        assert (status, fields["Connection"]) == (200, "close")
        assert client.parted == 1

    @pytest.mark.parametrize(
        ("version", "line", "keeps"),
        [("1.1", "", True), ("1.1", "Connection: close", False), ("1.1", "Connection: a, Close", False),
         ("1.0", "", False), ("1.0", "Connection: Keep-Alive", True), ("1.1", "Connection: keep-alive", True)],
    )  # fmt: skip
    def test_it_stays_open_as_both_want_it(self, version, line, keeps):
        client = converse(echo, get("/a", version, *([line] if line else [])) + get("/b"))
        assert len(responses(client.sent)) == (2 if keeps else 1)

    def test_after_so_many_requests_it_is_closed(self):
        client = converse(echo, get("/a") * 5, limits=Limits(requests=2))
        found = responses(client.sent)
        assert ["Connection" in fields for _, fields, _, _ in found] == [False, True]

    def test_a_small_response_is_one_send(self):
        assert len(converse(echo, get() * 3).sends) == 3

    def test_small_responses_do_not_wait_for_a_delayed_ack(self):
        with serving(streaming) as server, socket.create_connection(server.address) as client:
            client.sendall(get())
            while b"0\r\n\r\n" not in client.recv(65536):
                pass
            connection = next(iter(server._serving.values()))
            assert connection._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0

    def test_a_unix_socket_serves_too_and_is_removed(self, tmp_path):
        path = str(tmp_path / "s")
        with serving(echo):
            pass
        with WsgiServer(echo, path) as server, socket.socket(socket.AF_UNIX) as client:
            assert server.address == path
            client.connect(path)
            client.sendall(get("/u", "1.1", "Connection: close"))
            assert responses(received(client))[0][1]["X-Path"] == "/u"
        assert not os.path.exists(path)

    def test_an_ipv6_address_serves_too(self):
        try:
            listener = listen(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        with WsgiServer(echo, listener) as server:
            assert responses(exchange(server.address, get("/", "1.0")))[0][0] == 200

    def test_many_clients_at_once_get_their_own_answers(self):
        wrong = []
        barrier = threading.Barrier(8)

        def app(environ, start_response):
            with contextlib.suppress(threading.BrokenBarrierError):
                barrier.wait(5)
            return echo(environ, start_response)

        def ask(number):
            for turn in range(3):
                raw = post(b"%d" % number, f"/{number}/{turn}", lines=b"Connection: close\r\n")
                [(_, fields, content, _)] = responses(exchange(server.address, raw))
                if (fields["X-Path"], content) != (f"/{number}/{turn}", b"POST %d" % number):
                    wrong.append(fields)

        with serving(app, threads=8) as server:
            threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(server._threads) == 8
        assert not wrong


class TestWhatTheBytesAre:
    """The same bytes give the same responses, however they are cut."""

    REQUESTS = st.lists(
        st.one_of(
            st.builds(get, st.sampled_from(["/", "/a?b", "/caf%C3%A9"])),
            st.builds(post, st.binary(max_size=40), st.just("/p"), chunks=st.integers(0, 9)),
            st.just(b"\r\n" + get("/after-an-empty-line")),
            st.just(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
            st.just(get("/old", "1.0", "Connection: keep-alive")),
        ),
        min_size=1,
        max_size=5,
    )
    ENDS = st.sampled_from(
        [b"", b"GET / HTTP/3.0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"GET /unfinished"]
    )

    @settings(deadline=None)
    @given(
        REQUESTS, ENDS, st.lists(st.integers(0, 600), max_size=12), st.sampled_from([echo, lazy, streaming])
    )
    def test_any_split_gives_the_same_bytes(self, requests, end, cuts, app):
        raw = b"".join(requests) + end
        places = [0, *sorted({cut for cut in cuts if 0 < cut < len(raw)}), len(raw)]
        pieces = [raw[a:b] for a, b in itertools.pairwise(places)]
        whole, split = converse(app, raw), converse(app, *pieces)
        if end.startswith(b"GET"):
            assert _without_dates(split.sent) == _without_dates(whole.sent)
        else:  # the sentence of a refusal shows what had come by then
            assert [each[0] for each in responses(split.sent)] == [each[0] for each in responses(whole.sent)]
        assert not split.errors
        if app is streaming and any(b"HTTP/1.0" in request for request in requests):
            return  # the first of them ends the connection
        found = responses(whole.sent, [part.lstrip().split(b" ")[0].decode() for part in requests] + ["GET"])
        assert len(found) == len(requests) + (end != b"")
        assert all(complete for *_, complete in found)
        assert all(status in (200, 204) for status, *_ in found[: len(requests)])

    @settings(deadline=None)
    @given(st.binary(max_size=120), st.lists(st.integers(0, 120), max_size=4))
    def test_any_bytes_are_answered_with_a_4xx_or_5xx_or_not_at_all(self, raw, cuts):
        called = []

        def app(environ, start_response):
            called.append(environ)
            return echo(environ, start_response)

        client = converse(app, *[raw[:cut] for cut in cuts[:1]], raw)
        assert not client.errors
        if not called:
            assert all(status >= 400 for status, *_ in responses(client.sent))
            assert len(client.sends) <= 1

    @settings(deadline=None)
    @given(st.data())
    def test_a_good_request_with_one_byte_changed_never_fails_inside(self, data):
        raw = bytearray(
            post(b"hello", "/a", chunks=3, lines=b"X-A: b\r\nExpect: 100-continue\r\n") + get("/b")
        )
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        client = converse(echo, bytes(raw))
        assert not [line for line in client.errors.splitlines() if line.startswith("Traceback")]
        for status, *_ in responses(client.sent, ["GET"] * 9):
            assert status in (100, 200, 204, 400, 413, 417, 431, 501, 505)


def _without_dates(raw):
    return b"\r\n".join(line for line in raw.split(b"\r\n") if not line.startswith(b"Date: "))


class TestExpectations:
    ASKING = post(b"", lines=b"Expect: 100-continue\r\n").replace(b"Length: 0", b"Length: 5")

    def test_100_continue_is_sent_when_the_application_reads(self):
        client = converse(echo, self.ASKING, b"hello", get("/next"))
        found = responses(client.sent)
        assert [status for status, *_ in found] == [100, 200, 200]
        assert client.sends[0] == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert found[1][2] == b"POST hello"

    def test_an_application_that_does_not_read_answers_at_once_and_the_connection_ends(self):
        client = converse(lazy, self.ASKING)
        [(status, fields, content, _)] = responses(client.sent)
        assert (status, fields["Connection"], content) == (200, "close", b"lazy")

    def test_who_has_sent_the_content_already_is_not_told_to_go_on(self):
        assert [status for status, *_ in responses(converse(echo, self.ASKING + b"hello").sent)] == [200]

    def test_another_expectation_is_417(self):
        raw = self.ASKING.replace(b"100-continue", b"miracles")
        assert [status for status, *_ in responses(converse(echo, raw).sent)] == [417]

    def test_it_is_not_sent_into_a_response_that_has_begun(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            yield b"begun "
            yield environ["wsgi.input"].read()

        client = converse(app, self.ASKING, b"hello")
        assert [status for status, *_ in responses(client.sent)] == [200]
        assert responses(client.sent)[0][2] == b"begun hello"


REFUSED = [
    (400, b"garbage\x00\r\n\r\n"),
    (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    (400, b"GET /\r\n\r\n"),
    (400, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b"G{T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nX-A: \x00\r\n\r\n"),
    (400, b"GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
    (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx"),
    (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx"),
    (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
    (400, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (413, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n"),
    (414, b"GET /" + b"a" * 70_000),
    (417, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: rain\r\n\r\n"),
    (431, b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 70_000),
    (501, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    (501, b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
]  # fmt: skip


class TestRefusals:
    @pytest.mark.parametrize(("status", "raw"), REFUSED, ids=[f"{s} {r[:34]!r}" for s, r in REFUSED])
    def test_what_is_no_good_request_gets_its_status_and_nothing_else(self, status, raw):
        called, told = [], []

        def app(environ, start_response):
            called.append(environ)
            return echo(environ, start_response)

        client = converse(app, raw + get("/smuggled"), tell=lambda kind, data: told.append((kind, data)))
        [(found, fields, content, complete)] = responses(client.sent)
        assert found == status
        assert fields["Connection"] == "close"
        assert complete
        assert content.endswith(b".\n")
        assert not called
        assert client.parted == 1
        [(kind, data)] = told
        assert (kind, data["status"]) == ("refused", status)
        assert data["why"].encode() + b"\n" == content

    def test_the_refusal_arrives_although_the_client_still_sends(self):
        with (
            serving(echo, limits=Limits(body=1000)) as server,
            socket.create_connection(server.address) as client,
        ):
            client.sendall(post(b"x" * 200_000))
            client.shutdown(socket.SHUT_WR)
            assert responses(received(client))[0][0] == 413

    def test_good_requests_before_it_are_answered_first(self):
        found = responses(converse(echo, get("/a") + b"nonsense\r\n\r\n").sent)
        assert [status for status, *_ in found] == [200, 400]

    @pytest.mark.parametrize(
        ("status", "raw"),
        [(400, post(b"hello", chunks=2).replace(b"2\r\nll", b"zz\r\nll")), (400, post(b"hello")[:-2]),
         (413, post(b"x" * 60, chunks=20))],
    )  # fmt: skip
    def test_bad_content_is_no_500_when_the_application_lets_it_through(self, status, raw):
        client = converse(echo, raw, limits=Limits(body=50))
        assert [found for found, *_ in responses(client.sent)] == [status]
        assert not client.errors

    def test_options_of_the_whole_server_never_reaches_an_application(self):
        client = converse(None, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        assert [status for status, *_ in responses(client.sent)] == [204, 204]


class TestFailures:
    def test_an_exception_is_a_500_and_its_traceback_goes_to_the_errors(self):
        def app(environ, start_response):
            raise ValueError("the secret")

        client = converse(app, get() + get())
        [(status, fields, content, _)] = responses(client.sent)
        assert (status, fields["Connection"]) == (500, "close")
        assert b"secret" not in content
        assert "ValueError: the secret" in client.errors

    def test_after_the_head_it_can_only_be_cut(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            yield b"begun"
            raise ValueError("no")

        client = converse(app, get() + get())
        assert responses(client.sent) == [(200, responses(client.sent)[0][1], b"begun", False)]
        assert not client.reset

    def test_a_cut_that_would_look_like_an_end_is_a_reset(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            yield b"begun"
            raise ValueError("no")

        assert converse(app, get("/", "1.0")).reset
        with serving(app) as server, pytest.raises(ConnectionResetError):
            exchange(server.address, get("/", "1.0"))

    def test_a_client_that_is_gone_ends_the_body_and_says_nothing(self):
        closed = []

        def app(environ, start_response):
            start_response("200 OK", [])
            try:
                while True:
                    yield b"more"
            finally:
                closed.append(True)

        client = converse(app, get() + get(), takes=3)
        assert closed == [True]
        assert not client.errors

    def test_what_the_server_tells(self):
        told = []

        def app(environ, start_response):
            start_response("200 OK", [("Content-Length", "3")])
            return [b"too long"]

        converse(app, get("/a%20b?c=d"), tell=lambda kind, data: told.append((kind, data)))
        assert [kind for kind, _ in told] == ["begin", "broken", "end"]
        assert told[0][1] == {"method": "GET", "path": "/a b", "query": "c=d"}
        assert told[1][1]["name"] == "body-too-long"
        assert told[2][1] == {"status": 200, "sent": 3, "raised": ""}


class TestTheEnd:
    def test_a_request_that_runs_is_answered_and_the_connection_closed(self):
        inside, go = threading.Event(), threading.Event()

        def app(environ, start_response):
            inside.set()
            assert go.wait(10)
            return echo(environ, start_response)

        server = WsgiServer(app)
        with socket.create_connection(server.address) as client:
            client.sendall(get() + get())
            assert inside.wait(10)
            closing = threading.Thread(target=server.close, args=(10.0,))
            closing.start()
            assert server._ending.wait(10)
            go.set()
            found = responses(received(client))
            closing.join()
        # The second one had come before the end.
        assert [(status, fields.get("Connection")) for status, fields, _, _ in found] == [
            (200, None),
            (200, "close"),
        ]
        assert server.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(server.address)

    def test_silent_connections_do_not_hold_it_up(self):
        with serving(echo) as server:
            clients = [socket.create_connection(server.address) for _ in range(3)]
            clients[0].sendall(get())
            assert clients[0].recv(10)
        for client in clients:
            with client, contextlib.suppress(ConnectionResetError):  # not accepted before the end
                received(client)

    def test_a_client_that_does_not_read_is_cut(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            while True:
                yield b"x" * 65536

        server = WsgiServer(app)
        with socket.create_connection(server.address) as client:
            client.sendall(get())
            assert client.recv(10)
            assert server.close(0.0)

    def test_an_application_that_never_comes_back_is_said(self):
        inside, go = threading.Event(), threading.Event()

        def app(environ, start_response):
            inside.set()
            assert go.wait(20)
            return echo(environ, start_response)

        server = WsgiServer(app, errors=io.StringIO())
        with socket.create_connection(server.address) as client:
            client.sendall(get())
            assert inside.wait(10)
            assert not server.close(0.0)
            go.set()
        assert server.close(5.0)


def test_curl_gets_what_it_asks_for(tmp_path):
    curl = need("curl")
    upload = tmp_path / "upload"
    upload.write_bytes(b"0123456789" * 20_000)
    with serving(echo) as server:
        base = f"http://{server.address[0]}:{server.address[1]}"

        def run(*words):
            found = subprocess.run(
                [curl, "-sS", "-i", "--max-time", "10", *words], capture_output=True, check=True
            )
            assert not found.stderr
            return found.stdout

        assert run(f"{base}/a").endswith(b"\r\n\r\nGET ")
        assert b"HTTP/1.1 200 OK" in run("-I", f"{base}/a")
        put = run("-T", str(upload), "-H", "Expect: 100-continue", f"{base}/a")
        assert put.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
        assert put.endswith(b"PUT " + upload.read_bytes())
        sent = run("--data-binary", f"@{upload}", "-H", "Transfer-Encoding: chunked", f"{base}/a")
        assert sent.endswith(b"POST " + upload.read_bytes())
        two = run("-w", "%{num_connects} ", f"{base}/a", f"{base}/b")
        assert two.endswith(b"0 ")
        assert b"HTTP/1.1 200 OK" in run("-0", f"{base}/a")
