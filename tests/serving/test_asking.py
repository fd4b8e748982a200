"""The client: what peers do is an answer, never an exception."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from labctl.protocols.http1 import MessageError
from labctl.serving.asking import Answer, Ask, ask, ask_all
from labctl.serving.connection import Connection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@contextmanager
def peer(
    *says: bytes, hold: bool = False, family: int = socket.AF_INET, at: str = "127.0.0.1"
) -> Iterator[Peer]:
    """A server that answers each connection in turn with bytes, whatever comes, and closes."""
    found = Peer(says, hold, family, at)
    thread = threading.Thread(target=found.run)
    thread.start()
    try:
        yield found
    finally:
        found.stop()
        thread.join()


class Peer:
    def __init__(self, says: tuple[bytes, ...], hold: bool, family: int, at: str) -> None:
        self.says = says
        self.hold = hold
        self.socket = socket.socket(family)
        self.socket.bind((at, 0) if family != socket.AF_UNIX else at)
        self.socket.listen()
        self.address = self.socket.getsockname()[:2] if family != socket.AF_UNIX else at
        self.got: list[bytes] = []
        self.peers: list[str] = []
        self.over = threading.Event()

    def run(self) -> None:
        for said in self.says:
            try:
                connection, who = self.socket.accept()
            except OSError:
                return
            with connection:
                self.peers.append(who[0] if who else "")
                self.got.append(connection.recv(65536))
                connection.sendall(said)
                if self.hold:
                    self.over.wait(10)

    def stop(self) -> None:
        self.over.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        finally:
            self.socket.close()


def test_a_whole_answer_with_its_times() -> None:
    with peer(OK) as there:
        answer = ask(there.address, "/a?b", fields=(("X", "1"),))
        assert there.got == [
            f"GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:{there.address[1]}\r\nConnection: close\r\nX: 1\r\n\r\n".encode()
        ]
    assert (answer.status, answer.reason, answer.body, answer.failure) == (200, "OK", b"hi", "")
    assert (answer.raw, answer.http_version, answer.get("content-length"), answer.text) == (
        OK[:-2],
        "1.1",
        "2",
        "hi",
    )
    assert 0 < answer.sent_at_ms <= answer.first_byte_ms <= answer.end_ms
    assert answer.local.startswith("127.0.0.1:")


@pytest.mark.parametrize(
    ("said", "failure", "status", "body"),
    [
        (b"", "empty", 0, b""),
        (b"HTTP/1.1 2", "cut", 0, b""),
        (b"HTTP/1.1 None\r\n\r\n", "malformed", 0, b""),
        (b"hello\r\n\r\n", "malformed", 0, b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", "cut", 200, b"hi"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", "cut", 200, b"hi"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "malformed", 200, b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "", 200, b"hi"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", "", 200, b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "", 200, b"hi"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "", 204, b""),
    ],
)
def test_what_a_peer_may_do(said: bytes, failure: str, status: int, body: bytes) -> None:
    with peer(said) as there:
        answer = ask(there.address)
    assert (answer.failure, answer.status, answer.body) == (failure, status, body)
    assert answer.keeps_alive is (failure == "" and said[:8] == b"HTTP/1.1")


def test_what_came_of_an_answer_that_is_none_is_kept() -> None:
    with peer(b"HTTP/1.1 None\r\nA: b\r\n\r\n") as there:
        assert ask(there.address).raw.startswith(b"HTTP/1.1 None\r\n")


def test_nobody_there_and_nobody_who_answers(tmp_path: Path) -> None:
    assert ask(str(tmp_path / "nothing")).failure == "refused"
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert ask(bound.getsockname()).failure == "refused"
    with peer(b"", hold=True) as there:
        answer = ask(there.address, timeout_s=0.05)
    assert (answer.failure, answer.first_byte_ms) == ("timeout", 0)
    assert answer.sent_at_ms > 0


def test_the_first_bytes_of_a_slow_answer_are_told_when_it_times_out() -> None:
    with peer(OK[:-1], hold=True) as there:
        answer = ask(there.address, timeout_s=0.05)
    assert (answer.failure, answer.status, answer.body) == ("timeout", 200, b"h")
    assert answer.first_byte_ms > 0


def test_a_request_may_come_from_another_address_of_this_machine() -> None:
    with peer(OK) as there:
        try:
            answer = ask(there.address, source="127.0.0.2")
        except OSError:
            pytest.skip("this system has one loopback address")
        if answer.failure:
            pytest.skip("this system has one loopback address")
        assert there.peers == ["127.0.0.2"]
    assert answer.local.startswith("127.0.0.2:")


def test_a_unix_socket_has_a_host_and_no_address(tmp_path: Path) -> None:
    with peer(OK, family=socket.AF_UNIX, at=str(tmp_path / "s")) as there:
        assert ask(str(tmp_path / "s")).local == ""
        assert b"Host: localhost\r\n" in there.got[0]


def test_bytes_go_out_as_they_are() -> None:
    with peer(OK) as there:
        ask(there.address, raw=b"any thing\r\n")
        assert there.got == [b"any thing\r\n"]
    with pytest.raises(MessageError):
        ask(("127.0.0.1", 1), "/ HTTP/1.1\r\nX: y")


def test_content_has_a_length_and_a_head_has_no_content() -> None:
    with peer(OK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n") as there:
        ask(there.address, method="POST", body=b"abc")
        assert b"\r\nContent-Length: 3\r\n" in there.got[0]
        assert there.got[0].endswith(b"\r\n\r\nabc")
        assert ask(there.address, method="HEAD")[:3] == (200, "OK", (("Content-Length", "2"),))


def test_one_connection_takes_several_requests_and_pipelined_answers() -> None:
    with (
        peer(OK + OK[:-2] + b"ho" + OK[:20], hold=True) as there,
        Connection(there.address, timeout_s=0.2) as client,
    ):
        first = client.ask("/1")
        assert (first.body, first.keeps_alive) == (b"hi", True)
        assert client.read_answer().body == b"ho"
        assert client.read_answer().failure == "timeout"
        assert b"Connection" not in there.got[0]


def test_an_interim_answer_is_given_when_it_is_wanted() -> None:
    said = b"HTTP/1.1 100 Continue\r\n\r\n" + OK
    with peer(said) as there, Connection(there.address) as client:
        client.send(b"x")
        assert [client.read_answer(interim=True).status for _ in range(2)] == [100, 200]


def test_many_requests_go_out_together_and_come_back_in_their_order() -> None:
    barrier = threading.Barrier(3)

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            path = connection.recv(65536).split()[1]
            barrier.wait(10)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + path)

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        threads = [threading.Thread(target=serve, args=(server,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        start = time.monotonic()
        answers = ask_all(server.getsockname(), [Ask("/a"), Ask("/b"), Ask("/c", after_ms=30)])
        took_ms = (time.monotonic() - start) * 1000
        for thread in threads:
            thread.join()
    assert [answer.body for answer in answers] == [b"/a", b"/b", b"/c"]
    assert answers[2].sent_at_ms >= 30
    assert max(answer.end_ms for answer in answers) <= took_ms


def test_requests_one_after_another() -> None:
    with peer(OK, b"", OK) as there:
        answers = ask_all(there.address, [Ask(), Ask(), Ask()], at_once=False)
    assert [answer.failure for answer in answers] == ["", "empty", ""]
    assert ask_all(there.address, []) == []
    assert Answer().status == 0
