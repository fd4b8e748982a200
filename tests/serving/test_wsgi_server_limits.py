"""What a client can cost the WSGI server: time and memory are bounded, and doing nothing keeps nobody out."""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path

import pytest
from wsgi_harness import WAITS, converse, exchange, received, responses, serving

from labctl.serving.application import read_app
from labctl.serving.standing import stand
from labctl.serving.wsgi_server_limits import Limits

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
APPS = Path(__file__).parent / "apps"
MEGABYTE = 1 << 20


def hello(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]


def reading(environ, start_response):
    content = environ["wsgi.input"].read()
    start_response("200 OK", [])
    return [content]


def endless(environ, start_response):
    start_response("200 OK", [])
    while True:
        yield b"x" * 65536


class TestTime:
    def test_silence_ends_a_connection_without_a_word(self):
        client = converse(hello, GET, WAITS, limits=Limits(idle_s=3))
        assert [status for status, *_ in responses(client.sent)] == [200]
        assert client.waits == [3, 3]

    def test_half_a_head_is_answered_with_408(self):
        client = converse(hello, b"GET / HT", WAITS, GET)
        assert [status for status, *_ in responses(client.sent)] == [408]

    def test_a_head_has_so_much_time_however_often_a_byte_comes(self, monkeypatch):
        now = [1000.0]
        monkeypatch.setattr("labctl.serving.wsgi_server_connection.time.monotonic", lambda: now[0])

        def dribbled():
            while True:
                yield b"a"
                now[0] += 4

        client = converse(hello, dribbled(), limits=Limits(head_s=10))
        assert [status for status, *_ in responses(client.sent)] == [408]
        assert client.waits == [15, 10, 6, 2]

    def test_content_that_does_not_come_is_408(self):
        raw = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhe"
        client = converse(reading, raw, WAITS, limits=Limits(body_s=7))
        assert [status for status, *_ in responses(client.sent)] == [408]
        assert client.waits[-1] == 7

    def test_a_client_that_does_not_read_is_left(self):
        ended = threading.Event()

        def app(environ, start_response):
            try:
                yield from endless(environ, start_response)
            finally:
                ended.set()

        with (
            serving(app, limits=Limits(write_s=0.05)) as server,
            socket.create_connection(server.address) as client,
        ):
            client.sendall(GET)
            assert ended.wait(10)


class TestConnections:
    def test_silent_ones_make_room_for_one_that_speaks(self):
        with serving(hello, threads=2) as server:
            silent = [socket.create_connection(server.address) for _ in range(2)]
            silent[0].sendall(GET)
            assert b"hello" in silent[0].recv(65536)  # kept, and silent from now on
            for _ in range(3):
                assert b"hello" in exchange(
                    server.address, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
                )
            assert len(server._threads) == 2
            for client in silent:
                client.close()

    def test_busy_ones_are_left_alone_and_the_next_waits(self):
        inside, go = threading.Barrier(3), threading.Event()

        def app(environ, start_response):
            if environ["PATH_INFO"] == "/slow":
                inside.wait(10)
                assert go.wait(10)
            return hello(environ, start_response)

        with serving(app, threads=2) as server:
            slow = [socket.create_connection(server.address) for _ in range(2)]
            for client in slow:
                client.sendall(GET.replace(b"/ ", b"/slow ", 1))
            inside.wait(10)
            with socket.create_connection(server.address) as late:
                late.sendall(GET)
                go.set()
                assert b"hello" in late.recv(65536)
            for client in slow:
                with client:
                    assert b"hello" in client.recv(65536)

    def test_one_that_asks_on_and_on_makes_room_too(self):
        inside = threading.Event()

        def app(environ, start_response):
            if environ["PATH_INFO"] == "/":
                inside.set()
                assert server._service.crowded.wait(10)
            return hello(environ, start_response)

        with (
            serving(app, threads=1, limits=Limits(linger_s=0.01)) as server,
            socket.create_connection(server.address) as greedy,
        ):
            greedy.sendall(GET * 5)
            assert inside.wait(10)
            with socket.create_connection(server.address) as other:
                other.sendall(GET.replace(b"/ ", b"/other ", 1))
                assert b"hello" in other.recv(65536)
            found = responses(received(greedy))
        assert [fields.get("Connection") for _, fields, _, _ in found] == [None, "close"]

    def test_with_one_thread_the_application_is_told_so(self):
        seen = []

        def app(environ, start_response):
            seen.append(environ["wsgi.multithread"])
            return hello(environ, start_response)

        for threads in (1, 2):
            with serving(app, threads=threads) as server:
                exchange(server.address, b"GET / HTTP/1.0\r\n\r\n")
        assert seen == [False, True]


@pytest.fixture(scope="module")
def server():
    with stand(read_app(str(APPS / "plain.py")), "toy", threads=8, watched=False) as server:
        assert b"hello" in exchange(server.address, b"GET / HTTP/1.0\r\n\r\n")
        yield server


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
class TestMemory:
    @pytest.mark.parametrize("chunked", [False, True])
    def test_an_upload_of_100_megabytes_is_never_in_it(self, server, chunked):
        before = peak(server.pid)
        piece = b"x" * MEGABYTE
        with socket.create_connection(server.address, 20) as client:
            if chunked:
                client.sendall(b"POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                piece = b"100000\r\n" + piece + b"\r\n"
            else:
                client.sendall(
                    b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (100 * MEGABYTE)
                )
            for _ in range(100):
                client.sendall(piece)
            if chunked:
                client.sendall(b"0\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            assert responses(received(client))[0][2] == b"%d" % (100 * MEGABYTE)
        assert peak(server.pid) - before < 20 * MEGABYTE

    def test_a_client_that_does_not_read_costs_next_to_nothing(self, server):
        before = peak(server.pid)
        with socket.create_connection(server.address, 20) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(b"GET /pour?1600 HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(1)
            # Another one is served meanwhile, and the whole 100 MB come when they are read.
            assert b"hello" in exchange(server.address, b"GET / HTTP/1.0\r\n\r\n")
            assert peak(server.pid) - before < 20 * MEGABYTE

    def test_many_slow_heads_cost_their_bytes(self, server):
        before = peak(server.pid)
        clients = [socket.create_connection(server.address, 20) for _ in range(40)]
        for client in clients:
            client.sendall(b"GET /" + b"a" * 60_000)
        for client in clients:
            client.close()
        assert b"hello" in exchange(server.address, b"GET / HTTP/1.0\r\n\r\n", 20)
        assert peak(server.pid) - before < 20 * MEGABYTE


def peak(pid: int) -> int:
    """The most memory that a process ever had, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError
