"""The town's resolver over TLS and HTTPS, asked by kdig, curl, and bytes by hand."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from needed import need

from labctl.sandbox.dns_https import respond, smallest_ttl
from labctl.sandbox.dns_tls import TlsResolver, start_tls
from labctl.sandbox.town_certificates import Certificates

NAME = b"\x07example\x03com\0"
QUERY = b"\0\0\x01\0\0\x01\0\0\0\0\0\0" + NAME + b"\0\x01\0\x01"
KIND = "application/dns-message"


def record(ttl: int) -> bytes:
    return b"\xc0\x0c\0\x01\0\x01" + ttl.to_bytes(4, "big") + b"\0\x04\xcb\0\x71\x0a"


def answer(wire: bytes) -> bytes:
    """203.0.113.10 for 60 seconds, whatever the question; EDNS of the question is not repeated."""
    end = wire.index(b"\0", 12) + 5
    return wire[:2] + b"\x81\x80\0\x01\0\x01\0\0\0\0" + wire[12:end] + record(60)


@pytest.fixture(scope="module")
def resolver() -> Iterator[TlsResolver]:
    with start_tls(answer) as running:
        yield running


@pytest.fixture
def ca_file(resolver: TlsResolver, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text(resolver.ca_pem)
    return path


def client(resolver: TlsResolver, *, http2: bool) -> httpx.Client:
    return httpx.Client(verify=resolver.client_context(), http2=http2, trust_env=False, timeout=5)


def ask(
    resolver: TlsResolver,
    method: str = "POST",
    path: str = "/dns-query",
    *,
    http2: bool = True,
    **more: Any,
) -> httpx.Response:
    host, port = resolver.https_address
    with client(resolver, http2=http2) as session:
        request = session.build_request(
            method,
            f"https://{host}:{port}{path}",
            extensions={"sni_hostname": "resolver.example.net"},
            **more,
        )
        return session.send(request)


KDIG = ["+tls-hostname=resolver.example.net", "+retry=0", "+time=10", "example.com"]


def run(*command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([need(command[0]), *command[1:]], capture_output=True, timeout=30, check=False)


@pytest.mark.parametrize("way", ["+tls", "+https", "+https-get"])
def test_kdig_believes_the_certificate_and_reads_the_answer(
    resolver: TlsResolver, ca_file: Path, way: str
) -> None:
    host, port = resolver.tls_address if way == "+tls" else resolver.https_address
    done = run("kdig", f"@{host}", "-p", str(port), way, f"+tls-ca={ca_file}", *KDIG)
    assert b"203.0.113.10" in done.stdout, done.stdout + done.stderr
    assert b"TLS session" in done.stdout


def test_kdig_refuses_the_certificate_under_another_name(resolver: TlsResolver, ca_file: Path) -> None:
    host, port = resolver.tls_address
    other = "+tls-hostname=dns.example.org"
    done = run("kdig", f"@{host}", "-p", str(port), "+tls", f"+tls-ca={ca_file}", other, *KDIG[1:])
    assert b"203.0.113.10" not in done.stdout


@pytest.mark.parametrize(("version", "said"), [("--http1.1", "1.1"), ("--http2", "2")])
def test_curl_agrees_about_both_versions_of_http(
    resolver: TlsResolver, ca_file: Path, version: str, said: str
) -> None:
    host, port = resolver.https_address
    text = base64.urlsafe_b64encode(QUERY).decode().rstrip("=")
    there = ("--cacert", str(ca_file), "--connect-to", f"resolver.example.net:443:{host}:{port}")
    shown = ("-w", "%{stderr}%{http_version} %{content_type}")
    done = run("curl", "-sS", version, *there, *shown, f"https://resolver.example.net/dns-query?dns={text}")
    assert done.stdout == answer(QUERY)
    assert done.stderr.decode() == f"{said} {KIND}"


def test_the_certificate_carries_the_name_and_the_address_and_is_valid_since_an_hour(
    resolver: TlsResolver,
) -> None:
    host, port = resolver.tls_address
    for name in ("resolver.example.net", "192.0.2.53"):
        with (
            socket.create_connection((host, port), timeout=5) as plain,
            resolver.client_context().wrap_socket(plain, server_hostname=name) as sock,
        ):
            certificate = sock.getpeercert()
    assert certificate is not None
    assert set(certificate["subjectAltName"]) == {
        ("DNS", "resolver.example.net"),
        ("IP Address", "192.0.2.53"),
    }
    valid = ssl.cert_time_to_seconds(str(certificate["notAfter"])) - ssl.cert_time_to_seconds(
        str(certificate["notBefore"])
    )
    assert valid == 97 * 86_400


def test_every_run_has_an_authority_of_its_own() -> None:
    assert Certificates(time.time).root_pem != Certificates(time.time).root_pem


def test_several_questions_go_over_one_dot_connection_in_order(resolver: TlsResolver) -> None:
    with (
        socket.create_connection(resolver.tls_address, timeout=5) as plain,
        resolver.client_context().wrap_socket(plain, server_hostname="resolver.example.net") as sock,
        sock.makefile("rb") as stream,
    ):
        questions = [bytes([n, n]) + QUERY[2:] for n in range(1, 4)]
        sock.sendall(b"".join(len(each).to_bytes(2, "big") + each for each in questions))
        for each in questions:
            assert stream.read(int.from_bytes(stream.read(2), "big")) == answer(each)


@pytest.mark.parametrize("nonsense", [b"\0\x03abc", b"\0\0", b"\xff", b"GET / HTTP/1.1\r\n\r\n"])
def test_nonsense_over_dot_ends_the_connection_and_nothing_else(
    resolver: TlsResolver, nonsense: bytes
) -> None:
    for _ in range(2):
        with (
            socket.create_connection(resolver.tls_address, timeout=5) as plain,
            resolver.client_context().wrap_socket(plain, server_hostname="resolver.example.net") as sock,
        ):
            sock.sendall(nonsense)
            plain_end = sock.unwrap() if nonsense[:1] != b"\0" else None
            assert plain_end is not None or sock.recv(1) == b""
            if plain_end is not None:
                plain_end.close()


def test_a_client_without_tls_disturbs_nobody(resolver: TlsResolver) -> None:
    for address in (resolver.tls_address, resolver.https_address):
        with socket.create_connection(address, timeout=5) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            # The server may have hung up already: then there is nothing left to shut down.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(4096):
                    pass
    assert ask(resolver, content=QUERY, headers={"content-type": KIND}).status_code == 200


@pytest.mark.parametrize("http2", [True, False])
def test_post_and_get_give_the_same_answer(resolver: TlsResolver, http2: bool) -> None:
    posted = ask(resolver, http2=http2, content=QUERY, headers={"content-type": KIND})
    text = base64.urlsafe_b64encode(QUERY).decode().rstrip("=")
    got = ask(resolver, "GET", f"/dns-query?dns={text}", http2=http2)
    for response in (posted, got):
        assert response.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        assert response.content == answer(QUERY)
        assert response.headers["content-type"] == KIND
        assert response.headers["cache-control"] == "max-age=60"


@pytest.mark.parametrize("http2", [True, False])
def test_misuse_gets_the_status_that_says_so(resolver: TlsResolver, http2: bool) -> None:
    def status(method: str, path: str = "/dns-query", **more: Any) -> int:
        return ask(resolver, method, path, http2=http2, **more).status_code

    assert status("PUT", content=QUERY) == 405
    assert status("HEAD") == 405
    assert status("POST", content=QUERY, headers={"content-type": "text/plain"}) == 415
    assert status("GET") == 400
    assert status("GET", "/dns-query?dns=%%%") == 400
    assert status("POST", content=b"short", headers={"content-type": KIND}) == 400
    assert status("POST", content=bytes(200_000), headers={"content-type": KIND}) == 413
    assert status("GET", "/") == 404


@pytest.mark.parametrize("http2", [True, False])
def test_one_connection_serves_many_requests(resolver: TlsResolver, http2: bool) -> None:
    host, port = resolver.https_address
    opened = []
    with client(resolver, http2=http2) as session:
        for _ in range(5):
            response = session.post(
                f"https://{host}:{port}/dns-query",
                content=QUERY,
                headers={"content-type": KIND},
                extensions={
                    "sni_hostname": "resolver.example.net",
                    "trace": lambda name, info: (
                        opened.append(name) if name.endswith("connect_tcp.started") else None
                    ),
                },
            )
            assert response.content == answer(QUERY)
    assert len(opened) == 1


def test_an_answer_longer_than_a_window_of_http2_arrives_whole() -> None:
    long = answer(QUERY) + bytes(65535 - len(answer(QUERY)))
    with start_tls(lambda wire: long) as running:
        for _ in range(2):
            assert ask(running, content=QUERY, headers={"content-type": KIND}).content == long


def test_a_request_with_an_endless_head_is_refused() -> None:
    with (
        start_tls(answer) as running,
        socket.create_connection(running.https_address, timeout=5) as plain,
        running.client_context().wrap_socket(plain, server_hostname="resolver.example.net") as sock,
    ):
        sock.sendall(b"GET /dns-query HTTP/1.1\r\nx: " + b"a" * 20_000)
        assert sock.recv(4096).startswith(b"HTTP/1.1 431 ")


def test_a_silent_connection_is_closed_after_the_idle_time() -> None:
    with (
        start_tls(answer, idle=0.05) as running,
        socket.create_connection(running.tls_address, timeout=5) as plain,
        running.client_context().wrap_socket(plain, server_hostname="resolver.example.net") as sock,
    ):
        assert sock.recv(1) == b""


def test_closing_ends_open_connections_and_every_thread() -> None:
    before = set(threading.enumerate())
    running = start_tls(answer)
    with (
        socket.create_connection(running.tls_address, timeout=5) as plain,
        running.client_context().wrap_socket(plain, server_hostname="resolver.example.net") as sock,
        socket.create_connection(running.https_address, timeout=5),
    ):
        sock.sendall(len(QUERY).to_bytes(2, "big") + QUERY)
        sock.recv(2)
        running.close()
        running.close()
        assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(running.tls_address, timeout=5)


@pytest.mark.parametrize(
    ("message", "ttl"),
    [
        (answer(QUERY), 60),
        (answer(QUERY)[:7] + b"\x02" + answer(QUERY)[8:] + record(5), 5),
        (QUERY, 0),
        (answer(QUERY)[:-12], 0),
        (b"", 0),
        (b"\xff" * 40, 0),
    ],
)
def test_the_smallest_ttl_is_read_without_a_dns_library(message: bytes, ttl: int) -> None:
    assert smallest_ttl(message) == ttl


def test_a_resolver_without_an_answer_is_500() -> None:
    assert respond("POST", "/dns-query", KIND, QUERY, lambda wire: b"").status == 500
