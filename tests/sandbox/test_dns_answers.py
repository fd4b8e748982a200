from __future__ import annotations

import struct
import time
from collections.abc import Callable

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import pytest
from dns.message import Message
from hypothesis import given
from hypothesis import strategies as st

from labctl.sandbox.dns_authority import Authoritative, Zones
from labctl.sandbox.town import healthy_town

ROOT, TEST, SHOP, HOSTER = "198.41.0.4", "192.0.2.1", "203.0.113.61", "203.0.113.63"
CDN = "203.0.113.94"
TOWN = healthy_town()
ZONES = Zones(TOWN, time.time)


def server(address: str) -> Authoritative:
    found = TOWN.server(address)
    assert found is not None
    return Authoritative(found, ZONES, TOWN.authoritative)


def ask(address: str, name: str, type: str = "A", *, do: bool = False, edns: bool = True) -> Message:
    query = dns.message.make_query(name, type, use_edns=0 if edns else False, want_dnssec=do, payload=1232)
    wire = server(address).respond(query.to_wire(), over_udp=True)
    assert wire is not None
    return dns.message.from_wire(wire)


def texts(rrsets: list[dns.rrset.RRset]) -> set[str]:
    return {f"{rrset.name} {line.split(None, 3)[3]}" for rrset in rrsets for line in str(rrset).splitlines()}


def denials(message: Message) -> set[str]:
    return {str(r.name) for r in message.authority if r.rdtype == dns.rdatatype.NSEC}


def test_a_root_server_refers_with_glue_and_without_authority() -> None:
    reply = ask(ROOT, "www.shop.test")
    assert not reply.flags & dns.flags.AA
    assert not reply.answer
    assert texts(reply.authority) == {"test. NS a.nic.test.", "test. NS b.nic.test."}
    assert "a.nic.test. A 192.0.2.1" in texts(reply.additional)


def test_all_thirteen_root_servers_stand_in_the_roots_own_ns_set() -> None:
    reply = ask(ROOT, ".", "NS")
    assert reply.flags & dns.flags.AA
    assert len(reply.answer[0]) == 13


def test_the_authority_answers_with_aa_and_never_offers_recursion() -> None:
    reply = ask(SHOP, "www.shop.test")
    assert reply.flags & dns.flags.AA
    assert not reply.flags & dns.flags.RA
    assert texts(reply.answer) == {"www.shop.test. A 203.0.113.10"}


@pytest.mark.parametrize("type", ["MX", "TXT", "CAA", "HTTPS", "AAAA", "NS", "SOA"])
def test_the_apex_of_the_shop_has_every_type_of_the_lesson(type: str) -> None:
    assert ask(SHOP, "shop.test", type).answer


def test_nodata_and_nxdomain_both_bring_the_soa_with_the_negative_ttl() -> None:
    nodata, nxdomain = ask(SHOP, "www.shop.test", "TXT"), ask(SHOP, "nope.shop.test")
    assert nodata.rcode() == dns.rcode.NOERROR
    assert nxdomain.rcode() == dns.rcode.NXDOMAIN
    for reply in (nodata, nxdomain):
        assert not reply.answer
        assert [(r.rdtype, r.ttl) for r in reply.authority] == [(dns.rdatatype.SOA, 300)]
    assert ask(SHOP, "shop.test", "SOA").answer[0].ttl == 3600


def test_an_empty_non_terminal_exists_and_blocks_the_wildcard() -> None:
    for name in ("ent.shop.test", "sub.wild.shop.test"):
        reply = ask(SHOP, name)
        assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])
    assert ask(SHOP, "x.sub.wild.shop.test").rcode() == dns.rcode.NXDOMAIN
    assert texts(ask(SHOP, "x.wild.shop.test").answer) == {"x.wild.shop.test. A 203.0.113.70"}


def test_a_dname_brings_a_cname_made_from_it_and_the_chain_inside_the_zone() -> None:
    reply = ask(SHOP, "www.old.shop.test")
    assert texts(reply.answer) == {
        "old.shop.test. DNAME new.shop.test.",
        "www.old.shop.test. CNAME www.new.shop.test.",
        "www.new.shop.test. A 203.0.113.10",
    }
    assert not ask(SHOP, "old.shop.test").answer


def test_a_dname_that_makes_the_name_too_long_is_yxdomain() -> None:
    longer = f"s.shop.test. 300 IN DNAME {'l' * 63}.shop.test."
    town = TOWN.with_zone("shop.test.", lambda zone: zone._replace(records=(*zone.records, longer)))
    shop = town.server(SHOP)
    assert shop is not None
    query = dns.message.make_query(".".join(["a" * 60] * 3) + ".s.shop.test", "A")
    wire = Authoritative(shop, Zones(town, time.time), town.authoritative).respond(
        query.to_wire(), over_udp=True
    )
    assert wire is not None
    reply = dns.message.from_wire(wire)
    assert reply.rcode() == dns.rcode.YXDOMAIN
    assert [r.rdtype for r in reply.answer] == [dns.rdatatype.DNAME]


def test_an_alias_out_of_the_zone_is_not_followed_by_the_server() -> None:
    assert texts(ask(SHOP, "alias.shop.test").answer) == {"alias.shop.test. CNAME www.example.org."}
    assert texts(ask(HOSTER, "www.apex.test").answer) == {"www.apex.test. CNAME www.front.test."}


def test_what_is_not_ours_is_refused_with_the_reason() -> None:
    reply = ask(SHOP, "www.example.com")
    assert reply.rcode() == dns.rcode.REFUSED
    assert "does not hold it" in reply.options[0].to_text()


def test_the_ds_is_answered_by_the_parent_and_denied_by_the_child() -> None:
    assert ask(TEST, "shop.test", "DS").answer
    below = ask(SHOP, "shop.test", "DS")
    assert (below.rcode(), below.answer, bool(below.flags & dns.flags.AA)) == (dns.rcode.NOERROR, [], True)


def test_a_large_answer_is_cut_with_tc_and_whole_over_tcp() -> None:
    query = dns.message.make_query("big.shop.test", "TXT", use_edns=0, payload=4096)
    over_udp = server(SHOP).respond(query.to_wire(), over_udp=True)
    over_tcp = server(SHOP).respond(query.to_wire(), over_udp=False)
    assert over_udp is not None
    assert over_tcp is not None
    assert len(over_udp) <= 1232
    assert dns.message.from_wire(over_udp).flags & dns.flags.TC
    whole = dns.message.from_wire(over_tcp)
    assert not whole.flags & dns.flags.TC
    assert len(over_tcp) > 2400
    assert len(whole.answer[0]) == 1


def test_without_edns_512_bytes_are_the_limit_and_no_opt_comes_back() -> None:
    reply = ask(ROOT, "www.example.com", edns=False)
    assert reply.edns < 0
    assert len(reply.to_wire()) <= 512


def test_an_unknown_edns_version_is_badvers() -> None:
    query = dns.message.make_query("www.shop.test", "A", use_edns=1)
    wire = server(SHOP).respond(query.to_wire(), over_udp=True)
    assert wire is not None
    reply = dns.message.from_wire(wire)
    assert (reply.rcode(), reply.edns) == (dns.rcode.BADVERS, 0)


def test_a_server_tells_its_name_to_whoever_asks_for_nsid() -> None:
    query = dns.message.make_query(
        "www.shop.test", "A", use_edns=0, options=[dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")]
    )
    wire = server(SHOP).respond(query.to_wire(), over_udp=True)
    assert wire is not None
    assert b"ns1.shop.test" in wire


def test_the_case_of_the_question_comes_back_as_it_was() -> None:
    wire = server(SHOP).respond(dns.message.make_query("wWw.ShOp.TeSt", "A").to_wire(), over_udp=True)
    assert wire is not None
    assert b"\x03wWw\x04ShOp\x04TeSt" in wire


def _header(flags: int, questions: int = 1) -> bytes:
    return struct.pack("!HHHHHH", 7, flags, questions, 0, 0, 0)


@pytest.mark.parametrize(
    ("wire", "rcode"),
    [
        (_header(0x2000) + b"\0\0\1\0\1", dns.rcode.NOTIMP),
        (_header(0x0000, 0), dns.rcode.FORMERR),
        (_header(0x0000, 2) + b"\0\0\1\0\1\0\0\2\0\1", dns.rcode.FORMERR),
        (_header(0x0000) + b"\x3fabc", dns.rcode.FORMERR),
        (_header(0x0000) + b"\xc0\x0c\0\1\0\1", dns.rcode.FORMERR),
        (_header(0x0000) + b"\0\0\1\0\3", dns.rcode.REFUSED),
        (_header(0x0000) + b"\0\0\xfc\0\1", dns.rcode.REFUSED),
        (_header(0x0000) + b"\0\0\x80\0\1", dns.rcode.FORMERR),
    ],
    ids=["opcode", "no-question", "two-questions", "cut", "pointer-loop", "class", "transfer", "nxname"],
)
def test_odd_questions_are_told_what_is_wrong_with_them(wire: bytes, rcode: dns.rcode.Rcode) -> None:
    reply = server(ROOT).respond(wire, over_udp=True)
    assert reply is not None
    assert reply[:2] == wire[:2]
    assert reply[2] & 0x80
    assert reply[3] & 0x0F == rcode


@pytest.mark.parametrize("wire", [b"", b"short", _header(0x8000) + b"\0\0\1\0\1"])
def test_what_is_no_question_gets_no_answer(wire: bytes) -> None:
    assert server(ROOT).respond(wire, over_udp=True) is None


@given(st.binary(max_size=80))
def test_no_bytes_at_all_make_a_server_stumble(tail: bytes) -> None:
    for wire in (tail, _header(0x0100) + tail, _header(0x0000) + b"\3www\4shop\4test\0" + tail):
        server(SHOP).respond(wire, over_udp=True)


def test_the_strange_servers_of_the_town_are_strange_on_the_wire() -> None:
    assert ask("203.0.113.66", "www.lame.test").rcode() == dns.rcode.REFUSED
    assert ask("203.0.113.67", "www.lame.test").rcode() == dns.rcode.SERVFAIL
    upward = ask("203.0.113.68", "www.upward.test")
    assert [r.name for r in upward.authority] == [dns.name.root]
    assert not upward.flags & dns.flags.AA


# Proofs. Whether they are sound is for delv and unbound to say (test_oracles.py); here, that they are there.


def test_a_signed_answer_has_its_signature_only_when_asked_for() -> None:
    assert len(ask(SHOP, "www.shop.test").answer) == 1
    assert [r.rdtype for r in ask(SHOP, "www.shop.test", do=True).answer] == [
        dns.rdatatype.A,
        dns.rdatatype.RRSIG,
    ]


def test_a_missing_name_is_proven_together_with_its_wildcard() -> None:
    assert denials(ask(SHOP, "nope.shop.test", do=True)) == {"www.new.shop.test.", "shop.test."}


def test_a_wildcard_answer_proves_that_the_name_itself_is_missing() -> None:
    reply = ask(SHOP, "x.wild.shop.test", do=True)
    assert denials(reply) == {"host.sub.wild.shop.test."}
    signature = reply.answer[1][0]
    assert signature.labels == 3  # *.wild.shop.test without the asterisk, RFC 4034 section 3.1.3


def test_a_wildcard_without_the_type_is_proven_twice() -> None:
    reply = ask(SHOP, "x.wild.shop.test", "AAAA", do=True)
    assert denials(reply) == {"host.sub.wild.shop.test.", "*.wild.shop.test."}


def test_an_unsigned_child_is_proven_to_have_no_ds() -> None:
    reply = ask(TEST, "www.unsigned.test", do=True)
    nsec = next(r for r in reply.authority if r.rdtype == dns.rdatatype.NSEC)
    assert str(nsec.name) == "unsigned.test."
    assert " DS" not in str(nsec[0])


def test_an_unsigned_zone_adds_nothing_even_when_asked() -> None:
    assert [r.rdtype for r in ask(HOSTER, "www.unsigned.test", do=True).answer] == [dns.rdatatype.A]
    assert not denials(ask(HOSTER, "nope.unsigned.test", do=True))


def test_expired_signatures_have_run_out_and_the_others_have_not() -> None:
    now = time.time()
    assert ask(HOSTER, "www.expired.test", do=True).answer[1][0].expiration < now
    assert ask(CDN, "www.front.test", do=True).answer[1][0].expiration > now


def test_a_compact_denial_is_noerror_for_validators_and_nxdomain_for_the_rest() -> None:
    compact = ask(HOSTER, "nope.compact.test", do=True)
    assert compact.rcode() == dns.rcode.NOERROR
    nsec = next(r for r in compact.authority if r.rdtype == dns.rdatatype.NSEC)
    assert str(nsec[0]).startswith("\\000.nope.compact.test. ")
    assert 128 in _types(nsec)
    assert ask(HOSTER, "nope.compact.test").rcode() == dns.rcode.NXDOMAIN
    nodata = ask(HOSTER, "www.compact.test", "TXT", do=True)
    assert 128 not in _types(next(r for r in nodata.authority if r.rdtype == dns.rdatatype.NSEC))


def test_the_flag_compact_ok_brings_the_nxdomain_back() -> None:
    query = dns.message.make_query("nope.compact.test", "A", use_edns=0, ednsflags=0x8000 | 0x4000)
    wire = server(HOSTER).respond(query.to_wire(), over_udp=True)
    assert wire is not None
    assert dns.message.from_wire(wire).rcode() == dns.rcode.NXDOMAIN


def _types(nsec: dns.rrset.RRset) -> set[int]:
    return {
        window * 256 + i * 8 + bit
        for window, octets in nsec[0].windows
        for i, octet in enumerate(octets)
        for bit in range(8)
        if octet & 0x80 >> bit
    }


def test_the_same_question_gets_the_same_bytes() -> None:
    query = dns.message.make_query("shop.test", "NS", want_dnssec=True).to_wire()
    respond: Callable[[], bytes | None] = lambda: server(SHOP).respond(query, over_udp=True)  # noqa: E731
    assert len({respond() for _ in range(5)}) == 1
