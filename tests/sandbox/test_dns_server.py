from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from labctl.sandbox.dns_server import NameServers

LOOPBACK = ("127.0.0.1", 0)
HOURS = 36_000.0


class Echo:
    """Answers with the question, QR set, and counts how often it had to think."""

    def __init__(self, *, keeps: bool = True, size: int = 0) -> None:
        self.keeps = keeps
        self.size = size
        self.asked: list[bytes] = []

    def handle(self, wire: bytes, over_udp: bool, send: Callable[[bytes], None]) -> None:
        self.asked.append(wire)
        if b"stumble" in wire:
            raise RuntimeError("stumbled")
        if b"quiet" not in wire:
            send(wire[:2] + b"\x80\0" + wire[4:] + bytes(self.size))


@pytest.fixture
def servers() -> Iterator[NameServers]:
    before = set(threading.enumerate())
    made = NameServers()
    yield made
    made.close()
    made.close()
    assert set(threading.enumerate()) <= before


def question(id: int, text: bytes = b"hello") -> bytes:
    return id.to_bytes(2, "big") + b"\0\0" + text.ljust(20)


def udp(port: int, *wires: bytes) -> list[bytes]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        for wire in wires:
            sock.sendto(wire, ("127.0.0.1", port))
        return [sock.recvfrom(65_535)[0] for _ in wires]


def read(sock: socket.socket) -> bytes:
    def exactly(size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = sock.recv(size - len(data))
            assert piece, "closed too early"
            data += piece
        return data

    return exactly(int.from_bytes(exactly(2), "big"))


def framed(wire: bytes) -> bytes:
    return len(wire).to_bytes(2, "big") + wire


def test_a_known_question_is_answered_with_its_own_id_and_without_thinking(servers: NameServers) -> None:
    echo = Echo()
    port = servers.open_udp(LOOPBACK, echo, 0)
    assert [udp(port, question(n))[0][:2] for n in (1, 2, 3)] == [b"\0\1", b"\0\2", b"\0\3"]
    assert len(echo.asked) == 1
    servers.forget()
    udp(port, question(4))
    assert len(echo.asked) == 2


def test_a_service_whose_answers_change_is_asked_every_time(servers: NameServers) -> None:
    echo = Echo(keeps=False)
    port = servers.open_udp(LOOPBACK, echo, 0)
    udp(port, question(1))
    udp(port, question(2))
    assert len(echo.asked) == 2


def test_an_answer_that_is_held_back_holds_nobody_else_up(servers: NameServers) -> None:
    far, near = Echo(), Echo()
    far_port, near_port = servers.open_udp(LOOPBACK, far, HOURS), servers.open_udp(LOOPBACK, near, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(question(1), ("127.0.0.1", far_port))
        sock.sendto(question(2), ("127.0.0.1", near_port))
        assert sock.recvfrom(100)[0][:2] == b"\0\2"
    assert far.asked
    # Closing does not wait for what is on its way: the fixture joins the threads at once.


def test_a_short_latency_is_waited_and_then_the_answer_comes(servers: NameServers) -> None:
    echo = Echo()
    port = servers.open_udp(LOOPBACK, echo, 0.002)
    assert len(udp(port, question(1), question(2), question(1, b"other"))) == 3
    tcp_port = servers.open_tcp(LOOPBACK, echo, 0.002)
    with socket.create_connection(("127.0.0.1", tcp_port), timeout=10) as sock:
        sock.sendall(framed(question(9)))
        assert read(sock)[:2] == b"\0\x09"


def test_a_socket_without_a_service_takes_questions_and_never_answers(servers: NameServers) -> None:
    dead, alive = servers.open_udp(LOOPBACK, None, 0), servers.open_udp(LOOPBACK, Echo(), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(question(1), ("127.0.0.1", dead))
        sock.sendto(question(2), ("127.0.0.1", alive))
        assert sock.recvfrom(100)[0][:2] == b"\0\2"
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recvfrom(100)


def test_a_service_that_stumbles_says_servfail_and_goes_on(servers: NameServers) -> None:
    port = servers.open_udp(LOOPBACK, Echo(), 0)
    (reply,) = udp(port, question(1, b"stumble"))
    assert (reply[:2], reply[2] & 0x80, reply[3] & 0xF) == (b"\0\1", 0x80, 2)
    assert udp(port, question(2))
    assert [str(crash) for crash in servers.crashes] == ["stumbled"]


def test_several_questions_share_one_connection_however_they_are_cut(servers: NameServers) -> None:
    port = servers.open_tcp(LOOPBACK, Echo(), 0)
    stream = framed(question(1)) + framed(question(2)) + framed(question(3))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        for at in range(0, len(stream), 7):
            sock.sendall(stream[at : at + 7])
        assert [read(sock)[:2] for _ in range(3)] == [b"\0\1", b"\0\2", b"\0\3"]


def test_answers_larger_than_the_sockets_buffers_arrive_whole(servers: NameServers) -> None:
    port = servers.open_tcp(LOOPBACK, Echo(size=65_000), 0)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        # Nobody reads while all of these are asked: the server must not block, nor lose any.
        for n in range(100):
            sock.sendall(framed(question(n)))
        assert [len(read(sock)) for _ in range(100)] == [65_022 + 2] * 100


def test_a_connection_that_ends_in_the_middle_hurts_nobody(servers: NameServers) -> None:
    port = servers.open_tcp(LOOPBACK, Echo(), 0)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(framed(question(1))[:9])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(framed(question(2)))
        assert read(sock)[:2] == b"\0\2"


def test_servers_that_were_never_asked_close_as_well() -> None:
    NameServers().close()
