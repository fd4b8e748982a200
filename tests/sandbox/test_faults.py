"""Each fault changes what is seen on the wire, or in the files: shown next to the healthy town."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import dns.dnssec
import dns.flags
import dns.rcode
import dns.rdatatype
import pytest
from dns.message import Message

from labctl.errors import UsageError
from labctl.internet import Endpoint
from labctl.protocols.dns_walk import Walk
from labctl.sandbox import open_sandbox
from labctl.sandbox.faults import FAULTS, town_under

ROOT, TEST, SHOP1, SHOP2, HOSTER = "198.41.0.4", "192.0.2.1", "203.0.113.61", "203.0.113.62", "203.0.113.63"
CDN = "203.0.113.94"
RESOLVER = "198.51.100.53"
Ask = Callable[..., Message]
NAMES = (
    "root-knows-it-all",
    "servers-recurse",
    "resolver-forgets",
    "ttl-stands-still",
    "no-is-forgotten",
    "nodata-says-nxdomain",
    "cache-claims-authority",
    "cname-at-apex",
    "dns-before-files",
    "no-glue",
    "wrong-ds",
    "no-truncation",
    "ptr-mirrors-a",
    "origin-in-dns",
    "wildcard-over-all",
    "referral-with-authority",
    "stale-secondary",
    "minimised-refused",
    "signatures-never-expire",
    "no-ds-unproven",
    "alias-flattened",
)


def lines(message: Message, section: str = "answer") -> list[str]:
    return sorted(line for rrset in getattr(message, section) for line in str(rrset).splitlines())


def has(message: Message, flag: int) -> bool:
    return bool(message.flags & flag)


def test_the_faults_have_the_names_that_the_labs_know_and_a_sentence() -> None:
    assert tuple(FAULTS)[: len(NAMES)] == NAMES
    assert all(fault.sentence.endswith(".") and fault.name == name for name, fault in FAULTS.items())


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_changes_the_town(name: str) -> None:
    assert town_under(name) != town_under("")


def test_an_unknown_fault_is_named_and_the_close_one_offered() -> None:
    with pytest.raises(UsageError, match="did you mean no-glue") as caught:
        open_sandbox(fault="noglue")
    assert caught.value.code == "fault-unknown"


def test_the_list_of_faults_is_cheap_to_import() -> None:
    code = "import sys, labctl.sandbox.faults; print(*{m.split('.')[0] for m in sys.modules})"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"dns", "ssl", "cryptography", "httpx", "asyncio", "socket"} & set(told.split())


def test_root_knows_it_all(ask: Ask) -> None:
    assert not ask(ROOT, "www.shop.test").answer
    reply = ask(ROOT, "www.shop.test", fault="root-knows-it-all")
    assert has(reply, dns.flags.AA)
    assert "203.0.113.10" in lines(reply)[0]


def test_servers_recurse(ask: Ask) -> None:
    for address in (ROOT, TEST, SHOP1):
        assert not has(ask(address, "www.shop.test"), dns.flags.RA)
        assert has(ask(address, "www.shop.test", fault="servers-recurse"), dns.flags.RA)


def second_ttl(ask: Ask, fault: str, name: str = "www.shop.test", section: str = "answer") -> int:
    ask(RESOLVER, name, fault=fault, rd=True)
    reply = ask(RESOLVER, name, fault=fault, rd=True, pass_time=100)
    ttl: int = getattr(reply, section)[0].ttl
    return ttl


def test_resolver_forgets(ask: Ask) -> None:
    assert second_ttl(ask, "") == 200
    assert second_ttl(ask, "resolver-forgets") == 300
    assert not ask(RESOLVER, "www.shop.test", fault="resolver-forgets").answer  # RD=0: out of memory only


def test_ttl_stands_still(ask: Ask) -> None:
    assert second_ttl(ask, "ttl-stands-still") == 300
    # It is the number that stands still: out of its memory it comes, and gone it is when its time is over.
    assert ask(RESOLVER, "www.shop.test", fault="ttl-stands-still").answer
    assert not ask(RESOLVER, "www.shop.test", fault="ttl-stands-still", pass_time=300).answer


def test_no_is_forgotten(ask: Ask) -> None:
    assert second_ttl(ask, "", "nope.shop.test", "authority") == 200
    assert second_ttl(ask, "no-is-forgotten", "nope.shop.test", "authority") == 300
    assert second_ttl(ask, "no-is-forgotten") == 200


def test_nodata_says_nxdomain(ask: Ask) -> None:
    assert ask(SHOP1, "www.shop.test", "TXT").rcode() == dns.rcode.NOERROR
    assert ask(SHOP1, "www.shop.test", "TXT", fault="nodata-says-nxdomain").rcode() == dns.rcode.NXDOMAIN


def test_cache_claims_authority(ask: Ask) -> None:
    for fault in ("", "cache-claims-authority"):
        assert not has(ask(RESOLVER, "www.shop.test", fault=fault, rd=True), dns.flags.AA)
        assert has(ask(RESOLVER, "www.shop.test", fault=fault, rd=True), dns.flags.AA) == bool(fault)


@pytest.mark.parametrize("type", ["A", "MX", "NS", "SOA"])
def test_cname_at_apex(ask: Ask, type: str) -> None:
    assert ask(SHOP1, "shop.test", type).answer[0].rdtype == dns.rdatatype.from_text(type)
    assert lines(ask(SHOP1, "shop.test", type, fault="cname-at-apex")) == [
        "shop.test. 300 IN CNAME www.front.test."
    ]


def test_dns_before_files(ask: Ask) -> None:
    with open_sandbox() as healthy, open_sandbox(fault="dns-before-files") as faulty:
        assert healthy.host_files.nsswitch == "hosts: files dns\n"
        assert faulty.host_files.nsswitch == "hosts: dns files\n"


def test_no_glue(ask: Ask) -> None:
    assert ask(TEST, "www.shop.test").additional
    reply = ask(TEST, "www.shop.test", fault="no-glue")
    assert (len(reply.authority[0]), reply.additional) == (2, [])
    assert ask(RESOLVER, "www.shop.test", fault="no-glue", rd=True).rcode() == dns.rcode.SERVFAIL


def test_wrong_ds(ask: Ask) -> None:
    key = dns.rdatatype.DNSKEY
    tag = dns.dnssec.key_id(next(r for r in ask(SHOP1, "shop.test", "DNSKEY").answer if r.rdtype == key)[0])
    assert ask(TEST, "shop.test", "DS").answer[0][0].key_tag == tag
    assert ask(TEST, "shop.test", "DS", fault="wrong-ds").answer[0][0].key_tag != tag


def test_no_truncation(ask: Ask) -> None:
    assert has(ask(SHOP1, "big.shop.test", "TXT"), dns.flags.TC)
    reply = ask(SHOP1, "big.shop.test", "TXT", fault="no-truncation")
    assert not has(reply, dns.flags.TC)
    assert len(reply.to_wire()) > 2400


def test_ptr_mirrors_a(ask: Ask) -> None:
    for fault, name in (("", "host-10.shop-hosting.example.net."), ("ptr-mirrors-a", "www.shop.test.")):
        reply = ask("203.0.113.55", "10.113.0.203.in-addr.arpa", "PTR", fault=fault)
        assert str(reply.answer[0][0]) == name


def test_origin_in_dns(ask: Ask) -> None:
    assert {str(r) for r in ask(CDN, "www.front.test").answer[0]} == {"104.21.48.200", "172.67.181.3"}
    assert {str(r) for r in ask(CDN, "www.front.test", fault="origin-in-dns").answer[0]} == {"203.0.113.80"}


def test_wildcard_over_all(ask: Ask) -> None:
    assert not ask(SHOP1, "sub.wild.shop.test").answer
    assert lines(ask(SHOP1, "sub.wild.shop.test", fault="wildcard-over-all")) == [
        "sub.wild.shop.test. 300 IN A 203.0.113.70"
    ]


def test_parent_equals_child(ask: Ask) -> None:
    def both(fault: str) -> tuple[list[str], list[str]]:
        above = ask(TEST, "mismatch.test", "NS", fault=fault)
        return lines(above, "authority"), lines(ask(HOSTER, "mismatch.test", "NS", fault=fault))

    above, below = both("")
    assert above != below
    assert {line.split()[1] for line in above + below} == {"86400", "300"}


def test_referral_with_authority(ask: Ask) -> None:
    for name in ("mismatch.test", "www.shop.test"):
        assert not ask(TEST, name).flags & dns.flags.AA
        broken = ask(TEST, name, fault="referral-with-authority")
        assert broken.flags & dns.flags.AA
        assert lines(broken, "authority") == lines(ask(TEST, name), "authority")


def test_stale_secondary(ask: Ask) -> None:
    def said(fault: str, name: str, type: str) -> list[list[str]]:
        return [lines(ask(address, name, type, fault=fault)) for address in (SHOP1, SHOP2)]

    for question in (("shop.test", "SOA"), ("www.shop.test", "A")):
        first, second = said("", *question)
        assert first == second
        first, second = said("stale-secondary", *question)
        assert first != second


@pytest.mark.parametrize("fault", ["", "minimised-refused"])
def test_minimised_refused(opened: Callable[..., object], ask: Ask, fault: str) -> None:
    assert ask(ROOT, "test", "A", fault=fault).rcode() == (dns.rcode.REFUSED if fault else dns.rcode.NOERROR)
    with open_sandbox(fault=fault, latency=False) as internet:
        walk = Walk("www.shop.test.", "A", internet.root_servers, clock=internet.clock, qmin=True)
        root_saw = set()
        while question := walk.next_question():
            if question.server.zone == ".":
                root_saw.add(question.name)
            walk.hear(internet.ask(Endpoint(question.server.address), question.wire, via=question.via).wire)
    assert [record.text for record in walk.result.records] == ["203.0.113.10"]
    assert ("www.shop.test." in root_saw) == bool(fault)


def test_signatures_never_expire(ask: Ask) -> None:
    def expires(fault: str) -> int:
        when: int = ask(HOSTER, "www.expired.test", do=True, fault=fault).answer[1][0].expiration
        return when

    with open_sandbox() as internet:
        assert expires("") < internet.date()
        assert expires("signatures-never-expire") > internet.date() + 19 * 365 * 86400


def test_no_ds_unproven(ask: Ask) -> None:
    def types(fault: str, name: str) -> list[int]:
        return [r.rdtype for r in ask(TEST, name, do=True, fault=fault).authority]

    assert dns.rdatatype.NSEC in types("", "www.unsigned.test")
    assert types("no-ds-unproven", "www.unsigned.test") == [dns.rdatatype.NS]
    asked = ask(TEST, "unsigned.test", "DS", do=True, fault="no-ds-unproven")
    assert dns.rdatatype.NSEC not in [r.rdtype for r in asked.authority]
    assert dns.rdatatype.DS in types("no-ds-unproven", "www.shop.test")


def test_alias_flattened(ask: Ask) -> None:
    assert ask(SHOP1, "alias.shop.test").answer[0].rdtype == dns.rdatatype.CNAME
    assert lines(ask(SHOP1, "alias.shop.test", fault="alias-flattened")) == [
        "alias.shop.test. 300 IN A 203.0.113.40"
    ]
    assert (
        ask(SHOP1, "alias.shop.test", "CNAME", fault="alias-flattened").answer[0].rdtype
        == dns.rdatatype.CNAME
    )
