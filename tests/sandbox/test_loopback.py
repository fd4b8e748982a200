from __future__ import annotations

import subprocess
import sys
import threading

import dns.exception
import dns.message
import pytest

from labctl.internet import Endpoint, NameServer
from labctl.protocols.dns_walk import Walk
from labctl.sandbox import open_sandbox
from labctl.sandbox.loopback import LoopbackInternet

SHOP = "203.0.113.61"
QUERY = dns.message.make_query("www.shop.test", "A").to_wire()


def test_opening_a_sandbox_opens_nothing_and_imports_no_dnspython() -> None:
    code = (
        "import sys, threading\n"
        "from labctl.sandbox import open_sandbox\n"
        "with open_sandbox(fault='no-glue') as net:\n"
        "    net.root_servers, net.resolvers, net.host_files, net.clock()\n"
        "    print(threading.active_count(), *{m.split('.')[0] for m in sys.modules})"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, *modules = told.stdout.split()
    assert count == "1"
    assert not {"dns", "ssl", "cryptography", "httpx", "asyncio"} & set(modules)


def test_the_hints_are_the_real_root_servers(opened) -> None:  # type: ignore[no-untyped-def]
    hints = opened().root_servers
    assert len(hints) == 13
    assert hints[0] == NameServer("a.root-servers.net.", ("198.41.0.4", "2001:503:ba3e::2:30"))


def test_a_walk_from_the_root_finds_the_shop(opened) -> None:  # type: ignore[no-untyped-def]
    internet = opened()
    walk = Walk("www.shop.test.", "A", internet.root_servers, clock=internet.clock)
    asked = []
    while question := walk.next_question():
        asked.append(question.server.address)
        reply = internet.ask(Endpoint(question.server.address), question.wire, via=question.via)
        walk.hear(reply.wire, failure=reply.failure)
    assert walk.result.status == "answer"
    assert [record.text for record in walk.result.records] == ["203.0.113.10"]
    assert asked == ["198.41.0.4", "192.0.2.1", SHOP]


def test_the_ipv6_address_of_a_server_reaches_the_same_server(opened) -> None:  # type: ignore[no-untyped-def]
    internet = opened()
    four, six = (internet.ask(Endpoint(address), QUERY).wire for address in (SHOP, "2001:db8:61::1"))
    assert four == six is not None


@pytest.mark.parametrize("via", ["udp", "tcp"])
def test_reply_and_times_are_on_the_towns_clock(opened, via: str) -> None:  # type: ignore[no-untyped-def]
    internet = opened()
    internet.pass_time(5000)
    before = internet.clock()
    reply = internet.ask(Endpoint(SHOP), QUERY, via=via)
    assert before <= reply.sent_at <= reply.received_at <= internet.clock()
    assert (reply.via, reply.failure) == (via, "")


def test_an_address_outside_of_the_town_is_unreachable_and_said_so(opened) -> None:  # type: ignore[no-untyped-def]
    reply = opened().ask(Endpoint("8.8.8.8"), QUERY)
    assert (reply.wire, reply.failure) == (None, "unreachable")
    assert "8.8.8.8" in reply.detail


def test_another_port_is_refused(opened) -> None:  # type: ignore[no-untyped-def]
    assert opened().ask(Endpoint(SHOP, 5353), QUERY).failure == "refused"


@pytest.mark.parametrize("via", ["udp", "tcp"])
def test_a_dead_server_is_a_real_timeout(opened, via: str) -> None:  # type: ignore[no-untyped-def]
    reply = opened().ask(Endpoint("203.0.113.69"), QUERY, via=via, timeout=0.05)
    assert (reply.wire, reply.failure) == (None, "timeout")


def test_a_server_that_sends_garbage_is_heard_as_it_is(opened) -> None:  # type: ignore[no-untyped-def]
    reply = opened().ask(Endpoint("203.0.113.90"), QUERY)
    assert reply.wire is not None
    assert b"garbage" in reply.wire
    with pytest.raises(dns.exception.DNSException):
        dns.message.from_wire(reply.wire)


def test_a_forged_answer_is_a_stray_and_the_right_one_is_taken(opened) -> None:  # type: ignore[no-untyped-def]
    query = dns.message.make_query("www.forged.test", "A")
    reply = opened().ask(Endpoint("203.0.113.91"), query.to_wire())
    assert str(dns.message.from_wire(reply.wire).answer[0][0]) == "203.0.113.86"
    (stray,) = reply.strays
    assert "id" in stray.why
    assert str(dns.message.from_wire(stray.wire).answer[0][0]) == "203.0.113.66"


def test_passing_time_moves_clock_and_date_and_says_that_nobody_waited(opened) -> None:  # type: ignore[no-untyped-def]
    internet = opened()
    clock, date = internet.clock(), internet.date()
    assert "moved on by 3600 s" in internet.pass_time(3600)
    assert internet.clock() - clock >= 3600
    assert internet.date() - date >= 3600


def test_signatures_stay_in_their_time_however_much_passes(opened) -> None:  # type: ignore[no-untyped-def]
    internet = opened()
    query = dns.message.make_query("www.shop.test", "A", want_dnssec=True).to_wire()
    for _ in range(3):
        signature = dns.message.from_wire(internet.ask(Endpoint(SHOP), query).wire).answer[1][0]
        assert signature.inception < internet.date() < signature.expiration
        internet.pass_time(40 * 86_400)


def test_the_trust_anchor_is_the_same_in_every_town(opened) -> None:  # type: ignore[no-untyped-def]
    (anchor,) = opened().trust_anchors
    assert anchor.startswith(". DS ")
    assert opened("wrong-ds").trust_anchors == (anchor,)


def test_after_closing_nothing_is_reached_and_nothing_breaks() -> None:
    internet = open_sandbox(latency=False)
    assert internet.ask(Endpoint(SHOP), QUERY).wire
    internet.close()
    internet.close()
    assert internet.ask(Endpoint(SHOP), QUERY).failure == "unreachable"


def test_sandboxes_side_by_side_do_not_disturb_each_other(opened) -> None:  # type: ignore[no-untyped-def]
    towns = [opened("stale-secondary"), opened(), opened("cname-at-apex")]
    wires = [town.ask(Endpoint("203.0.113.62"), QUERY).wire for town in towns]
    assert wires[0] != wires[1] == wires[2]


def test_many_askers_at_once_all_get_their_answer(opened) -> None:  # type: ignore[no-untyped-def]
    internet: LoopbackInternet = opened()
    names = ["www.shop.test", "nope.shop.test", "alias.shop.test", "big.shop.test", "a.chain.test"] * 4
    answers: list[bytes | None] = []

    def ask(name: str, id: int) -> None:
        query = dns.message.make_query(name, "A", id=id, want_dnssec=True)
        answers.append(internet.ask(internet.resolvers[0], query.to_wire(), timeout=30).wire)

    threads = [threading.Thread(target=ask, args=(name, n)) for n, name in enumerate(names)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(names)
    assert all(answers)


def test_with_latency_the_same_answers_come(opened) -> None:  # type: ignore[no-untyped-def]
    reply = opened(latency=True).ask(Endpoint(SHOP), QUERY)
    assert reply.wire == opened().ask(Endpoint(SHOP), QUERY).wire
