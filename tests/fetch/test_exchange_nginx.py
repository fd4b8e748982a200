"""What nginx answers is read as curl reads it: lengths, chunks, compression, ranges, HEAD, Expect; HTTP/1.1 and 2."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme
from free_ports import child, held
from needed import need

from labctl.fetch.exchange import Answer, Limits, Request, ask
from labctl.fetch.exchange_h2 import Http2Connection
from labctl.fetch.stream import Stream
from labctl.protocols.content_coding import decoded
from labctl.protocols.http1 import Fields, get
from labctl.protocols.url import Url

TEXT = b"The quick brown fox jumps over the lazy dog.\n" * 2000
CONFIG = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 64; }}
http {{
  access_log off; types {{ text/plain txt; }}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl http2;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    root {folder}/www; gzip on; gzip_types text/plain; client_max_body_size 1k;
    location /taken {{ return 201 "thanks\\n"; }}
    location /moved {{ return 308 /a.txt; }}
  }}
}}
"""


class Nginx(NamedTuple):
    plain: int
    tls: int
    context: ssl.SSLContext


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    program = need("nginx")
    folder: Path = tmp_path_factory.mktemp("nginx")
    (folder / "www").mkdir()
    (folder / "www" / "a.txt").write_bytes(TEXT)
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    for pem in leaf.cert_chain_pems:
        pem.write_to_path(folder / "cert.pem", append=True)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.set_alpn_protocols(["h2"])
    plain = 0
    with contextlib.ExitStack() as holding:

        def command(tls: int) -> list[str]:
            nonlocal plain
            plain = holding.enter_context(held())
            (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, plain=plain, tls=tls))
            return [program, "-c", str(folder / "nginx.conf"), "-p", str(folder)]

        with child(command, folder / "printed") as tls:
            yield Nginx(plain, tls, context)


def one(nginx: Nginx, path: str, method: str = "GET", fields: Fields = (), body: bytes = b"") -> Answer:
    with Stream(socket.create_connection(("127.0.0.1", nginx.plain)), time.monotonic) as stream:
        request = Request(method, Url("http", "localhost", nginx.plain, path), fields, body)
        return ask(stream, request, clock=time.monotonic)


def test_a_file_is_read_by_its_length_and_the_connection_stays(nginx: Nginx) -> None:
    answer = one(nginx, "/a.txt")
    assert (answer.status, answer.body, answer.framing.kind, answer.keep_alive) == (200, TEXT, "length", True)


def test_compressed_it_comes_in_chunks(nginx: Nginx) -> None:
    answer = one(nginx, "/a.txt", fields=(("Accept-Encoding", "gzip"),))
    assert answer.framing.kind == "chunked"
    assert answer.body_bytes < len(TEXT) // 10
    assert decoded(answer.body, get(answer.fields, "Content-Encoding") or "").data == TEXT


def test_a_part_a_condition_and_head_are_answered(nginx: Nginx) -> None:
    part = one(nginx, "/a.txt", fields=(("Range", "bytes=4-8"),))
    assert (part.status, part.body) == (206, b"quick")
    tag = get(part.fields, "ETag") or ""
    assert one(nginx, "/a.txt", fields=(("If-None-Match", tag),))[:1] == (304,)
    head = one(nginx, "/a.txt", "HEAD")
    assert (get(head.fields, "Content-Length"), head.body_bytes, head.complete) == (str(len(TEXT)), 0, True)


def test_content_that_is_too_long_is_refused_before_it_is_sent(nginx: Nginx) -> None:
    answer = one(nginx, "/taken", "POST", (("Expect", "100-continue"),), b"x" * 5000)
    assert (answer.status, answer.body_sent) == (413, 0)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PROPFIND"])
def test_a_redirect_is_read_for_any_method(nginx: Nginx, method: str) -> None:
    assert one(nginx, "/moved", method).status == 308


def test_many_requests_over_http_2(nginx: Nginx) -> None:
    raw = socket.create_connection(("127.0.0.1", nginx.tls))
    with nginx.context.wrap_socket(raw, server_hostname="localhost") as sock:
        assert sock.selected_alpn_protocol() == "h2"
        connection = Http2Connection(
            Stream(sock, time.monotonic), clock=time.monotonic, limits=Limits(seconds=5.0)
        )
        url = Url("https", "localhost", nginx.tls, "/a.txt")
        answers = connection.ask_many([Request("GET", url)] * 10 + [Request("HEAD", url)])
        connection.close()
    assert [answer.body_bytes for answer in answers] == [len(TEXT)] * 10 + [0]
    assert all(answer.complete for answer in answers)
