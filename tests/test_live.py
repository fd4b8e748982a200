"""The real internet, tried on loopback and with made-up answers: no packet leaves this machine."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from labctl.errors import CannotRun
from labctl.internet import Endpoint, HostFiles, Internet, Reply, Via
from labctl.live import LiveInternet, in_the_roots_place, reaches_internet, require_internet, this_machine
from labctl.sandbox.dns_tls import start_tls

RESOLVER, ROOT = Endpoint("192.0.2.1"), Endpoint("198.41.0.4")
QUERY = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01"


def answer(wire: bytes) -> bytes:
    return wire[:2] + b"\x81\x80" + wire[4:]


@pytest.fixture
def server() -> Iterator[tuple[str, int]]:
    """Answers every datagram until it is told to end."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def run() -> None:
            while (received := sock.recvfrom(4096))[0] != b"end":
                sock.sendto(answer(received[0]), received[1])

        thread = threading.Thread(target=run)
        thread.start()
        yield sock.getsockname()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ender:
            ender.sendto(b"end", sock.getsockname())
        thread.join()


def test_the_live_internet_is_an_internet_with_the_real_root() -> None:
    with LiveInternet() as internet:
        assert isinstance(internet, Internet)
        assert internet.kind == "live"
        assert len(internet.root_servers) == 13
        b = internet.root_servers[1]
        assert b.name == "b.root-servers.net."
        assert b.addresses == ("170.247.170.2", "2801:1b8:10::b")
        assert [anchor.split()[2] for anchor in internet.trust_anchors] == ["20326", "38696"]


def test_asking_takes_the_endpoint_as_it_is(server: tuple[str, int]) -> None:
    internet = LiveInternet()
    reply = internet.ask(Endpoint(*server), QUERY, timeout=5)
    assert reply.wire == answer(QUERY)
    assert internet.ask(Endpoint("127.0.0.1", 1), QUERY, via="tcp").failure == "refused"
    assert internet.asked == 2


@pytest.mark.parametrize("via", ["tls", "https"])
def test_asking_over_tls_needs_the_name_in_the_certificate(via: Via) -> None:
    with start_tls(answer) as running:
        internet = LiveInternet(context=running.client_context())
        host, port = running.tls_address if via == "tls" else running.https_address
        good = internet.ask(Endpoint(host, port, "resolver.example.net"), QUERY, via=via, timeout=5)
        bad = internet.ask(Endpoint(host, port), QUERY, via=via, timeout=5)
    assert good.wire == answer(QUERY)
    assert bad.failure == "tls"
    assert "127.0.0.1" in bad.detail


def test_the_query_budget_stops_the_run_before_one_question_too_many(server: tuple[str, int]) -> None:
    internet = LiveInternet(budget=1)
    internet.ask(Endpoint(*server), QUERY, timeout=5)
    with pytest.raises(CannotRun) as raised:
        internet.ask(Endpoint(*server), QUERY, timeout=5)
    assert raised.value.code == "query-budget"
    assert "1 questions" in raised.value.headline


def test_the_clock_begins_at_zero_and_the_date_is_todays() -> None:
    now = iter([100.0, 103.5])
    internet = LiveInternet(now=lambda: next(now), today=lambda: 1_800_000_000.0)
    assert internet.clock() == 3.5
    assert internet.date() == 1_800_000_000.0


def test_passing_time_really_waits_but_not_for_ever() -> None:
    slept: list[float] = []
    internet = LiveInternet(sleep=slept.append)
    assert internet.pass_time(2) == "Waited 2 s on the real clock."
    assert "not the whole 300 s" in internet.pass_time(300)
    internet.pass_time(-1)
    assert slept == [2, 60, 0]


def test_resolvers_come_from_resolv_conf_and_the_sentence_says_so() -> None:
    internet = LiveInternet(host_files=HostFiles(resolv_conf="nameserver 192.0.2.1\nnameserver ::1\n"))
    assert internet.resolvers == (Endpoint("192.0.2.1"), Endpoint("::1"))
    assert internet.resolvers_text == "resolv.conf names 192.0.2.1, ::1."


def test_on_windows_resolvers_are_said_to_be_unread() -> None:
    internet = LiveInternet(host_files=HostFiles(platform="win32"))
    assert internet.resolvers == ()
    assert "not read" in internet.resolvers_text


def test_on_macos_scutil_counts_before_resolv_conf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(this_machine, "_scutil", lambda: "resolver #1\n  nameserver[0] : 192.0.2.9\n")
    files = HostFiles(resolv_conf="nameserver 192.0.2.1", platform="darwin")
    assert this_machine.configured_resolvers(files) == (
        (Endpoint("192.0.2.9"),),
        "scutil --dns names 192.0.2.9.",
    )
    monkeypatch.setattr(this_machine, "_scutil", lambda: "")
    assert this_machine.configured_resolvers(files)[0] == (Endpoint("192.0.2.1"),)


def test_host_files_that_are_not_there_are_empty_and_bad_bytes_are_kept(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "hosts").write_bytes(b"127.0.0.1 caf\xe9\n")
    files = this_machine.read_host_files(tmp_path)
    assert files.hosts == "127.0.0.1 caf\ufffd\n"
    assert (files.nsswitch, files.resolv_conf) == ("", "")


# The probe


def message(wire: bytes, flags: int, rcode: int = 0, answers: int = 0, authority: int = 0) -> bytes:
    return wire[:2] + struct.pack("!5H", flags | rcode, 1, answers, authority, 0) + wire[12:]


REFERRAL = {"flags": 0x8000, "authority": 13}
ANSWER = {"flags": 0x8180, "answers": 1}
NO = {"flags": 0x8180, "rcode": 3}


class Net:
    """Says what each address would: a message, or a failure."""

    def __init__(self, **said: dict[str, int] | str) -> None:
        self.said = {RESOLVER.address: said["resolver"], ROOT.address: said["root"]}
        self.asked: list[tuple[str, bool]] = []

    def __call__(self, server: Endpoint, wire: bytes, *, via: Via = "udp", timeout: float = 2.0) -> Reply:
        self.asked.append((server.address, bool(wire[2] & 1)))
        said = self.said[server.address]
        if isinstance(said, str):
            failure, _, detail = said.partition("|")
            return Reply(None, 0, 0, via, failure, detail)  # type: ignore[arg-type]
        return Reply(message(wire, **said), 0, 0.01, via)


def probe(net: Net):  # type: ignore[no-untyped-def]
    return reaches_internet(ask=net, resolvers=[RESOLVER], root=ROOT)


def test_a_root_server_that_refers_is_the_internet() -> None:
    net = Net(resolver=ANSWER, root=REFERRAL)
    reach = probe(net)
    assert reach.yes
    assert net.asked == [(RESOLVER.address, True), (ROOT.address, False)]


def test_a_silent_resolver_does_not_matter_when_the_root_answers() -> None:
    assert probe(Net(resolver="timeout", root=REFERRAL)).yes


@pytest.mark.parametrize(
    ("net", "state", "words"),
    [
        (Net(resolver=ANSWER, root="timeout"), "resolver-only", "no root server answers"),
        (Net(resolver=ANSWER, root=ANSWER), "intercepted", "answers in the root's place"),
        (
            Net(resolver="timeout", root={"flags": 0x8400, "answers": 1}),
            "intercepted",
            "claims authority (AA)",
        ),
        (Net(resolver=NO, root=NO), "no", "offers recursion (RA)"),
        (Net(resolver="timeout", root={"flags": 0x8000, "rcode": 5}), "no", "REFUSED without a referral"),
        (
            Net(resolver="unreachable|ENETUNREACH: Network is unreachable", root="unreachable|ENETUNREACH"),
            "no",
            "ENETUNREACH: Network is unreachable",
        ),
    ],
)
def test_every_other_network_gets_its_own_sentence(net: Net, state: str, words: str) -> None:
    reach = probe(net)
    assert (reach.state, reach.yes) == (state, False)
    assert words in reach.text


def test_no_configured_resolver_is_said_and_one_question_is_enough() -> None:
    net = Net(resolver=NO, root=REFERRAL)
    reach = reaches_internet(ask=net, resolvers=[], root=ROOT)
    assert reach.yes
    assert net.asked == [(ROOT.address, False)]
    assert reach.tried[0] == ("resolver", "none is configured")


def test_without_a_route_to_ipv4_the_same_root_server_is_asked_over_ipv6() -> None:
    asked = []

    def ask(server: Endpoint, wire: bytes, *, via: Via = "udp", timeout: float = 2.0) -> Reply:
        asked.append(server.address)
        if ":" in server.address:
            return Reply(message(wire, **REFERRAL), 0, 0.01, via)
        return Reply(None, 0, 0, via, "unreachable", "ENETUNREACH: Network is unreachable")

    assert reaches_internet(LiveInternet(), ask=ask, resolvers=[], pick=lambda count: 0).yes
    assert asked == ["198.41.0.4", "2001:503:ba3e::2:30"]


def test_a_probe_that_hears_garbage_says_so() -> None:
    reach = reaches_internet(
        ask=lambda server, wire, via="udp", timeout=2.0: Reply(b"\x12", 0, 0, "udp"),
        resolvers=[RESOLVER],
        root=ROOT,
    )
    assert reach.state == "no"
    assert "1 bytes that are no DNS message" in reach.text


def test_live_without_a_network_cannot_run_and_shows_what_was_tried() -> None:
    reach = probe(Net(resolver="timeout", root="unreachable|ENETUNREACH: Network is unreachable"))
    with pytest.raises(CannotRun) as raised:
        require_internet(reach, "google.com is on the real internet", ["labctl dns www.shop.test"])
    error = raised.value
    assert (error.code, error.exit_code) == ("no-network", 3)
    assert ("root server 198.41.0.4", "unreachable (ENETUNREACH: Network is unreachable)") in error.evidence
    assert error.headline == "google.com is on the real internet, and this machine does not reach it"
    assert error.fixes == ("labctl dns www.shop.test",)


def test_live_on_a_network_that_resolves_runs_even_when_the_root_is_intercepted() -> None:
    require_internet(probe(Net(resolver=ANSWER, root=ANSWER)), "it was asked for")


@pytest.mark.parametrize(
    ("name", "ra", "aa", "answers", "taken"),
    [
        ("www.example.com.", False, False, 0, False),
        ("www.example.com.", True, False, 0, True),
        ("www.example.com.", False, True, 1, True),
        ("nonsense.", False, True, 0, False),
        (".", False, True, 13, False),
        ("a.root-servers.net", False, True, 1, False),
        ("notroot-servers.net", False, True, 1, True),
    ],
)
def test_what_a_root_server_would_never_say(name: str, ra: bool, aa: bool, answers: int, taken: bool) -> None:
    assert bool(in_the_roots_place(ra=ra, aa=aa, answers=answers, name=name, address="198.41.0.4")) is taken
