"""The real nginx and the real Apache: the embedded proxy does as they do, and nothing of them is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest
from needed import need
from processes import LINUX, Marked

from labctl.cli import run as command_line
from labctl.errors import CannotRun
from labctl.protocols.http1 import Fields, read_request_head
from labctl.sandbox.proxy_configuration import Configuration
from labctl.sandbox.proxy_street import Street
from labctl.sandbox.proxy_tap import Tap
from labctl.sandbox.site import text
from labctl.sandbox.town_certificates import Certificates
from labctl.serving.apache import stand_apache
from labctl.serving.asking import ask
from labctl.serving.folders import Folder
from labctl.serving.nginx import stand_nginx
from labctl.serving.reverse_proxy import StandingProxy
from labs.proxy.front import Front
from labs.proxy.shows import static

Server = Literal["nginx", "apache"]
SERVERS = pytest.mark.parametrize("server", ["nginx", "apache"])
MANNERS = pytest.mark.parametrize(
    "manners", ["nginx-default", "nginx-recommended", "apache-default", "apache-repaired"]
)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))


@pytest.fixture
def street() -> Iterator[Street]:
    before = set(threading.enumerate())
    made = Street(Certificates(time.time), time.time)
    yield made
    made.close()
    assert not made.crashes
    assert set(threading.enumerate()) <= before


def needed(server: str) -> None:
    need("apache2" if server == "apache" else "nginx")


def stood(server: str, text_: str, **more: Any) -> StandingProxy:
    needed(server)
    return stand_apache(text_, **more) if server == "apache" else stand_nginx(text_, **more)


PLAIN = {"nginx": "server { listen LISTEN; return 200 hello; }\n", "apache": 'DocumentRoot "FOLDER"\n'}
BROKEN = {"nginx": "server { listen LISTEN; proxy_pas http://a; }\n", "apache": "ProxyPas / http://a/\n"}


# Starting and ending.


@LINUX
@SERVERS
def test_nothing_of_a_proxy_is_left_when_it_is_ended(server: Server) -> None:
    with stood(server, PLAIN[server]) as proxy:
        assert proxy.alive()
        assert ask(proxy.address).status in (200, 403, 404)
        watched = [os.pidfd_open(pid) for pid in (proxy.pid, *_children(proxy.pid))]
    for descriptor in watched:
        assert select.select([descriptor], [], [], 5)[0], "a process is still there"
        os.close(descriptor)
    assert not proxy.folder.exists()
    proxy.end()
    assert ask(proxy.address).failure == "refused"


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in found]


@SERVERS
def test_a_configuration_that_it_does_not_take_is_told_in_its_own_words(server: Server) -> None:
    with pytest.raises(CannotRun) as told:
        stood(server, BROKEN[server])
    assert told.value.code == "proxy-not-started"
    assert "proxy_pas" in str(told.value.evidence) or "ProxyPas" in str(told.value.evidence)
    assert len(told.value.evidence) <= 3


@SERVERS
def test_a_port_in_use_is_told_with_who_has_it(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CannotRun) as told:
        stood(server, PLAIN[server], port=taken.getsockname()[1])
    assert told.value.code == "port-in-use"
    assert "pid" in str(told.value.evidence)


@SERVERS
def test_a_program_that_cannot_be_started_is_told(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    needed(server)
    for name in ("nginx", "apache2", "httpd"):
        (tmp_path / name).write_text("#!/bin/sh\necho the library is missing >&2\nexit 127\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(CannotRun) as told:
        stood(server, PLAIN[server])
    assert told.value.code == "proxy-not-started"
    assert "the library is missing" in str(told.value.evidence)


# The embedded proxy does as they do.

REQUESTS = {
    "plain": b"GET / HTTP/1.1\r\nHost: www.shop.test\r\n\r\n",
    "a list": b"GET / HTTP/1.1\r\nHost: www.shop.test\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n",
    "two lines of a list": (
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\n\r\n"
    ),
    "an empty list": b"GET / HTTP/1.1\r\nHost: www.shop.test\r\nX-Forwarded-For: \r\n\r\n",
    "lies": (
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\n"
        b"X-Forwarded-Prefix: /x\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-Server: e\r\n\r\n"
    ),
    "underscores": b"GET / HTTP/1.1\r\nHost: www.shop.test\r\nX_Forwarded_For: 6.6.6.6\r\n\r\n",
    "a port and capitals": b"GET / HTTP/1.1\r\nHost: WWW.shop.test:8443\r\n\r\n",
    "no host": b"GET / HTTP/1.0\r\n\r\n",
    "a field of the connection": (
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 3\r\n\r\n"
    ),
    "a list of the connection": (
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
    ),
    "trailers": b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n",
    "the absolute form": b"GET http://www.shop.test/a?b HTTP/1.1\r\nHost: www.shop.test\r\n\r\n",
    "a length": b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    "chunks": b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "nothing sent": b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "dot segments": b"GET /a/../b/%2e%2e/c?x=../y HTTP/1.1\r\nHost: a\r\n\r\n",
    "a climb": b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    "two slashes": b"GET //a//b HTTP/1.1\r\nHost: a\r\n\r\n",
    "an encoded slash": b"GET /a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n",
    "escapes": b"GET /caf%C3%A9/a%20c%5B1%5D~x@y:z;p=1+%2B%25%3F%22%23 HTTP/1.1\r\nHost: a\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a length twice": b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost: a\r\nX-Y : b\r\n\r\n",
}


class Heard(NamedTuple):
    """The status, and what the app heard: the request line, and the fields in any order, but for Connection."""

    status: int
    line: tuple[str, str, str]
    fields: Fields


def heard(proxy: tuple[str, int], tap: Tap, raw: bytes, inner: str) -> Heard:
    began = time.monotonic()
    answer = ask(proxy, raw=raw, timeout_s=5)
    talk = tap.last(began)
    found = read_request_head(talk.asked.since(began), host_needed=False) if talk is not None else None
    if found is None:
        return Heard(answer.status, ("", "", ""), ())
    head = found[0]
    fields = sorted(
        (n.lower(), v.replace(inner, "INNER")) for n, v in head.fields if n.lower() != "connection"
    )
    return Heard(answer.status, (head.method, head.target, head.version), tuple(fields))


@MANNERS
def test_the_embedded_proxy_passes_on_what_the_real_one_passes_on(street: Street, manners: str) -> None:
    server = manners.partition("-")[0]
    needed(server)
    where, tap = street.tap(street.app(lambda request: text(200, request.body.decode())))
    inner = f"{where[0]}:{where[1]}"
    with contextlib.ExitStack() as stack:
        own, real = (
            Front(name).stand(stack, street, Configuration(manners), {"app": [where]})  # type: ignore[arg-type]
            for name in ("embedded", server)
        )
        for name, raw in REQUESTS.items():
            assert heard(own, tap, raw, inner) == heard(real, tap, raw, inner), name


@SERVERS
def test_the_embedded_proxy_takes_the_same_rules_for_the_static_cases(street: Street, server: Server) -> None:
    """The trap of a catch-all rule, settled by the real ones: eight ways for Apache, four for nginx."""
    needed(server)
    app = street.app(static._app)
    with Folder() as folder:
        static._write_files(folder)
        for case in static._CASES[server]:
            own = static._by_own(street, case, server, folder, app)
            assert static._by_real(case, server, folder, app) == own, case.title


def test_an_alias_is_never_reached_beside_a_catch_all_and_the_exception_has_to_come_first(
    street: Street,
) -> None:
    need("apache2")
    app = street.app(static._app)
    with Folder() as folder:
        static._write_files(folder)
        said = [static._by_real(case, "apache", folder, app) for case in static.APACHE]
    app_, file = static.APP, static.FILE
    assert said == [app_, app_, file, app_, file, file, app_, app_]


# The demonstrations, with the real ones.

SHOWS = ["", "grid", "headers", "termination", "routing", "static", "balance", "redirects"]


@SERVERS
@pytest.mark.parametrize("show", SHOWS)
def test_no_claim_comes_out_false_with_the_real_server(
    capsys: pytest.CaptureFixture[str], server: Server, show: str
) -> None:
    needed(server)
    words = ["proxy", "--with", server, *(["--show", show] if show else [])]
    code = command_line([*words, "--json", "--sandbox"])
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert told["claims"]
    assert all(claim["outcome"] == "HELD" for claim in told["claims"]), told["claims"]


@SERVERS
def test_the_real_ones_notice_a_dead_app_and_come_back_to_it(
    capsys: pytest.CaptureFixture[str], server: Server
) -> None:
    needed(server)
    assert command_line(["proxy", "--with", server, "--show", "health", "--json", "--sandbox"]) == 0


def test_nginx_buffers_and_apache_streams(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = {
        "nginx": {"proxy.slow-reader": "HELD", "proxy.slow-sender": "HELD", "proxy.streaming": "HELD"},
        "apache": {
            "proxy.slow-reader": "NOT_SEEN",
            "proxy.slow-sender": "NOT_SEEN",
            "proxy.streaming": "HELD",
        },
    }
    for server, outcomes in wanted.items():
        needed(server)
        capsys.readouterr()
        command_line(["proxy", "--with", server, "--show", "buffering", "--json", "--sandbox"])
        claims = json.loads(capsys.readouterr().out)["claims"]
        # On a machine that has other work nothing may be told; false it may not be.
        if not any("too busy" in claim["text"] for claim in claims):
            assert {claim["claim"]: claim["outcome"] for claim in claims} == outcomes


@LINUX
@pytest.mark.parametrize(("server", "number"), [("nginx", signal.SIGINT), ("apache", signal.SIGKILL)])
def test_nothing_is_left_when_labctl_is_killed_in_the_middle(
    server: Server, number: int, tmp_path: Path
) -> None:
    needed(server)
    marked = Marked()
    words = ["proxy", "--with", server, "--show", "buffering", "--jsonl", "--sandbox"]
    labctl = subprocess.Popen(
        [sys.executable, "-m", "labctl", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**marked.env, "LABCTL_HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
    )
    try:
        # Two apps or three, each with its keeper, its master and its worker, and the proxies.
        while len(marked.alive()) < 8 and labctl.poll() is None:
            pass
        watched = marked.watch()
        labctl.send_signal(number)
        assert marked.all_end(watched)
    finally:
        labctl.kill()
        labctl.communicate()
