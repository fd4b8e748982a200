"""A visit: what is paid at the first one, what is remembered for the next, and how it ends when peers misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise

import pytest

from labctl.fetch.browser_cache import PrivateCache
from labctl.fetch.dialling import connect
from labctl.fetch.exchange import Limits
from labctl.fetch.legs import Visit
from labctl.fetch.phases import phases, spent, tls_round_trips
from labctl.fetch.visit import Visitor
from labctl.internet import Dialled, Endpoint
from labctl.protocols.url import parse_url
from labctl.sandbox.faults import town_under
from labctl.sandbox.loopback import LoopbackInternet

Open = Callable[..., LoopbackInternet]
SHOP = parse_url("https://origin.shop.test/")


def kinds(visit: Visit, leg: int = -1) -> list[str]:
    return [phase.kind for phase in phases(visit.legs[leg], visit.started_at)]


def test_a_first_visit_pays_for_everything_and_the_second_for_nothing_but_the_request(
    standing: LoopbackInternet,
) -> None:
    with Visitor(standing) as client:
        first, second = client.visit(SHOP), client.visit(SHOP)
    assert kinds(first) == ["dns", "connect", "tls", "request", "wait", "response"]
    assert kinds(second) == ["request", "wait", "response"]
    assert (first.connections, second.connections) == (1, 0)
    assert second.legs[0].reused
    assert first.answer is not None
    assert (first.answer.status, first.answer.version) == (200, "2")
    assert tls_round_trips(first.legs[0]) == 1


def test_phases_follow_each_other_and_add_up_to_no_more_than_the_visit(standing: LoopbackInternet) -> None:
    with Visitor(standing) as client:
        visit = client.visit(parse_url("http://shop.test/"))
    found = [phase for leg in visit.legs for phase in phases(leg, visit.started_at)]
    assert all(phase.ms >= 0 for phase in found)
    assert all(one.end_ms <= other.start_ms + 1e-6 for one, other in pairwise(found))
    times = spent(visit)
    assert times.setting_up + times.wait + times.moving <= times.total + 1e-6
    assert times.first_byte <= times.total


def test_each_leg_of_a_redirect_to_another_origin_has_its_own_connection(standing: LoopbackInternet) -> None:
    with Visitor(standing) as client:
        visit = client.visit(parse_url("http://shop.test/"))
    assert [leg.url.text for leg in visit.legs] == [
        "http://shop.test/",
        "https://shop.test/",
        "https://www.shop.test/",
    ]
    assert [leg.reason for leg in visit.legs] == ["", "301", "301"]
    assert [leg.reused for leg in visit.legs] == [False, False, False]
    # The name of the second leg is the first's, and remembered.
    assert [leg.lookup.source if leg.lookup else "" for leg in visit.legs] == [
        "resolver",
        "memory",
        "resolver",
    ]


def test_hsts_spares_the_leg_in_the_clear(standing: LoopbackInternet) -> None:
    with Visitor(standing) as client:
        client.visit(parse_url("http://shop.test/"))
        again = client.visit(parse_url("http://shop.test/"))
        assert [leg.url.text for leg in again.legs] == ["https://shop.test/", "https://www.shop.test/"]
        assert again.legs[0].upgraded
        client.forget()
        assert client.visit(parse_url("http://shop.test/")).legs[0].url.scheme == "http"
    with Visitor(standing, hsts=False) as client:
        client.visit(parse_url("http://shop.test/"))
        assert client.visit(parse_url("http://shop.test/")).legs[0].url.scheme == "http"


def test_a_fresh_copy_needs_nobody(standing: LoopbackInternet) -> None:
    url = parse_url("https://origin.shop.test/style.css")
    with Visitor(standing, cache=PrivateCache()) as client:
        first = client.visit(url)
        client.pool.close()
        second = client.visit(url)
    assert second.legs[0].cache == "hit"
    assert kinds(second) == ["cache"]
    assert second.connections == second.legs[0].received_bytes == 0
    assert first.answer is not None
    assert second.answer is not None
    assert second.answer.body == first.answer.body


def test_a_copy_that_must_be_checked_is_freshened_by_a_304(standing: LoopbackInternet) -> None:
    url = parse_url("https://origin.shop.test/news.html")
    cache = PrivateCache()
    with Visitor(standing, cache=cache) as client:
        first, second = client.visit(url), client.visit(url)
        assert second.legs[0].cache == "validated"
        assert first.answer is not None
        assert second.answer is not None
        assert (second.answer.status, second.answer.body) == (200, first.answer.body)
        assert second.legs[0].received_bytes < first.legs[0].received_bytes
        assert len(cache) == 1
        client.forget()
        assert len(cache) == 0


def test_what_must_not_be_stored_is_not(standing: LoopbackInternet) -> None:
    cache = PrivateCache()
    with Visitor(standing, cache=cache) as client:
        client.visit(parse_url("https://origin.shop.test/no-store.css"))
    assert len(cache) == 0


def test_a_loop_ends_and_says_so(standing: LoopbackInternet) -> None:
    with Visitor(standing) as client:
        visit = client.visit(parse_url("https://origin.shop.test/loop"), follow=9)
    assert len(visit.legs) == 10
    assert visit.failure == "redirects"
    assert "circle" in visit.detail
    assert "10 requests" in visit.detail


def test_follow_0_shows_the_redirect_itself(standing: LoopbackInternet) -> None:
    with Visitor(standing) as client:
        visit = client.visit(parse_url("http://shop.test/"), follow=0)
    assert visit.answer is not None
    assert (visit.answer.status, visit.failure, len(visit.legs)) == (301, "", 1)


def test_a_location_that_leads_nowhere_is_told(standing: LoopbackInternet) -> None:
    with Visitor(standing) as client:
        visit = client.visit(parse_url("https://origin.shop.test/redirect/302?to=ftp://x/"))
    assert (visit.failure, len(visit.legs)) == ("redirects", 1)
    assert visit.detail.startswith("Location cannot be followed")


def test_methods_change_along_the_way_as_rfc_9110_says(standing: LoopbackInternet) -> None:
    with Visitor(standing) as client:
        see_other = client.visit(
            parse_url("https://origin.shop.test/redirect/303?to=/size/3"), "POST", (), b"a=b"
        )
        kept = client.visit(parse_url("https://origin.shop.test/redirect/307?to=/size/3"), "POST", (), b"a=b")
    assert [leg.method for leg in see_other.legs] == ["POST", "GET"]
    assert see_other.legs[1].changes == ("POST becomes GET",)
    assert [leg.method for leg in kept.legs] == ["POST", "POST"]


@pytest.mark.parametrize(
    ("url", "failure", "words"),
    [
        ("https://nope.shop.test/", "name", "does not exist"),
        ("https://www.shop.test:8443/", "connect", "refused the connection"),
        ("http://203.0.113.99/", "connect", "cannot be reached"),
        ("https://expired.tls.test/", "tls", "certificate has expired"),
        ("https://wrong-name.tls.test/", "tls", "The certificate was refused"),
        ("https://no-tls.tls.test/", "tls", "does not speak TLS"),
        ("https://reset-on-sni.tls.test/", "tls", "reset"),
    ],
)
def test_how_a_visit_fails_is_told_in_a_sentence(
    standing: LoopbackInternet, url: str, failure: str, words: str
) -> None:
    with Visitor(standing) as client:
        visit = client.visit(parse_url(url))
        assert len(client.pool) == 0
    assert visit.failure == failure
    assert words in visit.detail
    assert visit.detail.endswith(".")
    assert visit.answer is None


def test_without_verification_a_wrong_certificate_is_let_through(standing: LoopbackInternet) -> None:
    with Visitor(standing, verify=False) as client:
        assert client.visit(parse_url("https://expired.tls.test/")).failure == ""


def test_http_1_is_spoken_when_http_2_is_not_offered(standing: LoopbackInternet) -> None:
    with Visitor(standing, http2=False) as client:
        first, second = client.visit(SHOP), client.visit(SHOP)
    assert first.answer is not None
    assert first.answer.version == "1.1"
    assert second.legs[0].reused


def test_without_keeping_every_visit_connects(standing: LoopbackInternet) -> None:
    with Visitor(standing, keep=False) as client:
        visits = [client.visit(SHOP) for _ in range(3)]
        assert len(client.pool) == 0
    assert [visit.connections for visit in visits] == [1, 1, 1]
    assert visits[1].legs[0].lookup is not None
    assert visits[1].legs[0].lookup.source == "memory"


def test_a_content_without_end_is_read_up_to_the_limit(standing: LoopbackInternet) -> None:
    with Visitor(standing, limits=Limits(body=100, most=10_000)) as client:
        visit = client.visit(parse_url("https://origin.shop.test/size/1000000"))
    assert visit.failure == "http"
    assert visit.answer is not None
    assert (visit.answer.failure, len(visit.answer.body)) == ("too-big", 100)


def test_one_connection_serves_names_that_share_address_and_certificate(opened: Open) -> None:
    url = parse_url("http://shop.test/")
    with Visitor(opened("connections-coalesced"), coalesce=True) as client:
        visit = client.visit(url)
    assert [leg.reused for leg in visit.legs] == [False, False, True]
    assert visit.answer is not None
    assert visit.answer.status == 200


def test_a_connection_is_not_shared_with_a_name_that_its_certificate_does_not_cover(
    standing: LoopbackInternet,
) -> None:
    with Visitor(standing, coalesce=True) as client:
        visit = client.visit(parse_url("https://shop.test/"))
    assert [leg.reused for leg in visit.legs] == [False, False]


# A server that does as it is told, connection by connection.

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Local(LoopbackInternet):
    """Every address is one local server. `script` has for each connection the answers it gives; then it closes."""

    def __init__(self, script: list[list[bytes]]) -> None:
        super().__init__(town_under(""), latency=False)
        self.timeout = 5.0
        self.requests: list[bytes] = []
        self.first_closed = threading.Event()
        self._script = script
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def dial(self, to: Endpoint, *, timeout: float = 10.0, until: socket.socket | None = None) -> Dialled:
        return connect(self._listening.getsockname()[:2], timeout=timeout, clock=self.clock, until=until)

    def _serve(self) -> None:
        for answers in self._script:
            connection, _ = self._listening.accept()
            with connection:
                connection.settimeout(10.0)
                for answer in answers:
                    data = b""
                    while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
                        data += more
                    self.requests.append(data)
                    connection.sendall(answer)
            self.first_closed.set()

    def close(self) -> None:
        self._thread.join()
        self._listening.close()
        super().close()


@contextmanager
def local(*script: list[bytes]) -> Iterator[tuple[Local, Visitor]]:
    with ExitStack() as stack:
        internet = stack.enter_context(Local(list(script)))
        yield internet, stack.enter_context(Visitor(internet))


URL = parse_url("http://127.0.0.1/")


def test_a_connection_that_died_meanwhile_is_replaced_and_the_request_sent_again() -> None:
    # The second request is read and left without an answer.
    with local([OK, b""], [OK]) as (internet, client):
        client.visit(URL)
        visit = client.visit(URL)
        assert visit.failure == ""
        assert visit.legs[0].retried
        assert visit.connections == 1
        assert len(internet.requests) == 3


def test_a_connection_that_was_closed_while_nobody_looked_is_not_used() -> None:
    with local([OK], [OK]) as (internet, client):
        client.visit(URL)
        internet.first_closed.wait()
        visit = client.visit(URL)
        assert visit.failure == ""
        assert visit.legs[0].retried
        assert not visit.legs[0].reused


def test_a_request_that_may_not_be_repeated_is_not() -> None:
    with local([OK, b""]) as (internet, client):
        client.visit(URL)
        visit = client.visit(URL, "POST", (), b"x")
        assert visit.failure == "http"
        assert not visit.legs[0].retried
        assert len(internet.requests) == 2


def test_a_new_connection_that_dies_is_a_failure_and_no_reason_to_try_for_ever() -> None:
    with local([b""]) as (_, client):
        visit = client.visit(URL)
        assert visit.failure == "http"
        assert visit.detail.endswith(".")


def test_connection_close_is_taken_at_its_word() -> None:
    closing = OK.replace(b"Content-Length", b"Connection: close\r\nContent-Length")
    with local([closing], [closing]) as (_, client):
        assert [client.visit(URL).connections for _ in range(2)] == [1, 1]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"220 mail.test ESMTP\r\n",
        b"\0" * 100,
    ],
)
def test_a_broken_response_is_evidence_and_its_connection_is_not_used_again(answer: bytes) -> None:
    with local([answer]) as (_, client):
        visit = client.visit(URL)
        assert visit.failure == "http"
        assert visit.detail.endswith(".")
        assert len(client.pool) == 0
        assert kinds(visit)[:2] == ["connect", "request"]
