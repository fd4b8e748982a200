"""Nothing that a peer sends raises, keeps a walk going for ever, or leaves it without a sentence."""

import random

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from labctl.internet import NameServer
from labctl.protocols.dns_cache import Cache
from labctl.protocols.dns_message import Garbage, read
from labctl.protocols.dns_result import Budget, Server
from labctl.protocols.dns_walk import Walk
from labctl.protocols.dns_wire import Garbage as LeanGarbage
from labctl.protocols.dns_wire import parse

HINTS = [
    NameServer("a.root-servers.net.", ("198.41.0.4", "2001:503:ba3e::2:30")),
    NameServer("b.", ("192.0.2.77",)),
]
NAMES = [
    ".",
    "test.",
    "shop.test.",
    "www.shop.test.",
    "ns1.shop.test.",
    "a.b.www.shop.test.",
    "net.",
    "ns.net.",
    "other.net.",
    "old.shop.test.",
    ".".join(["x" * 60] * 3) + ".",
    "\\000\\027[31m.test.",
]
DATA = {
    "A": ["203.0.113.1", "192.0.2.2"],
    "AAAA": ["2001:db8::1"],
    "NS": NAMES,
    "CNAME": NAMES,
    "DNAME": NAMES,
    "SOA": [". . 1 2 3 4 5", "ns.net. a. 1 2 3 4 4294967295"],
    "TXT": ['"\\027[2J"'],
    "NSEC": ["a.test. A NXNAME", "www.shop.test. NXNAME"],
    "RRSIG": ["A 13 3 300 20300101000000 20200101000000 1 shop.test. AAAA"],
    "DS": ["1 13 2 " + "ab" * 32],
    "HTTPS": ["1 . alpn=h2", "0 www.shop.test."],
}


@st.composite
def records(draw):
    rdtype = draw(st.sampled_from(sorted(DATA)))
    ttl = draw(st.sampled_from([0, 1, 300, 2**31 - 1]))
    return dns.rrset.from_text(
        draw(st.sampled_from(NAMES)), ttl, "IN", rdtype, draw(st.sampled_from(DATA[rdtype]))
    )


@st.composite
def replies(draw):
    """What an adversary might say to anything: sections, flags and a code, and now and then damaged bytes."""
    sections = [draw(st.lists(records(), max_size=4)) for _ in range(3)]
    rcode = draw(st.sampled_from([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 9, 16, 4095]))
    flags = draw(st.sampled_from([dns.flags.AA, 0, dns.flags.AA | dns.flags.RA, dns.flags.TC, dns.flags.AD]))
    damage = draw(
        st.one_of(
            st.none(),
            st.none(),
            st.none(),
            st.binary(max_size=40),
            st.tuples(st.integers(0, 200), st.integers(0, 255)),
            st.just("silent"),
            st.just("id"),
            st.just("cut"),
        )
    )
    return sections, rcode, flags, damage


def wire_of(question, reply):
    sections, rcode, flags, damage = reply
    if damage == "silent":
        return None
    if isinstance(damage, bytes):
        return damage
    made = dns.message.make_response(dns.message.from_wire(question.wire))
    made.answer, made.authority, made.additional = (list(section) for section in sections)
    made.set_rcode(rcode)
    made.flags |= flags
    try:
        wire = bytearray(made.to_wire(max_size=65535))
    except dns.exception.DNSException:
        return b""
    if damage == "id":
        wire[0] ^= 1
    elif damage == "cut":
        del wire[len(wire) // 2 :]
    elif damage is not None:
        wire[damage[0] % len(wire)] = damage[1]
    return bytes(wire)


def drive(walk, replies, limit):
    asked = 0
    while question := walk.next_question():
        asked += 1
        assert asked <= limit
        heard = walk.hear(wire_of(question, replies[asked % len(replies)]))
        assert heard.text.endswith(".")
        assert heard.text.isprintable()
        assert all(note.isprintable() for note in heard.notes)
        assert all(text.isprintable() for text in heard.scrubbed)
    result = walk.result
    assert result.text.endswith(".")
    assert result.text.isprintable()
    assert (result.status == "failed") == bool(result.code) == bool(result.why)
    assert result.questions == asked
    return result


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(replies(), min_size=1, max_size=8),
    st.sampled_from(["A", "NS", "DS", "CNAME", "DNAME", "ANY", "TXT", "HTTPS"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_a_walk_among_adversaries_ends_within_its_budget_with_a_sentence(said, rdtype, qmin, dnssec, ipv6):
    now = [0.0]
    cache = Cache(lambda: now[0])
    for name in ("a.b.www.shop.test.", "www.old.shop.test."):
        walk = Walk(
            name,
            rdtype,
            HINTS,
            clock=lambda: now[0],
            cache=cache,
            qmin=qmin,
            dnssec=dnssec,
            ipv6=ipv6,
            random=random.Random(1),
            budget=Budget(questions=40),
        )
        drive(walk, said, 40)
        now[0] += 7
        for entry in cache.entries():
            assert 0 < entry.ttl_left <= entry.ttl_total
            assert entry.text.isprintable()


@settings(deadline=None, max_examples=50)
@given(st.lists(replies(), min_size=1, max_size=3))
def test_a_given_server_may_say_anything(said):
    walk = Walk(
        "www.shop.test.",
        "A",
        (),
        clock=lambda: 0.0,
        first=Server(".", "", "192.0.2.1", "given"),
        recursion_desired=True,
    )
    result = drive(walk, said, 10)
    assert result.questions <= 5


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=120))
def test_any_bytes_can_be_read(wire):
    assert isinstance(read(wire), Garbage | dns.message.Message)
    assert parse(wire) is not None


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_damaged_message_can_be_read(data):
    sections, *_ = data.draw(replies())
    query = dns.message.make_query("www.shop.test.", "A", use_edns=0)
    made = dns.message.make_response(query)
    made.answer, made.authority, made.additional = sections
    wire = bytearray(made.to_wire(max_size=65535))
    for at, octet in data.draw(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=5)):
        wire[at % len(wire)] = octet
    read(bytes(wire))
    reply = parse(bytes(wire))
    if not isinstance(reply, LeanGarbage):
        for rr in (*reply.answer, *reply.authority, *reply.additional):
            assert str(rr).isprintable()


@settings(deadline=None, max_examples=100)
@given(replies())
def test_the_lean_reader_finds_the_records_that_dnspython_finds(said):
    (sections, _, _, _) = said
    made = dns.message.make_response(dns.message.make_query("www.shop.test.", "A"))
    made.answer, made.authority, made.additional = sections
    wire = made.to_wire(max_size=65535)
    reply, message = parse(wire), dns.message.from_wire(wire)
    for lean, full in zip(
        (reply.answer, reply.authority, reply.additional),
        (message.answer, message.authority, message.additional),
        strict=True,
    ):
        ours = {(rr.owner, rr.rdtype, rr.text()) for rr in lean if rr.rdtype != 41}
        theirs = {
            (tuple(label.lower() for label in rrset.name.labels[:-1]), int(rrset.rdtype), rdata.to_text())
            for rrset in full
            for rdata in rrset
        }
        assert theirs <= ours
        # Of types that a name can have one of, dnspython keeps the last.
        assert {rdtype for _, rdtype, _ in ours - theirs} <= {5, 6, 39, 47}


def test_a_name_that_points_at_itself_is_garbage():
    header = b"\0\1\x80\0\0\1\0\0\0\0\0\0"
    for name in (b"\xc0\x0c", b"\xc0\xff", b"\x01a\xc0\x0c"):
        assert isinstance(parse(header + name + b"\0\1\0\1"), LeanGarbage)


@pytest.mark.parametrize("size", range(0, 60, 7))
def test_a_message_cut_anywhere_is_garbage(size):
    made = dns.message.make_response(dns.message.make_query("www.shop.test.", "A"))
    made.answer.append(dns.rrset.from_text("www.shop.test.", 1, "IN", "A", "203.0.113.1"))
    assert isinstance(parse(made.to_wire()[: min(size, 46)]), LeanGarbage)
