"""Streams through a real nginx, read by a real Chromium: buffers, a 502, six connections, and HTTP/2."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from chromium import Chromium, chromium
from free_ports import held
from jobs.scripted_streams import STREAM, Answer, scripted
from needed import need

from labctl.jobs.eventsource import Closed, EventSource, Lost, Message, Opened
from labctl.serving.nginx import stand_nginx
from labctl.serving.reverse_proxy import StandingProxy

RETRY = "retry: 20\n\n"
EVENT = "id: 3\ndata: a\n\n"
SHOWN = (Opened(""), Message("message", "a", "3"))
OPEN_STREAMS = """
globalThis.sources = [], globalThis.opened = 0;
for (let i = 0; i < %d; i++) {
  sources.push(new EventSource("/stream?" + i));
  sources[i].onopen = () => opened++;
}
"""
PASS_ON = """
    location / {{
        proxy_pass http://127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        {more}
    }}
"""


CERTIFICATE = "ssl_certificate cert.pem; ssl_certificate_key key.pem;"
AUTHORITY = trustme.CA()


def nginx(
    port: int, *, more: str = "proxy_buffering off;", listen: str = "LISTEN", top: str = ""
) -> StandingProxy:
    need("nginx")
    text = f"server {{ listen {listen}; {top} {PASS_ON.format(port=port, more=more)} }}"
    files: dict[str, str] = {}
    if "ssl" in listen:
        leaf = AUTHORITY.issue_cert("127.0.0.1")
        files = {
            "cert.pem": b"".join(each.bytes() for each in leaf.cert_chain_pems).decode(),
            "key.pem": leaf.private_key_pem.bytes().decode(),
        }
    return stand_nginx(text, files=files, secure="ssl" in listen)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    profile = Path(tmp_path_factory.mktemp("profile"))
    hosts = {"127.0.0.1": 0, "localhost": 0}
    with chromium(need("chromium"), profile, hosts, ["--ignore-certificate-errors"]) as opened:
        yield opened


def test_nginx_holds_events_back_until_the_server_says_that_it_must_not() -> None:
    said = STREAM + "X-Accel-Buffering: no\r\n"
    buffered, at_once = Answer(EVENT, how="hold"), Answer(EVENT, fields=said, how="hold")
    with (
        scripted(buffered, at_once) as server,
        nginx(server.port, more="") as proxy,
        socket.create_connection(proxy.address) as waiting,
    ):
        waiting.sendall(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_asked(1)
        with EventSource(f"http://127.0.0.1:{proxy.address[1]}/stream", read_s=20.0) as passed_on:
            told = iter(passed_on)
            assert (next(told), next(told)) == SHOWN
        # It was sent before, and has not come; not even the head has.
        assert not select.select([waiting], [], [], 0)[0]


def test_the_502_of_an_nginx_ends_an_event_source_for_good(browser: Chromium) -> None:
    with held() as port, nginx(port) as proxy:
        where = f"http://127.0.0.1:{proxy.address[1]}"
        with scripted(Answer(RETRY + EVENT, how="hold"), port=port):
            browser.visit(where + "/")
            browser.evaluate(
                "globalThis.told = [], globalThis.source = new EventSource('/stream'),"
                "source.onerror = () => told.push(source.readyState), 0"
            )
            source = EventSource(where + "/stream")
            happenings = iter(source)
            assert (next(happenings), next(happenings)) == SHOWN
            browser.wait_until("source.readyState === 1")
        assert [type(each) for each in happenings] == [Lost, Closed]
        browser.wait_until("source.readyState === 2")
        assert browser.evaluate("told") == [0, 2]
        # The server is back, and nobody asks it.
        with scripted(Answer(RETRY, how="hold"), port=port) as server:
            browser.evaluate("fetch('/ping').then(() => 0)")
            assert server.asked == []


def test_over_http_1_1_six_streams_leave_no_connection_for_a_seventh_request(browser: Chromium) -> None:
    with scripted(Answer(RETRY, how="hold")) as server, nginx(server.port) as proxy:
        browser.visit(f"http://127.0.0.1:{proxy.address[1]}/")
        browser.evaluate(OPEN_STREAMS % 8)
        browser.wait_until("opened === 6")
        browser.evaluate("globalThis.pinged = 0, fetch('/ping').then(r => pinged = r.status), 0")
        # Another name of the same server has connections of its own, and went out later.
        there = f"http://localhost:{proxy.address[1]}/ping"
        browser.evaluate(f"fetch('{there}', {{mode: 'no-cors'}}).then(() => 0)")
        assert browser.evaluate("[opened, pinged]") == [6, 0]
        assert len(server.asked) == 6
        browser.evaluate("sources.slice(0, 3).forEach(source => source.close())")
        browser.wait_until("opened === 8 && pinged === 200")
        browser.visit("about:blank")


def test_over_http_2_a_dozen_streams_and_a_request_share_one_connection(browser: Chromium) -> None:
    with (
        scripted(Answer(RETRY, how="hold")) as server,
        nginx(server.port, listen="LISTEN ssl http2", top=CERTIFICATE) as proxy,
    ):
        browser.visit(f"https://127.0.0.1:{proxy.address[1]}/")
        browser.evaluate(OPEN_STREAMS % 12)
        browser.wait_until("opened === 12")
        assert browser.evaluate("fetch('/ping').then(r => r.status)") == 200
        assert browser.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
        browser.visit("about:blank")


def test_our_client_speaks_tls_and_is_closed_while_it_reads() -> None:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    with (
        scripted(Answer(RETRY + EVENT, how="hold")) as server,
        nginx(server.port, listen="LISTEN ssl", top=CERTIFICATE) as proxy,
    ):
        where = f"https://127.0.0.1:{proxy.address[1]}/stream"
        source = EventSource(where, context=context)
        told: list[object] = []
        two = threading.Event()

        def read() -> None:
            for happening in source:
                told.append(happening)
                if len(told) == 2:
                    two.set()

        thread = threading.Thread(target=read)
        thread.start()
        assert two.wait(20)
        source.close()
        thread.join(20)
        assert not thread.is_alive()
        assert tuple(told) == SHOWN
        # Nobody vouches for it here: as with browsers, a connection that failed.
        with EventSource(where) as careful:
            assert isinstance(next(iter(careful)), Lost)
