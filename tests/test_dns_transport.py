"""Real sockets on loopback: small servers in threads that behave, misbehave, and are joined."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from free_ports import closed_port

from labctl import dns_transport
from labctl.dns_transport import datagram
from labctl.internet import Reply
from labctl.sandbox.dns_tls import TlsResolver, start_tls

Address = tuple[str, int]
LONG, SHORT = 5.0, 0.05  # an answer that comes; an answer that never does


def query(name: str = "example.com", type: int = 1, id: int = 0x1234) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", id, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", type, 1)


def answer(wire: bytes, flags: int = 0x8180) -> bytes:
    return wire[:2] + struct.pack("!H", flags) + wire[4:]


@contextmanager
def udp_server(
    talk: Callable[[socket.socket, bytes, Address], object], family: int = socket.AF_INET
) -> Iterator[Address]:
    """Hands the first datagram to `talk`."""
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))

        def run() -> None:
            wire, source = sock.recvfrom(65535)
            if wire != b"end":
                talk(sock, wire, source)

        thread = threading.Thread(target=run)
        thread.start()
        address = sock.getsockname()[:2]
        try:
            yield address
        finally:
            with socket.socket(family, socket.SOCK_DGRAM) as ender:
                ender.sendto(b"end", address)
            thread.join()


@contextmanager
def tcp_server(talk: Callable[[socket.socket], object]) -> Iterator[Address]:
    """Hands the first connection to `talk`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                talk(connection)

        thread = threading.Thread(target=run)
        thread.start()
        address = listener.getsockname()
        try:
            yield address
        finally:
            with contextlib.suppress(OSError), socket.create_connection(address, timeout=1):
                pass
            thread.join()


def ask_udp(address: Address, wire: bytes, timeout: float = LONG) -> Reply:
    return dns_transport.udp(address, wire, timeout=timeout, clock=time.monotonic)


def ask_tcp(address: Address, wire: bytes, timeout: float = LONG) -> Reply:
    return dns_transport.tcp(address, wire, timeout=timeout, clock=time.monotonic)


# UDP


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_datagram_comes_back_and_is_stamped(family: int) -> None:
    with udp_server(lambda sock, wire, to: sock.sendto(answer(wire), to), family) as address:
        ticks = iter([10.0, 10.25, 10.25])
        reply = dns_transport.udp(address, query(), timeout=LONG, clock=lambda: next(ticks))
    assert reply.wire == answer(query())
    assert (reply.failure, reply.strays, reply.via) == ("", (), "udp")
    assert reply.received_at >= reply.sent_at


def test_a_port_that_nobody_listens_on_is_refused() -> None:
    with closed_port(kind=socket.SOCK_DGRAM) as port:
        reply = ask_udp(("127.0.0.1", port), query())
    assert reply.wire is None
    assert reply.failure == "refused"
    assert "ECONNREFUSED" in reply.detail


def test_silence_is_a_time_out() -> None:
    with udp_server(lambda sock, wire, to: None) as address:
        reply = ask_udp(address, query(), SHORT)
    assert (reply.wire, reply.failure) == (None, "timeout")


def test_strays_are_kept_and_do_not_end_the_waiting() -> None:
    wrong_id = b"\xff\xff" + answer(query())[2:]
    other_question = answer(query("example.org"))
    other_type = answer(query(type=28))
    own_question = query()

    def talk(sock: socket.socket, wire: bytes, to: Address) -> None:
        for each in (wrong_id, other_question, other_type, own_question, answer(wire)):
            sock.sendto(each, to)

    with udp_server(talk) as address:
        reply = ask_udp(address, query())
    assert reply.wire == answer(query())
    assert [stray.wire for stray in reply.strays] == [wrong_id, other_question, other_type, own_question]
    assert "0xffff" in reply.strays[0].why
    assert "another question" in reply.strays[1].why
    assert "another question" in reply.strays[2].why
    assert "QR is 0" in reply.strays[3].why


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems hide other sources")
def test_an_answer_from_another_source_is_a_stray_that_names_it() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))

        def talk(sock: socket.socket, wire: bytes, to: Address) -> None:
            other.sendto(answer(wire), to)
            sock.sendto(answer(wire), to)

        with udp_server(talk) as address:
            reply = ask_udp(address, query())
        source = f"127.0.0.1:{other.getsockname()[1]}"
    assert reply.wire == answer(query())
    assert [stray.source for stray in reply.strays] == [source]
    assert source in reply.strays[0].why


def test_only_strays_is_a_time_out_that_counts_them() -> None:
    with udp_server(
        lambda sock, wire, to: [sock.sendto(b"\0\0garbage", to) for _ in range(20)] and None
    ) as address:
        reply = ask_udp(address, query(), 0.5)
    assert (reply.wire, reply.failure) == (None, "timeout")
    assert len(reply.strays) == 16
    assert "20 datagrams" in reply.detail


def test_garbage_with_our_id_is_handed_on_as_evidence() -> None:
    with udp_server(lambda sock, wire, to: sock.sendto(wire[:2] + b"\xff", to)) as address:
        reply = ask_udp(address, query())
    assert reply.wire == b"\x12\x34\xff"


@pytest.mark.parametrize("rcode", [1, 2, 4, 5])
def test_a_refusal_may_leave_the_question_out(rcode: int) -> None:
    bare = query()[:2] + bytes([0x80, rcode]) + bytes(8)
    with udp_server(lambda sock, wire, to: sock.sendto(bare, to)) as address:
        assert ask_udp(address, query()).wire == bare


def test_an_answer_without_the_question_is_a_stray() -> None:
    bare = query()[:2] + bytes([0x80, 0]) + bytes(8)
    assert datagram._not_the_answer(query(), bare, ("a", 1), ("a", 1)) == ""  # unreadable: evidence
    full = bare[:4] + b"\0\1" + bare[6:] + query("example.net")[12:]
    assert "another question" in datagram._not_the_answer(query(), full, ("a", 1), ("a", 1))


def test_the_case_of_the_name_does_not_matter_and_the_type_is_not_a_letter() -> None:
    with udp_server(
        lambda sock, wire, to: sock.sendto(answer(wire).replace(b"example", b"eXaMPle"), to)
    ) as address:
        reply = ask_udp(address, query(type=65))
    assert reply.wire is not None
    assert b"eXaMPle" in reply.wire
    upper, lower = answer(query(type=0x41)), query(type=0x61)
    assert "another question" in datagram._not_the_answer(lower, upper, ("a", 1), ("a", 1))


@pytest.mark.parametrize("ask", [ask_udp, ask_tcp])
def test_a_name_instead_of_an_address_is_unreachable_and_nobody_is_asked(ask: Callable[..., Reply]) -> None:
    reply = ask(("localhost", 53), query())
    assert reply.failure == "unreachable"
    assert "not an IP address" in reply.detail


@pytest.mark.parametrize("wire", [b"", b"\x12", bytes(12), query()[:15], b"\x12\x34" + b"\xff" * 40])
def test_matching_never_raises_whatever_comes(wire: bytes) -> None:
    for asked in (query(), b"", wire):
        assert isinstance(datagram._not_the_answer(asked, wire, ("a", 1), ("a", 1)), str)


# TCP


def read_query(sock: socket.socket) -> bytes:
    with sock.makefile("rb") as stream:
        return stream.read(int.from_bytes(stream.read(2), "big"))


def test_a_long_answer_arrives_in_pieces_over_tcp() -> None:
    long = answer(query()) + bytes(60000)

    def talk(sock: socket.socket) -> None:
        assert read_query(sock) == query()
        framed = len(long).to_bytes(2, "big") + long
        for at in (0, 1, 2, 3, 1000):
            sock.sendall(framed[at : {0: 1, 1: 2, 2: 3, 3: 1000, 1000: None}[at]])

    with tcp_server(talk) as address:
        reply = ask_tcp(address, query())
    assert reply.wire == long
    assert reply.via == "tcp"


def test_a_closed_tcp_port_is_refused() -> None:
    with closed_port() as port:
        assert ask_tcp(("127.0.0.1", port), query()).failure == "refused"


def test_a_stream_that_ends_too_early_tells_how_far_it_came() -> None:
    def talk(sock: socket.socket) -> None:
        read_query(sock)
        sock.sendall(b"\0\x64" + b"12345")

    with tcp_server(talk) as address:
        reply = ask_tcp(address, query())
    assert reply.failure == "reset"
    assert reply.detail == "the server closed the connection (FIN) after 5 of 100 bytes of the answer"


def test_a_reset_is_told_from_an_early_close() -> None:
    def talk(sock: socket.socket) -> None:
        read_query(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with tcp_server(talk) as address:
        reply = ask_tcp(address, query())
    assert reply.failure == "reset"
    assert "ECONNRESET" in reply.detail
    assert "FIN" not in reply.detail


def test_a_stream_that_drips_meets_the_deadline() -> None:
    done = threading.Event()

    def talk(sock: socket.socket) -> None:
        read_query(sock)
        sock.sendall(b"\0")
        while not done.wait(0.005):
            with contextlib.suppress(OSError):
                sock.sendall(b"\xff")

    with tcp_server(talk) as address:
        reply = ask_tcp(address, query(), 0.1)
        done.set()
    assert reply.failure == "timeout"


# TLS and HTTPS


@pytest.fixture(scope="module")
def resolver() -> Iterator[TlsResolver]:
    with start_tls(answer) as running:
        yield running


def ask_tls(address: Address, context: ssl.SSLContext | None, name: str = "resolver.example.net") -> Reply:
    return dns_transport.tls(
        address, query(), timeout=LONG, clock=time.monotonic, server_name=name, context=context
    )


def ask_https(
    address: Address, context: ssl.SSLContext | None, url: str = "https://resolver.example.net/dns-query"
) -> Reply:
    return dns_transport.https(
        url, query(), timeout=LONG, clock=time.monotonic, context=context, connect_to=address
    )


@pytest.mark.parametrize("name", ["resolver.example.net", "resolver.example.net.", "192.0.2.53"])
def test_tls_checks_the_name_or_the_address_in_the_certificate(resolver: TlsResolver, name: str) -> None:
    reply = ask_tls(resolver.tls_address, resolver.client_context(), name)
    assert reply.wire == answer(query())
    assert "TLSv1.3" in reply.detail


def test_a_certificate_for_another_name_is_refused_with_openssls_reason(resolver: TlsResolver) -> None:
    for reply in (
        ask_tls(resolver.tls_address, resolver.client_context(), "dns.example.org"),
        ask_https(resolver.https_address, resolver.client_context(), "https://dns.example.org/dns-query"),
    ):
        assert (reply.wire, reply.failure) == (None, "tls")
        assert "Hostname mismatch, certificate is not valid for 'dns.example.org'" in reply.detail


def test_a_certificate_of_an_unknown_authority_is_refused(resolver: TlsResolver) -> None:
    for reply in (ask_tls(resolver.tls_address, None), ask_https(resolver.https_address, None)):
        assert reply.failure == "tls"
        assert "unable to get local issuer certificate" in reply.detail


def test_without_a_name_the_address_itself_must_be_in_the_certificate(resolver: TlsResolver) -> None:
    reply = ask_tls(resolver.tls_address, resolver.client_context(), "")
    assert "IP address mismatch" in reply.detail


def test_a_server_that_speaks_no_tls_is_a_tls_failure() -> None:
    with tcp_server(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as address:
        assert ask_tls(address, None).failure in {"tls", "reset"}


def test_a_server_that_hangs_up_in_the_handshake_says_so() -> None:
    with tcp_server(lambda sock: sock.recv(1)) as address:
        reply = ask_tls(address, None)
    assert reply.failure in {"tls", "reset"}
    assert reply.detail


def test_https_puts_the_id_back_and_says_the_version(resolver: TlsResolver) -> None:
    reply = ask_https(resolver.https_address, resolver.client_context())
    assert reply.wire == answer(query())
    assert reply.detail == "HTTP/2 200"


def test_the_id_on_the_wire_is_zero_over_https() -> None:
    seen = []

    def note(wire: bytes) -> bytes:
        seen.append(wire[:2])
        return answer(wire)

    with start_tls(note) as running:
        ask_https(running.https_address, running.client_context())
    assert seen == [b"\0\0"]


def test_https_without_h2_speaks_http_1(resolver: TlsResolver, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    reply = ask_https(resolver.https_address, resolver.client_context())
    assert reply.wire == answer(query())
    assert reply.detail == "HTTP/1.1 200"


def test_a_wrong_path_is_a_failure_with_its_status(resolver: TlsResolver) -> None:
    reply = ask_https(
        resolver.https_address, resolver.client_context(), "https://resolver.example.net/resolve"
    )
    assert (reply.failure, reply.detail) == ("http", "status 404 Not Found")


def http_answer(response: bytes) -> Callable[[socket.socket], None]:
    def talk(sock: socket.socket) -> None:
        seen = b""
        while not seen.endswith(query()[2:]):
            seen += sock.recv(4096)
        sock.sendall(response)

    return talk


@pytest.mark.parametrize(
    ("response", "detail"),
    [
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi",
            "content type text/html",
        ),
        (
            b"HTTP/1.1 302 Found\r\nlocation: https://x.example/\r\ncontent-length: 0\r\n\r\n",
            "to https://x.example/",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/dns-message\r\ncontent-encoding: gzip\r\n"
            b"content-length: 2\r\n\r\nhi",
            "content encoding gzip",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/dns-message\r\ncontent-length: 70000\r\n\r\n"
            + bytes(70000),
            "longer than a DNS message",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP as it should be"),
        (b"", "not HTTP as it should be"),
    ],
)
def test_anything_but_a_dns_message_is_said_exactly(response: bytes, detail: str) -> None:
    with tcp_server(http_answer(response)) as address:
        reply = ask_https(address, None, "http://resolver.example.net/dns-query")
    assert (reply.wire, reply.failure) == (None, "http")
    assert detail in reply.detail


def test_an_http_server_that_drips_meets_the_deadline() -> None:
    done = threading.Event()

    def talk(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nx: ")
        while not done.wait(0.005):
            with contextlib.suppress(OSError):
                sock.sendall(b"x")

    with tcp_server(talk) as address:
        reply = dns_transport.https(
            "http://resolver.example.net/dns-query",
            query(),
            timeout=0.1,
            clock=time.monotonic,
            connect_to=address,
        )
        done.set()
    assert reply.failure == "timeout"


def test_https_to_a_closed_port_is_refused() -> None:
    with closed_port() as port:
        assert ask_https(("127.0.0.1", port), None).failure == "refused"


def test_a_url_that_is_none_is_a_failure_not_an_exception() -> None:
    for url in ("https://", "ftp://resolver.example.net/", "https://[::1/"):
        assert ask_https(("127.0.0.1", 1), None, url).failure == "http"


def test_importing_the_transports_loads_no_http_client() -> None:
    import subprocess

    heavy = "('ssl', 'httpx', 'dns', 'asyncio')"
    loaded = f"import sys, labctl.dns_transport; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
