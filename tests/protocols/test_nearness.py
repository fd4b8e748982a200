"""Where a host lives, by how it is written."""

from __future__ import annotations

import pytest

from labctl.protocols.nearness import is_near, is_this_machine, place_of


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "shop.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"],
)
def test_loopback_and_localhost_are_this_machine_and_near(host: str) -> None:
    assert is_this_machine(host)
    assert is_near(host)


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "::",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "fd00::1",
        "fe80::1%eth0",
        "printer.local",
    ],
)
def test_private_and_link_local_addresses_are_near_and_not_this_machine(host: str) -> None:
    assert is_near(host)
    assert not is_this_machine(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.com",
        "localhost.example",
        "8.8.8.8",
        "::ffff:8.8.8.8",
        "172.32.0.1",
        "100.64.0.1",
        "192.0.2.1",
        "203.0.113.10",
        "2001:db8::1",
    ],
)
def test_what_needs_an_internet_is_not_near_and_the_towns_addresses_are_not_either(host: str) -> None:
    assert not is_near(host)


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ("www.shop.test", "sandbox"),
        ("203.0.113.10", "sandbox"),
        ("resolver.example.net", "sandbox"),
        ("www.example.com", "both"),
        ("python.org", "live"),
        ("localhost", "local"),
        ("192.168.1.1", "local"),
    ],
)
def test_a_host_is_in_the_town_on_the_internet_in_both_or_near(host: str, where: str) -> None:
    assert place_of(host) == where
