"""What was typed: names, addresses, servers, and the things that look like them."""

from __future__ import annotations

import pytest

from labctl.errors import UsageError
from labctl.protocols.dns_target import ServerAddress, place, server_address, target


def test_a_name_is_absolute_and_keeps_its_own_spelling_for_people() -> None:
    found = target("www.shop.test")
    assert (found.name, found.type, found.address) == ("www.shop.test.", "", "")


def test_an_idn_is_kept_both_ways() -> None:
    found = target("bücher.example")
    assert found.name == "xn--bcher-kva.example."
    assert "bücher" in found.display


@pytest.mark.parametrize(
    ("typed", "address", "name"),
    [
        ("203.0.113.10", "203.0.113.10", "10.113.0.203.in-addr.arpa."),
        (" [2001:db8::1] ", "2001:db8::1", "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa."),
        ("fe80::1%eth0", "fe80::1", "1" + ".0" * 28 + ".8.e.f.ip6.arpa."),
    ],
)
def test_an_address_means_its_reverse_name(typed: str, address: str, name: str) -> None:
    found = target(typed)
    assert (found.address, found.name, found.type) == (address, name, "PTR")


@pytest.mark.parametrize(
    ("typed", "code", "fix"),
    [
        ("https://www.shop.test/cart?x=1", "name-is-url", "labctl dns www.shop.test"),
        ("http://user:pw@shop.test:8080", "name-is-url", "labctl dns shop.test"),
        ("shop.test/cart", "name-is-url", "labctl dns shop.test"),
        ("https://[2001:db8::1]/", "name-is-url", "labctl dns 2001:db8::1"),
        ("shop.test:443", "name-has-port", "labctl dns shop.test"),
        ("203.0.113.1:53", "name-has-port", "labctl dns 203.0.113.1"),
        ("[::1]:53", "name-has-port", "labctl dns ::1"),
        ("203.0.113.0/24", "name-is-network", "labctl dns 203.0.113.0"),
        ("@192.0.2.53", "name-is-server", "labctl dns example.com --server 192.0.2.53"),
        ("shop.test@192.0.2.53", "name-is-server", "labctl dns shop.test --server 192.0.2.53"),
        ("someone@shop.test", "name-is-mail", "labctl dns shop.test --type MX"),
    ],
)
def test_what_was_probably_meant_is_a_command_to_paste(typed: str, code: str, fix: str) -> None:
    with pytest.raises(UsageError) as raised:
        target(typed)
    assert raised.value.code == code
    assert raised.value.fixes == (fix,)


@pytest.mark.parametrize("typed", ["https://", "https://[::1", "file:///etc/passwd", "https://$(reboot)/"])
def test_a_url_without_a_safe_host_gets_no_command(typed: str) -> None:
    with pytest.raises(UsageError) as raised:
        target(typed)
    assert raised.value.code == "name-is-url"
    assert raised.value.fixes == ()


@pytest.mark.parametrize(
    ("typed", "via", "expected"),
    [
        ("1.1.1.1", "udp", ServerAddress("1.1.1.1", 53)),
        ("@1.1.1.1", "udp", ServerAddress("1.1.1.1", 53)),
        ("1.1.1.1:5353", "tcp", ServerAddress("1.1.1.1", 5353)),
        ("::1", "udp", ServerAddress("::1", 53)),
        ("[::1]:5353", "udp", ServerAddress("::1", 5353)),
        ("[::1]", "tls", ServerAddress("::1", 853)),
        ("fe80::1%eth0", "udp", ServerAddress("fe80::1%eth0", 53)),
        ("dns.quad9.net", "https", ServerAddress("", 443, "dns.quad9.net")),
        ("dns.quad9.net:8443", "https", ServerAddress("", 8443, "dns.quad9.net")),
        ("9.9.9.9#dns.quad9.net", "tls", ServerAddress("9.9.9.9", 853, "dns.quad9.net")),
        ("[2620:fe::fe]:853#dns.quad9.net", "tls", ServerAddress("2620:fe::fe", 853, "dns.quad9.net")),
        ("https://dns.quad9.net/dns-query", "https", ServerAddress("", 443, "dns.quad9.net")),
        ("https://9.9.9.9:8443", "https", ServerAddress("9.9.9.9", 8443)),
    ],
)
def test_servers_are_read_as_people_write_them(typed: str, via: str, expected: ServerAddress) -> None:
    assert server_address(typed, via=via) == expected


def test_a_server_by_name_is_its_host_until_it_is_looked_up() -> None:
    assert server_address("dns.quad9.net").host == "dns.quad9.net"
    assert server_address("9.9.9.9#dns.quad9.net").host == "9.9.9.9"


@pytest.mark.parametrize(
    "typed", ["1.1.1.1:0", "1.1.1.1:65536", "1.1.1.1:dns", "1.1.1.1:", "[::1]:99999999999", "h.test:٣"]
)
def test_a_port_out_of_range_is_a_usage_error(typed: str) -> None:
    with pytest.raises(UsageError) as raised:
        server_address(typed)
    assert raised.value.code == "server-port"


@pytest.mark.parametrize(
    "typed", ["", "@", "[]", "[1.1.1.1]", "[shop.test]", "1.2.3", "::zz", "300.1.1.1", "a.test#b.test"]
)
def test_what_is_no_server_is_said_with_examples(typed: str) -> None:
    with pytest.raises(UsageError) as raised:
        server_address(typed)
    assert raised.value.code == "server-address"
    assert "[::1]:5353" in raised.value.evidence[0][1]


@pytest.mark.parametrize(
    ("typed", "via"),
    [
        ("https://dns.quad9.net/dns-query", "udp"),
        ("http://dns.quad9.net/", "https"),
        ("https://x.test/other", "https"),
    ],
)
def test_a_url_as_a_server_is_for_https_only(typed: str, via: str) -> None:
    with pytest.raises(UsageError) as raised:
        server_address(typed, via=via)
    assert raised.value.code == "server-address"
    assert "--via https" in raised.value.fixes[0]


@pytest.mark.parametrize("typed", ["@$(reboot)", "`id`:80", "a@b.test;reboot", "@[::1]:53"])
def test_no_fix_holds_what_a_shell_would_act_on(typed: str) -> None:
    with pytest.raises(UsageError) as raised:
        target(typed)
    assert raised.value.fixes == ()


TOWN = {"shop.test.", "resolver.example.net.", "town.example."}


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("shop.test", "sandbox"),
        ("WWW.Shop.Test.", "sandbox"),
        ("unheard-of.test", "sandbox"),
        ("test", "sandbox"),
        ("resolver.example.net", "sandbox"),
        ("www.town.example", "sandbox"),
        ("203.0.113.10", "sandbox"),
        ("2001:db8::7", "sandbox"),
        ("10.113.0.203.in-addr.arpa.", "sandbox"),
        ("example.com", "both"),
        ("www.example.org.", "both"),
        ("Example.NET", "both"),
        ("nothere.example.com", "both"),
        (".", "both"),
        ("com", "both"),
        ("org.", "both"),
        ("a.root-servers.net", "both"),
        ("198.41.0.4", "both"),
        ("2801:1b8:10::b", "both"),
        ("192.5.6.30", "both"),
        ("www.iana.org", "live"),
        ("test.com", "live"),
        ("latest", "live"),
        ("wwwexample.com", "live"),
        ("de", "live"),
        ("8.8.8.8", "live"),
        ("8.8.8.8.in-addr.arpa", "live"),
        ("999.1.1.1.in-addr.arpa", "live"),
    ],
)
def test_the_target_decides_where_a_lab_runs(name: str, where: str) -> None:
    assert place(name, TOWN) == where


def test_a_town_that_lists_its_shared_zones_does_not_take_them_for_itself() -> None:
    town = {".", "com.", "example.com.", "shop.test."}
    assert place("example.com", town) == "both"
    assert place("www.iana.org", town) == "live"
    assert place("google.com", town) == "live"
