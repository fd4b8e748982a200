"""hosts, nsswitch.conf and resolv.conf as glibc reads them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.protocols.host_files import (
    HostsLine,
    local_stub,
    lookup,
    parse_hosts,
    parse_nsswitch,
    parse_resolv_conf,
    parse_scutil,
)

HOSTS = """\
# a comment
127.0.0.1\tlocalhost
203.0.113.99  intranet.shop.test intranet   # with an alias

::1 localhost ip6-localhost
fe80::1%lo0 link.test
not-an-address shop.test
203.0.113.7
"""


def test_a_name_is_found_with_its_line_number() -> None:
    assert lookup(HOSTS, "intranet.shop.test") == (
        HostsLine(3, "203.0.113.99", ("intranet.shop.test", "intranet")),
    )


@pytest.mark.parametrize("name", ["INTRANET", "intranet.", "Intranet.Shop.Test."])
def test_aliases_count_and_case_and_a_trailing_dot_do_not(name: str) -> None:
    assert [line.line for line in lookup(HOSTS, name)] == [3]


def test_a_name_may_stand_in_several_lines() -> None:
    assert [line.address for line in lookup(HOSTS, "localhost")] == ["127.0.0.1", "::1"]


def test_ipv6_zone_ids_are_kept_and_lines_without_address_or_name_ignored() -> None:
    assert [line.line for line in parse_hosts(HOSTS)] == [2, 3, 5, 6]
    assert lookup(HOSTS, "link.test")[0].address == "fe80::1%lo0"
    assert lookup(HOSTS, "shop.test") == ()


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    assert lookup("\ufeff127.0.0.1 a\r\n127.0.0.2 b\r\n", "b")[0].line == 2


@pytest.mark.parametrize(
    ("line", "first", "words"),
    [
        ("hosts: files dns", True, "the hosts file wins"),
        ("hosts: dns files", False, "DNS is asked before the hosts file"),
        ("hosts: dns", False, "never read"),
        ("hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns", True, "wins"),
        ("hosts:files mdns4_minimal [NOTFOUND=return] dns", True, "files, then mdns4_minimal, then dns"),
        ("hosts:", False, "nobody"),
    ],
)
def test_the_order_of_services_decides_about_the_hosts_file(line: str, first: bool, words: str) -> None:
    switch = parse_nsswitch(f"passwd: files\n{line} # as usual\n")
    assert switch.configured
    assert switch.files_first is first
    assert words in switch.text


def test_actions_belong_to_the_service_before_them() -> None:
    switch = parse_nsswitch("hosts: files mdns4_minimal [NOTFOUND=return TRYAGAIN=continue] dns")
    assert [service.actions for service in switch.services] == [
        (),
        ("NOTFOUND=return", "TRYAGAIN=continue"),
        (),
    ]
    assert "multicast" in switch.services[1].text


@pytest.mark.parametrize("service", ["resolve", "myhostname", "mdns_minimal", "something"])
def test_every_service_is_explained(service: str) -> None:
    assert parse_nsswitch(f"hosts: {service}").services[0].text


def test_without_a_hosts_line_files_come_first() -> None:
    switch = parse_nsswitch("passwd: files\n")
    assert not switch.configured
    assert switch.files_first


def test_only_the_first_three_resolvers_are_asked() -> None:
    conf = parse_resolv_conf("".join(f"nameserver 192.0.2.{n}\n" for n in range(1, 6)))
    assert conf.nameservers == ("192.0.2.1", "192.0.2.2", "192.0.2.3")
    assert conf.ignored == ("192.0.2.4", "192.0.2.5")
    assert "192.0.2.4, 192.0.2.5 too" in conf.text


def test_search_options_and_ndots_are_read_as_the_manual_says() -> None:
    conf = parse_resolv_conf(
        "; generated\n nameserver 192.0.2.9\nnameserver fe80::1%eth0\nnameserver nonsense\n"
        "domain old.test\nsearch a.test b.test\noptions ndots:5 edns0\noptions trust-ad\n"
    )
    assert conf.nameservers == ("fe80::1%eth0",)
    assert conf.search == ("a.test", "b.test")
    assert conf.options == ("ndots:5", "edns0", "trust-ad")
    assert conf.ndots == 5
    assert "fewer than 5 dots" in conf.text


def test_ndots_is_at_most_fifteen_and_nobody_configured_is_said() -> None:
    assert parse_resolv_conf("options ndots:99").ndots == 15
    assert parse_resolv_conf("options ndots:x").ndots == 1
    assert "no resolver" in parse_resolv_conf("").text


@pytest.mark.parametrize(
    ("first", "kind", "words"),
    [
        ("127.0.0.53", "systemd-resolved", "systemd-resolved"),
        ("127.0.0.54", "systemd-resolved", "proxy"),
        ("127.0.0.1", "local", "dnsmasq"),
        ("127.0.1.1", "local", "NetworkManager"),
        ("::1", "local", "::1"),
        ("192.0.2.1", "none", "192.0.2.1"),
    ],
)
def test_the_local_stub_is_told_by_its_address(first: str, kind: str, words: str) -> None:
    stub = local_stub(f"nameserver {first}\nnameserver 192.0.2.2\n")
    assert (stub.kind, stub.address if kind != "none" else first) == (kind, first)
    assert words in stub.text


def test_no_resolver_means_no_stub() -> None:
    assert local_stub("") == local_stub("# nothing")
    assert local_stub("").kind == "none"


SCUTIL = """\
DNS configuration

resolver #1
  search domain[0] : home.test
  nameserver[0] : 192.0.2.1
  nameserver[1] : fe80::1%en0
  if_index : 14 (en0)
  flags    : Request A records, Request AAAA records
  reach    : 0x00020002 (Reachable,Directly Reachable Address)

resolver #2
  domain   : local
  options  : mdns
  timeout  : 5

resolver #3
  domain   : corp.test
  nameserver[0] : 198.51.100.1

DNS configuration (for scoped queries)

resolver #1
  nameserver[0] : 203.0.113.1
"""


def test_scutil_names_the_default_resolvers_only() -> None:
    assert parse_scutil(SCUTIL) == ("192.0.2.1", "fe80::1%en0")


def test_a_vpns_entry_before_the_default_one_is_passed_over() -> None:
    vpn = "resolver #1\n  domain : corp.test\n  nameserver[0] : 198.51.100.1\n\n"
    assert parse_scutil(vpn + SCUTIL.partition("\n")[2]) == ("192.0.2.1", "fe80::1%en0")


def test_scutil_without_a_network_has_none() -> None:
    assert parse_scutil("No DNS configuration available\n") == ()


@settings(deadline=None)
@given(
    st.text(
        alphabet=st.sampled_from("hosts: \n\t#;[]=nameserver.1%fe80dnsfilesresolver #1optionsdomain"),
        max_size=200,
    )
)
def test_nothing_raises_whatever_the_files_hold(text: str) -> None:
    parse_hosts(text)
    assert parse_nsswitch(text).text
    assert parse_resolv_conf(text).text
    assert local_stub(text).text
    parse_scutil(text)
