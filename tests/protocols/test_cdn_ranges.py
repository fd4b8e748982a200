"""Whose address: the published ranges exactly, and no neighbour's."""

from __future__ import annotations

import ipaddress

import pytest

from labctl.protocols.cdn_ranges import published_ranges, whose


def test_cloudflare_publishes_fifteen_ipv4_and_seven_ipv6_ranges() -> None:
    ranges = published_ranges("Cloudflare")
    assert [network.version for network in ranges].count(4) == 15
    assert [network.version for network in ranges].count(6) == 7


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("104.21.48.200", "104.16.0.0/13"),
        ("172.67.181.3", "172.64.0.0/13"),
        ("104.27.255.255", "104.24.0.0/14"),
        ("198.41.128.1", "198.41.128.0/17"),
        ("2606:4700::6810:1", "2606:4700::/32"),
    ],
)
def test_an_address_inside_a_published_range_is_cloudflares(address: str, match: str) -> None:
    owner = whose(address)
    assert owner is not None
    assert (owner.kind, owner.name, owner.match) == ("cdn", "Cloudflare", match)
    assert owner.source == "https://www.cloudflare.com/ips/"
    assert match in owner.text
    assert "hidden is not protected" in owner.text


@pytest.mark.parametrize("address", ["104.28.0.1", "198.41.0.4", "172.72.0.1", "104.15.255.255", "8.8.8.8"])
def test_neighbours_of_the_ranges_are_nobodys(address: str) -> None:
    assert whose(address) is None


@pytest.mark.parametrize("address", ["151.101.1.140", "199.232.0.1", "2a04:4e42::81"])
def test_fastlys_addresses_are_fastlys(address: str) -> None:
    owner = whose(address)
    assert owner is not None
    assert owner.name == "Fastly"


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("d111111abcdef8.cloudfront.net.", "Amazon CloudFront"),
        ("www.example.com.EDGEKEY.net.", "Akamai"),
        ("shop.azureedge.net", "Azure CDN"),
        ("shop.azurefd.net", "Azure Front Door"),
        ("shop.b-cdn.net", "Bunny"),
        ("cname.vercel-dns.com", "Vercel"),
        ("shop-1.kxcdn.com", "KeyCDN"),
        ("ghs.googlehosted.com", "Google"),
        ("www.shop.test.cdn.cloudflare.net", "Cloudflare"),
        ("shop.map.fastly.net", "Fastly"),
    ],
)
def test_the_alias_chain_tells_when_no_range_does(alias: str, name: str) -> None:
    owner = whose("203.0.113.1", ["www.shop.test.", alias])
    assert owner is not None
    assert (owner.kind, owner.name) == ("cdn", name)
    assert owner.source.startswith("https://")
    assert alias.rstrip(".") in owner.text


def test_a_suffix_is_whole_labels() -> None:
    assert whose("8.8.8.8", ["notcloudfront.net.", "cloudfront.net.example."]) is None


def test_the_range_counts_before_the_alias() -> None:
    owner = whose("151.101.1.140", ["x.cloudfront.net"])
    assert owner is not None
    assert owner.name == "Fastly"


@pytest.mark.parametrize(
    ("address", "match", "rfc"),
    [
        ("10.1.2.3", "10.0.0.0/8", "RFC 1918"),
        ("100.64.0.1", "100.64.0.0/10", "RFC 6598"),
        ("127.0.0.1", "127.0.0.0/8", "RFC 1122"),
        ("203.0.113.10", "203.0.113.0/24", "RFC 5737"),
        ("255.255.255.255", "255.255.255.255/32", "RFC 919"),
        ("2001:db8::1", "2001:db8::/32", "RFC 3849"),
        ("fd00::1", "fc00::/7", "RFC 4193"),
        ("fe80::1%eth0", "fe80::/10", "RFC 4291"),
        ("::1", "::1/128", "RFC 4291"),
        ("3fff::1", "3fff::/20", "RFC 9637"),
    ],
)
def test_addresses_with_a_special_purpose_are_named_by_their_rfc(address: str, match: str, rfc: str) -> None:
    owner = whose(address)
    assert owner is not None
    assert (owner.kind, owner.match) == ("special", match)
    assert rfc in owner.source
    assert address in owner.text
    assert "no site of the public internet" in owner.text


def test_translated_addresses_are_not_said_to_lead_nowhere() -> None:
    owner = whose("64:ff9b::c000:201")
    assert owner is not None
    assert "NAT64" in owner.text
    assert "no site" not in owner.text


@pytest.mark.parametrize("address", ["", "nonsense", "1.2.3", "\x1b[31m"])
def test_what_is_no_address_is_nobodys(address: str) -> None:
    assert whose(address) is None


def test_no_published_range_overlaps_another_cdns() -> None:
    for mine in published_ranges("Cloudflare"):
        for theirs in published_ranges("Fastly"):
            assert not mine.overlaps(theirs)
        assert isinstance(mine, ipaddress.IPv4Network | ipaddress.IPv6Network)
