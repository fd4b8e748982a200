"""Names become addresses: in which order they are tried, who was asked, and for how long it is remembered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.fetch.names import Lookup, NameMemory, interleaved, look_up
from labctl.internet import Endpoint, HostFiles, Reply, Via
from labctl.sandbox.loopback import LoopbackInternet


class Counting(LoopbackInternet):
    """A sandbox that counts the questions of its client, and may swallow some."""

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self.asked: list[str] = []
        self.silent = False

    def ask(self, server: Endpoint, wire: bytes, *, via: Via = "udp", timeout: float = 2.0) -> Reply:
        self.asked.append(server.address)
        if self.silent and server in self.resolvers:
            return Reply(None, self.clock(), self.clock(), via, "timeout", "")
        return super().ask(server, wire, via=via, timeout=timeout)


def test_an_address_is_its_own_answer(standing: LoopbackInternet) -> None:
    for address in ("203.0.113.10", "2001:db8:10::10"):
        lookup = look_up(standing, address)
        assert (lookup.addresses, lookup.source, lookup.questions) == ((address,), "literal", 0)


def test_the_resolver_is_asked_for_both_families_and_ipv6_is_tried_first(standing: LoopbackInternet) -> None:
    lookup = look_up(standing, "www.shop.test")
    assert lookup.addresses == ("2001:db8:10::10", "203.0.113.10")
    assert (lookup.source, lookup.questions, lookup.failure) == ("resolver", 2, "")
    assert lookup.ttl_s is not None
    assert 0 < lookup.ttl_s <= 300
    assert lookup.started_at <= lookup.ended_at


def test_a_walk_asks_from_the_root_down_and_once_more_for_the_other_family(
    standing: LoopbackInternet,
) -> None:
    lookup = look_up(standing, "www.shop.test", walk=True)
    assert lookup.addresses == ("2001:db8:10::10", "203.0.113.10")
    assert (lookup.source, lookup.questions) == ("walk", 4)


def test_the_end_of_an_alias_is_told(standing: LoopbackInternet) -> None:
    lookup = look_up(standing, "alias.shop.test")
    assert lookup.cname == "www.example.org"
    assert lookup.addresses


def test_a_name_that_does_not_exist_is_evidence_and_is_remembered(standing: LoopbackInternet) -> None:
    memory = NameMemory()
    lookup = look_up(standing, "nope.shop.test", memory=memory)
    assert (lookup.addresses, lookup.failure) == ((), "nxdomain")
    assert lookup.detail.endswith(".")
    again = look_up(standing, "nope.shop.test", memory=memory)
    assert (again.source, again.failure, again.questions) == ("memory", "nxdomain", 0)


def test_a_name_without_an_address_is_told_apart_from_one_that_is_not_there(
    standing: LoopbackInternet,
) -> None:
    assert look_up(standing, "wild.shop.test").failure == "nodata"


def test_a_silent_resolver_is_a_failure_that_nobody_remembers() -> None:
    from labctl.sandbox.faults import town_under

    with Counting(town_under(""), latency=False) as internet:
        internet.silent = True
        memory = NameMemory()
        lookup = look_up(internet, "www.shop.test", memory=memory)
        assert (lookup.addresses, lookup.failure, lookup.source) == ((), "failed", "resolver")
        assert lookup.detail
        assert len(memory) == 0


def test_the_hosts_file_comes_first() -> None:
    from labctl.sandbox.faults import town_under

    town = town_under("")
    files = HostFiles(hosts="192.0.2.7 www.shop.test\n2001:db8::7 www.shop.test\n")
    with Counting(town._replace(host_files=files), latency=False) as internet:
        lookup = look_up(internet, "www.shop.test")
        assert (lookup.addresses, lookup.source) == (("2001:db8::7", "192.0.2.7"), "hosts")
        assert look_up(internet, "localhost").addresses == ("::1", "127.0.0.1")
        assert internet.asked == []


@pytest.mark.parametrize(
    "hosts", ["", "127.0.0.1 localhost\n", "::1 localhost\n", "127.0.0.1 localhost a.test\n"]
)
def test_localhost_is_both_loopbacks_whatever_the_hosts_file_says(hosts: str) -> None:
    from labctl.sandbox.faults import town_under

    files = HostFiles(hosts=hosts)
    with Counting(town_under("")._replace(host_files=files), latency=False) as internet:
        assert look_up(internet, "localhost").addresses == ("::1", "127.0.0.1")
        assert internet.asked == []


def test_without_a_resolver_there_is_one_clear_sentence() -> None:
    from labctl.sandbox.faults import town_under

    with LoopbackInternet(town_under("")._replace(resolver_address="192.0.2.200"), latency=False) as internet:
        lookup = look_up(internet, "www.shop.test")
        assert (lookup.failure, lookup.addresses) == ("no-resolver", ())
        assert lookup.detail.endswith(".")


def test_a_name_is_remembered_until_its_ttl_has_run_out() -> None:
    memory = NameMemory()
    memory.keep(Lookup("a.test", ("192.0.2.1",), 10.0, 10.5, 2, "resolver", 60))
    kept = memory.recall("a.test", 40.5)
    assert kept is not None
    assert (kept.source, kept.questions, kept.ttl_s, kept.addresses) == ("memory", 0, 30, ("192.0.2.1",))
    assert memory.recall("a.test", 70.5) is None
    assert len(memory) == 0


@pytest.mark.parametrize("ttl", [None, 0])
def test_what_has_no_ttl_is_not_remembered(ttl: int | None) -> None:
    memory = NameMemory()
    memory.keep(Lookup("a.test", ("192.0.2.1",), 0.0, 0.0, 2, "resolver", ttl))
    assert len(memory) == 0


def test_the_memory_is_bounded() -> None:
    memory = NameMemory()
    for number in range(3000):
        memory.keep(Lookup(f"h{number}.test", ("192.0.2.1",), 0.0, 0.0, 2, "resolver", 60))
    assert len(memory) == 1000
    assert memory.recall("h2999.test", 0.0) is not None


ADDRESSES = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
)


@given(st.lists(ADDRESSES, max_size=12))
def test_families_take_turns_and_nothing_is_lost(addresses: list[str]) -> None:
    tried = interleaved(addresses)
    assert sorted(tried) == sorted(set(addresses))
    six = [a for a in tried if ":" in a]
    assert six == list(dict.fromkeys(a for a in addresses if ":" in a))
    if six:
        assert tried[0] == six[0]
    pairs = min(len(six), len(tried) - len(six))
    assert all((":" in a) == (place % 2 == 0) for place, a in enumerate(tried[: 2 * pairs]))
