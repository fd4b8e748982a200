from __future__ import annotations

import ipaddress

import dns.name
import dns.rdatatype
import dns.zone
import pytest

from labctl.sandbox.faults import FAULTS, town_under
from labctl.sandbox.town import LATENCY_MS, Town, healthy_town

TOWN = healthy_town()


@pytest.mark.parametrize("zone", TOWN.zones, ids=[zone.origin for zone in TOWN.zones])
def test_every_zone_file_loads_in_a_strict_parser(zone) -> None:  # type: ignore[no-untyped-def]
    dns.zone.from_text("\n".join(zone.records), origin=zone.origin, relativize=False).check_origin()


@pytest.mark.parametrize("fault", FAULTS)
def test_under_every_fault_the_zone_files_still_load(fault: str) -> None:
    for zone in town_under(fault).zones:
        dns.zone.from_text("\n".join(zone.records), origin=zone.origin, relativize=False)


def test_every_zone_is_delegated_by_the_zone_above_it() -> None:
    origins = {zone.origin for zone in TOWN.zones}
    for zone in TOWN.zones:
        if zone.origin == ".":
            continue
        above = dns.name.from_text(zone.origin)
        while True:
            above = above.parent()
            if above.to_text() in origins:
                break
        parent = TOWN.zone(above.to_text())
        assert any(line.startswith(f"{zone.origin} ") and " IN NS " in line for line in parent.records)


def test_every_server_of_a_zone_is_a_server_of_the_town() -> None:
    for zone in TOWN.zones:
        for address in zone.servers:
            server = TOWN.server(address)
            assert server is not None
            assert server.behaviour in ("authoritative", "forged")


def test_no_two_servers_share_an_address() -> None:
    addresses = [address for server in TOWN.servers for address in server.addresses]
    assert len(addresses) == len(set(addresses))


def test_the_thirteen_roots_have_an_ipv6_address_each() -> None:
    roots = [server for server in TOWN.servers if server.role == "root"]
    assert [server.name[0] for server in roots] == list("abcdefghijklm")
    assert all(ipaddress.ip_address(server.addresses[1]).version == 6 for server in roots)
    assert roots[1].addresses == ("170.247.170.2", "2801:1b8:10::b")


def test_addresses_of_the_towns_own_are_from_the_documentation_ranges() -> None:
    ranges = [ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    cdn = {"104.21.48.200", "172.67.181.3"}
    for zone in TOWN.zones:
        if zone.origin.count(".") < 2 or zone.origin.endswith(("arpa.", "servers.net.")):
            continue
        for line in zone.records:
            _, _, _, kind, data = line.split(None, 4)
            if kind == "A" and data not in cdn:
                assert any(ipaddress.ip_address(data) in network for network in ranges), line


def test_a_no_from_a_leaf_may_be_remembered_one_to_fifteen_minutes() -> None:
    for zone in TOWN.zones:
        soa = zone.records[0].split()
        if zone.origin != ".":
            assert 60 <= min(int(soa[1]), int(soa[-1])) <= 900, zone.origin


def test_who_is_nearer_answers_sooner() -> None:
    assert LATENCY_MS["resolver"] < LATENCY_MS["root"] < LATENCY_MS["leaf"] < LATENCY_MS["tld"]


def test_a_change_of_records_leaves_the_first_town_alone() -> None:
    changed = TOWN.with_records("shop.test.", lambda line: None if " IN MX " in line else line)
    assert isinstance(changed, Town)
    assert any(" IN MX " in line for line in TOWN.zone("shop.test.").records)
    assert not any(" IN MX " in line for line in changed.zone("shop.test.").records)


def test_the_mismatched_zone_really_differs_from_what_its_parent_says() -> None:
    def names(zone: str) -> set[str]:
        return {r for r in TOWN.zone(zone).records if r.startswith("mismatch.test. ") and " IN NS " in r}

    above, below = names("test."), names("mismatch.test.")
    assert above
    assert below
    assert not above & below
