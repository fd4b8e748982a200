from __future__ import annotations

import errno
import threading
from collections.abc import Iterator

import dns.message
import pytest

from labctl import dns_transport
from labctl.errors import CannotRun, UsageError
from labctl.sandbox import standalone
from labctl.sandbox.faults import town_under
from labctl.sandbox.standalone import RESOLVER, Standalone, moved_town, places_of, serve

CLOCK = lambda: 0.0  # noqa: E731


@pytest.fixture(scope="module")
def up() -> Iterator[Standalone]:
    before = set(threading.enumerate())
    try:
        running = serve(0, latency=False)
    except CannotRun as error:
        if error.code != "loopback-address-missing":
            raise
        pytest.skip("this machine has no addresses 127.53.0.x")
    with running:
        yield running
    running.close()
    assert set(threading.enumerate()) <= before


def ask(up: Standalone, address: str, name: str, type: str = "A") -> dns.message.Message:
    query = dns.message.make_query(name, type, use_edns=0, payload=1232)
    reply = dns_transport.udp((address, up.port), query.to_wire(), timeout=10, clock=CLOCK)
    assert reply.wire is not None, reply
    return dns.message.from_wire(reply.wire)


def test_every_name_server_stands_on_an_address_of_its_own() -> None:
    town = town_under("")
    places = places_of(town)
    assert len(set(places.values())) == len(town.servers)
    assert all(place.startswith("127.53.0.") for place in places.values())
    assert places["198.51.100.53"] == RESOLVER


def test_addresses_of_name_servers_move_in_the_zones_and_nothing_else_does() -> None:
    town = town_under("")
    moved = moved_town(town, places_of(town))
    text = "\n".join(line for zone in moved.zones for line in zone.records)
    assert "www.shop.test. 300 IN A 203.0.113.10" in text
    assert "ns1.shop.test. 86400 IN A 127.53.0." in text
    assert "2001:db8:61::1" not in text
    assert "2001:db8:10::10" in text
    assert "198.41.0.4" not in text


def test_referrals_lead_from_the_root_to_the_answer(up: Standalone) -> None:
    address = "127.53.0.1"
    for _ in range(4):
        reply = ask(up, address, "www.shop.test")
        if reply.answer:
            break
        address = str(reply.additional[0][0])
    assert str(reply.answer[0][0]) == "203.0.113.10"


def test_both_resolvers_resolve(up: Standalone) -> None:
    for server in up.servers:
        if server.role == "resolver":
            assert ask(up, server.address, "a.chain.test").answer


def test_it_tells_its_trust_anchor_in_both_forms(up: Standalone) -> None:
    assert up.trust_anchor.startswith(". DS ")
    assert up.bind_trust_anchors.startswith("trust-anchors { . static-ds ")
    assert up.trust_anchor.split()[-1] in up.bind_trust_anchors
    assert up.trust_anchor in up.unbound_config


def test_it_tells_how_to_ask_with_the_port_that_it_got(up: Standalone) -> None:
    assert all(f"-p {up.port}" in command for _, command in up.ways_to_ask)


def test_a_fault_holds_here_too() -> None:
    try:
        running = serve(0, "servers-recurse", latency=False)
    except CannotRun:
        pytest.skip("this machine has no addresses 127.53.0.x")
    with running:
        assert ask(running, "127.53.0.1", "www.shop.test").flags & dns.flags.RA


def test_a_taken_port_is_said_with_a_way_out(up: Standalone) -> None:
    with pytest.raises(CannotRun) as caught:
        serve(up.port)
    assert caught.value.code == "port-in-use"
    assert caught.value.fixes[0] == "labctl sandbox up --port 0"
    assert f"labctl port {up.port}" in caught.value.fixes[1]


def test_an_unknown_fault_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        serve(0, "no-such-fault")


@pytest.mark.parametrize(
    ("number", "code", "fix"),
    [
        (errno.EADDRNOTAVAIL, "loopback-address-missing", "ifconfig lo0 alias 127.53.0.$i up"),
        (errno.EACCES, "port-not-allowed", "--port 5300"),
    ],
)
def test_what_the_system_refuses_is_told_with_the_exact_fix(
    monkeypatch: pytest.MonkeyPatch, number: int, code: str, fix: str
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, "told by the system")

    monkeypatch.setattr(standalone.World, "service", lambda *_: None)
    monkeypatch.setattr("labctl.sandbox.dns_server.NameServers.open_udp", refuse)
    with pytest.raises(CannotRun) as caught:
        serve(5300)
    assert caught.value.code == code
    assert fix in caught.value.fixes[0]
