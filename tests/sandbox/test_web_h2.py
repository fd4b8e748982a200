"""The town's web over HTTP/2: what httpx and curl get, and what a client that breaks the rules gets."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web_asking import address_of, curl, get

from labctl.internet import Endpoint
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.site import SiteAnswer, SiteRequest
from labctl.sandbox.town import healthy_town
from labctl.sandbox.town_sites import Site

Open = Callable[..., LoopbackInternet]
API, ORIGIN = "api.shop.test", "origin.shop.test"


class Client:
    """A client of its own, that sends what it is told to."""

    def __init__(self, internet: LoopbackInternet, host: str) -> None:
        dialled = internet.dial(Endpoint(address_of(internet, host), 443))
        assert dialled.socket is not None
        context = internet.client_tls()
        context.set_alpn_protocols(["h2"])
        self.host = host
        self.sock: ssl.SSLSocket = context.wrap_socket(dialled.socket, server_hostname=host)
        assert self.sock.selected_alpn_protocol() == "h2"
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(
                header_encoding="latin-1", validate_outbound_headers=False, normalize_outbound_headers=False
            )
        )
        self.h2.initiate_connection()

    def ask(self, path: str, *more: tuple[str, str], method: str = "GET", end: bool = True) -> int:
        number: int = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "https"), (":authority", self.host), (":path", path)]
        self.h2.send_headers(number, [*pseudo, *more], end_stream=end)
        self.flush()
        return number

    def flush(self) -> None:
        self.sock.sendall(self.h2.data_to_send())

    def events(self) -> Iterator[h2.events.Event]:
        """Until the server closes; windows stay as they are unless the caller opens them."""
        while data := self.sock.recv(65_536):
            yield from self.h2.receive_data(data)
            self.flush()


@pytest.fixture
def client(standing: LoopbackInternet) -> Iterator[Callable[[str], Client]]:
    made: list[Client] = []

    def open_(host: str) -> Client:
        made.append(Client(standing, host))
        return made[-1]

    yield open_
    for each in made:
        each.sock.close()


@pytest.mark.parametrize(
    "path", ["/", "/download.bin", "/size/3000000", "/chunked", "/trailers", "/gone", "/early"]
)
def test_both_versions_give_the_same_content(standing: LoopbackInternet, path: str) -> None:
    one, two = (get(standing, f"https://{ORIGIN}{path}", http2=h2) for h2 in (False, True))
    assert (one.http_version, two.http_version) == ("HTTP/1.1", "HTTP/2")
    assert one.status_code == two.status_code
    assert one.content == two.content
    assert one.headers["content-type"] == two.headers["content-type"]
    assert "transfer-encoding" not in two.headers


def test_an_upload_of_megabytes_is_taken(standing: LoopbackInternet) -> None:
    answer = get(standing, f"https://{API}/up", method="PUT", http2=True, content=bytes(3_000_000))
    assert answer.json()["body_bytes"] == 3_000_000


def test_curl_multiplexes_many_requests_on_one_connection(opened: Open, tmp_path: Path) -> None:
    internet = opened()
    shown = curl(
        internet,
        tmp_path,
        f"https://{ORIGIN}/size/[100000-100019]",
        *("--http2", "--parallel", "--parallel-max", "20", "-o", "/dev/null"),
        *("-w", "HTTP/%{http_version} %{size_download}\\n"),
    )
    # Beside its progress, which nothing switches off here.
    told = sorted(line for line in shown.splitlines() if line.startswith("HTTP/"))
    assert told == [f"HTTP/2 {100_000 + n}" for n in range(20)]
    assert internet.web().connections[ORIGIN] == 1


def test_the_server_sends_no_more_than_the_window_allows(client: Callable[[str], Client]) -> None:
    asking = client(ORIGIN)
    number = asking.ask("/size/200000")
    got = 0
    for event in asking.events():
        if isinstance(event, h2.events.DataReceived):
            got += len(event.data)
            if got == 65_535:  # the whole window, and now it is opened again, wide
                asking.h2.increment_flow_control_window(500_000)
                asking.h2.increment_flow_control_window(500_000, number)
                asking.flush()
        elif isinstance(event, h2.events.StreamEnded):
            break
    assert got == 200_000


def test_a_stream_that_is_reset_leaves_the_others_alone(client: Callable[[str], Client]) -> None:
    asking = client(API)
    slow, other = asking.ask("/wait/60000"), asking.ask("/after")
    asking.h2.reset_stream(slow)
    asking.flush()
    ended = next(e for e in asking.events() if isinstance(e, h2.events.StreamEnded))
    assert ended.stream_id == other


def test_a_request_that_waits_for_100_gets_it(client: Callable[[str], Client]) -> None:
    asking = client(API)
    number = asking.ask("/", ("expect", "100-continue"), method="POST", end=False)
    events = asking.events()
    told = next(e for e in events if isinstance(e, h2.events.InformationalResponseReceived))
    assert dict(told.headers)[":status"] == "100"
    asking.h2.send_data(number, b"content", end_stream=True)
    asking.flush()
    body = next(e for e in events if isinstance(e, h2.events.DataReceived)).data
    assert json.loads(body)["body"] == "content"


def test_a_connection_field_ends_the_connection_with_goaway(client: Callable[[str], Client]) -> None:
    asking = client(API)
    asking.ask("/", ("connection", "close"))
    assert any(isinstance(event, h2.events.ConnectionTerminated) for event in asking.events())


def test_a_host_of_another_certificate_is_misdirected(standing: LoopbackInternet) -> None:
    answer = get(standing, "https://www.shop.test/", http2=True, headers={"Host": "shop.test"})
    assert answer.status_code == 421


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=120), preface=st.booleans())
def test_no_bytes_make_the_server_crash(standing: LoopbackInternet, data: bytes, preface: bool) -> None:
    dialled = standing.dial(Endpoint(address_of(standing, API), 443))
    context = standing.client_tls()
    context.set_alpn_protocols(["h2"])
    assert dialled.socket is not None
    with context.wrap_socket(dialled.socket, server_hostname=API) as secured:
        secured.sendall(
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5) if preface else b"") + data
        )
        secured.recv(100)
    assert standing.crashes == ()


def test_a_handler_that_crashes_is_kept_and_the_client_gets_500(monkeypatch: pytest.MonkeyPatch) -> None:
    town = healthy_town()
    town = town._replace(sites=(*town.sites, Site("broken.test", ("203.0.113.250",), "tls")))
    with LoopbackInternet(town, latency=False) as internet:
        monkeypatch.setitem(internet.web()._handlers, "broken.test", lambda request, web: 1 / 0)
        for http2 in (False, True):
            assert get(internet, "https://broken.test/", http2=http2).status_code == 500
        assert [type(crash) for crash in internet.crashes] == [ZeroDivisionError] * 2


def test_httpx_keeps_a_connection_for_requests_side_by_side(opened: Open) -> None:
    internet = opened()
    address, port = internet.web().reach(address_of(internet, API), 443)
    with httpx.Client(verify=internet.client_tls(), http2=True, trust_env=False) as session:
        for number in range(3):
            answer = session.get(
                f"https://{address}:{port}/{number}", headers={"Host": API}, extensions={"sni_hostname": API}
            )
            assert answer.json()["target"] == f"/{number}"
    assert internet.web().connections[API] == 1


@pytest.mark.parametrize("http2", [False, True])
def test_a_body_that_comes_piece_by_piece_is_passed_on_and_its_breaking_off_is_felt(
    monkeypatch: pytest.MonkeyPatch, http2: bool
) -> None:
    closed = []

    async def pieces(broken: bool) -> AsyncIterator[bytes]:
        try:
            for number in range(3):
                yield b"piece %d\n" % number
                if broken:
                    raise ConnectionResetError
        finally:
            closed.append(broken)

    def handler(request: SiteRequest, web: object) -> SiteAnswer:
        length = (("Content-Length", "24"),) if request.path == "/sized" else ()
        return SiteAnswer(200, length, pieces(request.path == "/broken"))

    town = healthy_town()
    town = town._replace(sites=(*town.sites, Site("pieces.test", ("203.0.113.250",), "tls")))
    with LoopbackInternet(town, latency=False) as internet:
        monkeypatch.setitem(internet.web()._handlers, "pieces.test", handler)
        for path in ("/", "/sized"):
            answer = get(internet, f"https://pieces.test{path}", http2=http2)
            assert answer.text == "piece 0\npiece 1\npiece 2\n"
            assert answer.headers.get("transfer-encoding") == (None if http2 or path != "/" else "chunked")
        with pytest.raises(httpx.TransportError):
            get(internet, "https://pieces.test/broken", http2=http2)
        assert internet.crashes == ()
    assert closed == [False, False, True]
