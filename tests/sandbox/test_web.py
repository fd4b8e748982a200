"""The town's web over HTTP/1.1: what httpx, curl and a person with a socket get."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_asking import address_of, curl, get, talk

from labctl.internet import Endpoint
from labctl.protocols import http1
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.site import Piece, SiteRequest
from labctl.sandbox.town import healthy_town
from labctl.sandbox.town_sites import SITES, Site
from labctl.sandbox.web_response_h1 import send_response
from labctl.sandbox.web_server_h1 import LONGEST_HEAD, Patience

Open = Callable[..., LoopbackInternet]
API, ORIGIN = "api.shop.test", "origin.shop.test"
AT_API = f"Host: {API}\r\n".encode()


def answers_in(data: bytes, *methods: str) -> list[tuple[http1.ResponseHead, bytes]]:
    """The responses in these bytes, each with its content; the methods of their requests are given."""
    found = []
    for method in methods:
        read = http1.read_response_head(data)
        assert read is not None, data
        head, end = read
        reader = http1.BodyReader(http1.response_framing(method, head))
        body = reader.feed(data[end:])
        if not reader.done:
            reader.end_of_input()
        found.append((head, body))
        data = reader.excess if reader.framing.kind != "none" else data[end:]
    assert data == b"", data
    return found


# Who answers


@pytest.mark.parametrize("host", sorted({s.host for s in SITES if s.serves not in ("misbehaving",)}))
def test_every_site_answers_in_plain(standing: LoopbackInternet, host: str) -> None:
    assert get(standing, f"http://{host}/").status_code in (200, 301)


def test_a_host_that_is_not_served_here_is_told_so_with_421(standing: LoopbackInternet) -> None:
    (head, body) = answers_in(
        talk(standing, API, b"GET / HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n"), "GET"
    )[0]
    assert head.status == 421
    assert b"other.test" in body


def test_a_request_without_host_is_refused_with_400(standing: LoopbackInternet) -> None:
    ((head, _),) = answers_in(talk(standing, API, b"GET / HTTP/1.1\r\n\r\n"), "GET")
    assert head.status == 400
    assert http1.get(head.fields, "Connection") == "close"


def test_the_authority_of_an_absolute_target_counts_and_host_does_not(standing: LoopbackInternet) -> None:
    said = b"GET http://api.shop.test:80/x?y HTTP/1.1\r\nHost: nobody.test\r\nConnection: close\r\n\r\n"
    ((head, body),) = answers_in(talk(standing, API, said), "GET")
    assert head.status == 200
    assert (json.loads(body)["host"], json.loads(body)["target"]) == (API, "/x?y")


def test_the_bare_domain_leads_to_https_and_then_to_www_and_says_hsts_there(
    standing: LoopbackInternet,
) -> None:
    first = get(standing, "http://shop.test/a?b=c")
    assert (first.status_code, first.headers["location"]) == (301, "https://shop.test/a?b=c")
    assert "strict-transport-security" not in first.headers
    second = get(standing, "https://shop.test/a?b=c")
    assert (second.status_code, second.headers["location"]) == (301, "https://www.shop.test/a?b=c")
    assert second.headers["strict-transport-security"] == "max-age=31536000"


def test_an_address_outside_of_the_town_is_unreachable_and_a_closed_port_refuses(
    standing: LoopbackInternet,
) -> None:
    assert standing.dial(Endpoint("192.0.2.200", 80)).failure == "unreachable"
    assert standing.dial(Endpoint(address_of(standing, API), 8080)).failure == "refused"


def test_the_web_remembers_what_it_was_asked_and_how_many_connections_came(opened: Open) -> None:
    internet = opened()
    get(internet, f"http://{API}/counter", method="POST", content=b"xy")
    get(internet, f"https://{API}/counter")
    web = internet.web()
    assert [(s.method, s.scheme, s.target, s.body_length) for s in web.log] == [
        ("POST", "http", "/counter", 2),
        ("GET", "https", "/counter", 0),
    ]
    assert web.connections[API] == 2
    assert [(h.host, h.version, h.failure) for h in web.handshakes] == [(API, "1.3", "")]
    assert web.counters[API] == 1


# Connections


def test_a_connection_is_kept_and_requests_sent_ahead_are_answered_in_order(
    standing: LoopbackInternet,
) -> None:
    one = b"GET /echo/1 HTTP/1.1\r\n" + AT_API + b"\r\n"
    two = b"POST /echo/2 HTTP/1.1\r\n" + AT_API + b"Content-Length: 3\r\n\r\nabc"
    last = b"GET /echo/3 HTTP/1.1\r\n" + AT_API + b"Connection: close\r\n\r\n"
    answers = answers_in(talk(standing, API, one + two + last), "GET", "POST", "GET")
    assert [json.loads(body)["target"] for _, body in answers] == ["/echo/1", "/echo/2", "/echo/3"]
    assert json.loads(answers[1][1])["body"] == "abc"
    assert [http1.get(head.fields, "Connection") for head, _ in answers] == [None, None, "close"]


def test_http_1_0_gets_a_whole_answer_and_the_end_of_the_connection(standing: LoopbackInternet) -> None:
    ((head, body),) = answers_in(
        talk(standing, ORIGIN, b"GET /chunked HTTP/1.0\r\nHost: origin.shop.test\r\n\r\n"), "GET"
    )
    assert http1.get(head.fields, "Transfer-Encoding") is None
    assert body.count(b"\n") == 3


def test_a_client_that_has_said_all_it_wants_still_gets_its_answer(standing: LoopbackInternet) -> None:
    got = talk(standing, API, b"GET /drip/3/1 HTTP/1.1\r\n" + AT_API + b"\r\n", half=True)
    ((_, body),) = answers_in(got, "GET")
    assert body == b"drip 0000\ndrip 0001\ndrip 0002\n"


def test_a_request_that_breaks_off_is_told_so_and_one_that_never_ends_too(
    standing: LoopbackInternet, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((head, _),) = answers_in(talk(standing, API, b"GET / HTTP/1.1\r\nHost", half=True), "GET")
    assert head.status == 400
    monkeypatch.setattr(standing.web(), "patience", Patience(0.05, 0.05, 0.05))
    ((head, _),) = answers_in(talk(standing, API, b"GET / HTTP/1.1\r\nHost: "), "GET")
    assert head.status == 408
    waits = b"POST / HTTP/1.1\r\n" + AT_API + b"Content-Length: 9\r\n\r\nshort"
    ((head, _),) = answers_in(talk(standing, API, waits), "POST")
    assert head.status == 408
    assert talk(standing, API) == b""


def test_a_head_that_is_too_long_is_refused_with_431(standing: LoopbackInternet) -> None:
    said = b"GET / HTTP/1.1\r\n" + AT_API + b"X: " + b"a" * LONGEST_HEAD + b"\r\n\r\n"
    ((head, _),) = answers_in(talk(standing, API, said), "GET")
    assert head.status == 431


def test_a_content_that_is_too_long_is_refused_at_once_and_the_refusal_arrives(
    standing: LoopbackInternet,
) -> None:
    said = b"POST / HTTP/1.1\r\n" + AT_API + b"Content-Length: 99999999\r\n\r\n" + bytes(1 << 20)
    ((head, _),) = answers_in(talk(standing, API, said), "POST")
    assert head.status == 413


def test_tls_on_a_plain_port_is_answered_in_plain(standing: LoopbackInternet) -> None:
    ((head, _),) = answers_in(talk(standing, API, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"), "GET")
    assert head.status == 400


def test_closing_the_sandbox_ends_connections_and_answers_that_are_under_way() -> None:
    before = set(threading.enumerate())
    with LoopbackInternet(healthy_town(), latency=False) as internet:
        dialled = internet.dial(Endpoint(address_of(internet, API), 80))
        idle = internet.dial(Endpoint(address_of(internet, API), 443))
        assert dialled.socket is not None
        assert idle.socket is not None
        dialled.socket.sendall(b"GET /drip/1000/60000 HTTP/1.1\r\n" + AT_API + b"\r\n")
        assert dialled.socket.recv(4).startswith(b"HTTP")
    assert internet.crashes == ()
    assert set(threading.enumerate()) <= before
    for sock in (dialled.socket, idle.socket):
        with sock:
            assert drained(sock)


def drained(sock: socket.socket) -> bool:
    """Whether it comes to an end."""
    try:
        while sock.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.lists(st.integers(1, 199), max_size=3))
def test_no_bytes_make_the_server_crash(standing: LoopbackInternet, data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(data)]
    parts = [data[a:b] for a, b in itertools.pairwise(places)]
    talk(standing, API, *parts, half=True)
    assert standing.crashes == ()


# Interim responses, content, ranges and trailers, as curl reads them


def test_curl_waits_for_100_continue_and_spares_what_is_not_wanted(
    standing: LoopbackInternet, tmp_path: Path
) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(2_000_000))
    options = ("-v", "--http1.1", "-T", str(upload), "-o", str(tmp_path / "out"), "-w", "%{size_upload}")
    taken = curl(standing, tmp_path, f"http://{API}/taken", *options)
    assert "< HTTP/1.1 100 Continue" in taken
    assert "< HTTP/1.1 200 OK" in taken
    assert json.loads((tmp_path / "out").read_text())["body_bytes"] == 2_000_000
    refused = curl(standing, tmp_path, f"http://{API}/refuse", *options)
    assert "100 Continue" not in refused
    assert "< HTTP/1.1 403 Forbidden" in refused
    assert refused.splitlines()[0].startswith("0")


def test_curl_reads_ranges_chunks_compression_trailers_and_early_hints(
    standing: LoopbackInternet, tmp_path: Path
) -> None:
    def asked(path: str, *options: str) -> str:
        return curl(standing, tmp_path, f"https://{ORIGIN}{path}", "--http1.1", *options)

    assert asked("/download.bin", "-r", "8-15") == "0000001\n"
    assert asked("/chunked") == "This is chunk 1.\nThis is chunk 2.\nThis is chunk 3.\n"
    assert asked("/style.css", "--compressed") == asked("/style.css")
    assert "Server-Timing: total;dur=1.5" in asked("/trailers", "-D", "-")
    hints = asked("/early", "-i")
    assert hints.startswith(
        "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\nHTTP/1.1 200"
    )


def test_redirects_lead_on_and_a_loop_never_ends(standing: LoopbackInternet, tmp_path: Path) -> None:
    url = f"http://{ORIGIN}/redirect/302?to=/redirect/307%3Fto=/chunked"
    shown = curl(standing, tmp_path, url, "-L", "-o", "/dev/null", "-w", "%{num_redirects} %{url_effective}")
    assert shown == f"2 http://{ORIGIN}/chunked"
    loop = curl(standing, tmp_path, f"http://{ORIGIN}/loop", "-L", "--max-redirs", "5")
    assert "Maximum (5) redirects followed" in loop
    assert get(standing, f"http://{ORIGIN}/redirect/302?to=%0d%0aX: y").status_code == 400


def test_head_has_the_fields_of_get_and_no_content(standing: LoopbackInternet) -> None:
    for path in ("/", "/chunked", "/download.bin", "/trailers"):
        whole, head = (get(standing, f"http://{ORIGIN}{path}", method=m) for m in ("GET", "HEAD"))
        assert head.content == b""
        assert {**head.headers, "date": ""} == {**whole.headers, "date": ""}


def test_cookies_are_set_and_come_back(standing: LoopbackInternet, tmp_path: Path) -> None:
    jar = str(tmp_path / "jar")
    curl(standing, tmp_path, f"http://{API}/cookies/set?size=m", "-c", jar)
    assert json.loads(curl(standing, tmp_path, f"http://{API}/cookies", "-b", jar)) == {
        "cookies": {"size": "m"}
    }


def test_the_asked_for_answer_has_exactly_these_fields(standing: LoopbackInternet) -> None:
    url = f'http://{ORIGIN}/cache?cc=max-age%3D5&ETag="x"&Vary=Accept&status=203&body=hello'
    answer = get(standing, url)
    assert answer.status_code == 203
    assert answer.text == "hello"
    shown = {name: value for name, value in answer.headers.items() if name != "date"}
    assert shown == {"cache-control": "max-age=5", "etag": '"x"', "vary": "Accept", "content-length": "5"}


PATHS = st.one_of(
    st.sampled_from(
        ["/", "/cache", "/redirect/302", "/size/10", "/cookies/set", "/cookies", "/counter", "/loop"]
    ),
    st.lists(
        st.sampled_from(
            ["cache", "size", "redirect", "status", "drip", "0", "1", "302", "²", "%0d%0a", "", "."]
        ),
        max_size=3,
    ).map(lambda parts: "/" + "/".join(parts)),
)
QUERIES = st.text(st.sampled_from("abct=&%?;+/:0adDA2 \u00e9\"'"), max_size=20)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([s for s in SITES if not s.serves.startswith(("edge", "misbehaving"))]),
    st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "DELETE", "TRACE", "BREW"]),
    PATHS,
    QUERIES,
    st.sampled_from(["http", "https"]),
)
def test_no_request_makes_a_handler_crash_or_write_what_is_no_response(
    standing: LoopbackInternet, site: Site, method: str, path: str, query: str, scheme: str
) -> None:
    web = standing.web()
    target = f"{path}?{query}" if query else path
    request = SiteRequest(method, target, (), b"", scheme, site.host, "1.1", "", web.date())
    sent = Written()

    async def exchange() -> None:
        answer = (await web.respond(site, request))._replace(wait_s=0.0)
        if isinstance(answer.body, tuple):
            answer = answer._replace(body=tuple(Piece(0.0, piece.data) for piece in answer.body))
        await send_response(sent, answer, method, "1.1", 0.0)

    web._server.call(exchange())
    assert web.crashes == []
    data = sent.data
    while (read := http1.read_response_head(data)) and read[0].status < 200:
        data = data[read[1] :]
    answers_in(data, method)


class Written:
    """A stream that only keeps what is sent."""

    peer = ""

    def __init__(self) -> None:
        self.data = b""

    async def send(self, data: bytes) -> None:
        self.data += data

    async def receive(self) -> bytes:
        return b""

    async def close(self) -> None:
        pass

    def reset(self) -> None:
        pass
