from __future__ import annotations

from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from dns.message import Message

from labctl.internet import Endpoint

RESOLVER, OTHER = "198.51.100.53", "192.0.2.53"
Ask = Callable[..., Message]


def answered(message: Message) -> list[str]:
    return [line for rrset in message.answer for line in str(rrset).splitlines()]


def test_it_walks_and_then_remembers_with_the_ttl_that_is_left(ask: Ask) -> None:
    assert answered(ask(RESOLVER, "www.shop.test", rd=True)) == ["www.shop.test. 300 IN A 203.0.113.10"]
    later = ask(RESOLVER, "www.shop.test", rd=True, pass_time=60)
    assert answered(later) == ["www.shop.test. 240 IN A 203.0.113.10"]


def test_it_offers_recursion_and_claims_no_authority(ask: Ask) -> None:
    for _ in range(2):
        reply = ask(RESOLVER, "www.shop.test", rd=True)
        assert reply.flags & dns.flags.RA
        assert not reply.flags & (dns.flags.AA | dns.flags.AD)


def test_without_rd_it_answers_out_of_memory_only(ask: Ask) -> None:
    before = ask(RESOLVER, "www.shop.test")
    assert (before.rcode(), before.answer, before.authority) == (dns.rcode.NOERROR, [], [])
    ask(RESOLVER, "www.shop.test", rd=True)
    assert answered(ask(RESOLVER, "www.shop.test"))


def test_what_expired_is_asked_anew(ask: Ask) -> None:
    ask(RESOLVER, "www.shop.test", rd=True)
    assert not ask(RESOLVER, "www.shop.test", pass_time=300).answer
    assert ask(RESOLVER, "www.shop.test", rd=True).answer[0].ttl == 300


def test_the_two_resolvers_do_not_share_their_memory(ask: Ask) -> None:
    ask(RESOLVER, "www.shop.test", rd=True)
    assert not ask(OTHER, "www.shop.test").answer


def test_a_no_is_remembered_as_long_as_the_soa_allows(ask: Ask) -> None:
    ask(RESOLVER, "nope.shop.test", rd=True)
    reply = ask(RESOLVER, "nope.shop.test", pass_time=299)
    assert reply.rcode() == dns.rcode.NXDOMAIN
    assert [r.rdtype for r in reply.authority] == [dns.rdatatype.SOA]
    assert reply.authority[0].ttl == 1
    assert ask(RESOLVER, "nope.shop.test", pass_time=2).rcode() == dns.rcode.NOERROR  # RD=0, forgotten


@pytest.mark.parametrize(
    ("name", "owners"),
    [
        ("alias.shop.test", ["alias.shop.test.", "www.example.org."]),
        ("a.chain.test", ["a.chain.test.", "b.example.net.", "www.example.com."]),
        ("www.old.shop.test", ["old.shop.test.", "www.old.shop.test.", "www.new.shop.test."]),
    ],
)
def test_aliases_are_followed_across_zones_and_remembered(ask: Ask, name: str, owners: list[str]) -> None:
    for recursive in (True, False):
        reply = ask(RESOLVER, name, rd=recursive)
        assert [str(rrset.name) for rrset in reply.answer] == owners


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("loop.chain.test", "circle"),
        ("www.cyclic.test", "no glue"),
        ("www.lame.test", "REFUSED"),
        ("www.upward.test", "upwards"),
    ],
)
def test_what_cannot_be_resolved_is_servfail_with_the_reason(ask: Ask, name: str, why: str) -> None:
    reply = ask(RESOLVER, name, rd=True)
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert why in reply.options[0].to_text()


def test_a_half_lame_and_a_glueless_zone_are_resolved_all_the_same(ask: Ask) -> None:
    for name in ("www.half-lame.test", "www.glueless.test", "www.mismatch.test"):
        assert ask(RESOLVER, name, rd=True).answer


def test_a_large_answer_is_fetched_and_given_over_tcp(ask: Ask) -> None:
    assert ask(RESOLVER, "big.shop.test", "TXT", rd=True).flags & dns.flags.TC
    assert len(ask(RESOLVER, "big.shop.test", "TXT", rd=True, via="tcp").answer[0][0].strings) == 12


def test_signatures_and_proofs_are_for_those_who_set_do(ask: Ask) -> None:
    for name in ("www.shop.test", "nope.shop.test", "x.wild.shop.test"):
        plain = ask(RESOLVER, name, rd=True)
        signed = ask(RESOLVER, name, rd=True, do=True)
        extra = {dns.rdatatype.RRSIG, dns.rdatatype.NSEC}
        assert not extra & {r.rdtype for r in plain.answer + plain.authority}
        assert dns.rdatatype.RRSIG in {r.rdtype for r in signed.answer + signed.authority}


def test_a_compact_denial_keeps_its_noerror_only_for_those_who_set_do(ask: Ask) -> None:
    for _ in range(2):
        assert ask(RESOLVER, "nope.compact.test", rd=True).rcode() == dns.rcode.NXDOMAIN
        assert ask(RESOLVER, "nope.compact.test", rd=True, do=True).rcode() == dns.rcode.NOERROR


def test_checking_disabled_comes_back_as_it_was(opened) -> None:  # type: ignore[no-untyped-def]
    query = dns.message.make_query("www.shop.test", "A", flags=dns.flags.RD | dns.flags.CD | dns.flags.AD)
    reply = opened().ask(Endpoint(RESOLVER), query.to_wire())
    message = dns.message.from_wire(reply.wire)
    assert message.flags & dns.flags.CD
    assert not message.flags & dns.flags.AD


def test_a_dead_server_costs_the_resolver_its_patience_and_not_the_asker(ask: Ask) -> None:
    reply = ask(RESOLVER, "www.dead.test", rd=True)
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert "did not answer in time" in reply.options[0].to_text()


@pytest.mark.parametrize("via", ["tls", "https"])
def test_the_other_resolver_also_answers_inside_tls(opened, via: str) -> None:  # type: ignore[no-untyped-def]
    internet = opened()
    query = dns.message.make_query("www.shop.test", "A")
    port = {"tls": 853, "https": 443}[via]
    for name in ("", "resolver.example.net"):
        reply = internet.ask(Endpoint(OTHER, port, name), query.to_wire(), via=via)
        assert reply.wire is not None, reply
        assert answered(dns.message.from_wire(reply.wire)) == ["www.shop.test. 300 IN A 203.0.113.10"]
    wrong = internet.ask(Endpoint(OTHER, port, "www.shop.test"), query.to_wire(), via=via)
    assert (wrong.wire, wrong.failure) == (None, "tls")
    assert internet.ask(Endpoint(RESOLVER, port), query.to_wire(), via=via).failure == "refused"


@pytest.mark.parametrize("type", ["ANY", "TYPE65280", "RRSIG", "NSEC", "CNAME", "NS", "SOA", "SRV", "NULL"])
@pytest.mark.parametrize(
    "name", ["shop.test", "alias.shop.test", "nope.shop.test", r"a\000b\.c.shop.test", "."]
)
def test_odd_questions_are_answered_like_any_other(ask: Ask, name: str, type: str) -> None:
    for _ in range(2):
        assert ask(RESOLVER, name, type, rd=True, do=True).rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)


def test_a_transfer_is_refused_and_an_unknown_edns_version_too(ask: Ask, opened) -> None:  # type: ignore[no-untyped-def]
    assert ask(RESOLVER, "shop.test", "AXFR", rd=True, via="tcp").rcode() == dns.rcode.REFUSED
    query = dns.message.make_query("shop.test", "A", use_edns=3)
    reply = dns.message.from_wire(opened().ask(Endpoint(RESOLVER), query.to_wire()).wire)
    assert reply.rcode() == dns.rcode.BADVERS
