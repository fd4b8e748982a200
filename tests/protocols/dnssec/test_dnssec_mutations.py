"""Hostile replies, made at random: whatever is changed, nothing false is called secure, nothing raises."""

import dns.flags
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ASKED = [
    ("www.shop.test.", "A"),
    ("anything.wild.shop.test.", "A"),
    ("nothing.shop.test.", "A"),
    ("www.shop.test.", "MX"),
    ("near.shop.test.", "A"),
    ("www.old.shop.test.", "A"),
    ("alias.shop.test.", "A"),
    ("sub.wild.shop.test.", "A"),
    ("anything.wild.shop.test.", "MX"),
    ("shop.test.", "DS"),
]
RELAXED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def told(result):
    """What the user is told: everything that "secure" would vouch for."""
    return (
        result.status,
        result.final_name,
        {(record.name, record.type, record.text) for record in result.records},
        [(record.name, record.type, record.text) for record in result.chain if record.type == "DNAME"],
    )


def soa_of(result):
    """The SOA may be missing, since nothing is told of it then; another one may not be there."""
    return {result.soa.text} if result.soa else set()


class Changed:
    """Changes the bytes of the n-th reply."""

    def __init__(self, number, change):
        self.left = number
        self.change = change

    def __call__(self, wire):
        self.left -= 1
        return self.change(wire) if self.left == -1 else wire


def judge_changed(net, asked, changed):
    plain = net.ask
    net.ask = lambda *question: changed(plain(*question))
    try:
        result, heard = net.walk(*asked)
        return result, net.chain(result, heard)
    finally:
        net.ask = plain


@pytest.fixture(scope="module")
def healthy(make):
    net = make.net()
    truth = {}
    for asked in ASKED:
        before = len(net.asked)
        result, heard = net.walk(*asked)
        assert net.chain(result, heard).state == "secure"
        truth[asked] = (told(result), len(net.asked) - before, soa_of(result))
    return net, truth


@given(asked=st.sampled_from(ASKED), data=st.data())
@RELAXED
def test_flipped_bytes_are_never_called_secure_when_they_change_the_answer(healthy, asked, data):
    net, truth = healthy
    number = data.draw(st.integers(0, truth[asked][1] - 1))

    def flip(wire):
        wire = bytearray(wire)
        for _ in range(data.draw(st.integers(1, 3))):
            wire[data.draw(st.integers(2, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
        return bytes(wire)

    result, verdict = judge_changed(net, asked, Changed(number, flip))
    if verdict.state == "secure":
        assert told(result) == truth[asked][0]
        assert soa_of(result) <= truth[asked][2]


@given(asked=st.sampled_from(ASKED), data=st.data())
@RELAXED
def test_cut_and_lengthened_replies_never_raise_and_are_never_wrongly_secure(healthy, asked, data):
    net, truth = healthy
    number = data.draw(st.integers(0, truth[asked][1] - 1))

    def recut(wire):
        place = data.draw(st.integers(0, len(wire)))
        return (
            wire[:place] + data.draw(st.binary(max_size=20)) + wire[place + data.draw(st.integers(0, 20)) :]
        )

    result, verdict = judge_changed(net, asked, Changed(number, recut))
    if verdict.state == "secure":
        assert told(result) == truth[asked][0]
        assert soa_of(result) <= truth[asked][2]


@given(asked=st.sampled_from(ASKED), garbage=st.binary(max_size=80), keep=st.integers(0, 40))
@RELAXED
def test_garbage_from_every_server_of_the_zone_is_never_secure(healthy, asked, garbage, keep):
    net, _ = healthy
    result, heard = net.walk(*asked)
    plain = net.ask
    net.ask = lambda *question: plain(*question)[:keep] + garbage
    try:
        assert net.chain(result, heard).state in {"indeterminate", "bogus"}
    finally:
        net.ask = plain


def replayable(net):
    """Everything that was signed here, each RRset with its signatures; wildcards under other names too."""
    others = [dns.name.from_text(text) for text, _ in ASKED]
    pool = []
    for zone in (zone for zones in net.zones.values() for zone in zones):
        for owner in zone.zone:
            for rdataset in zone.zone[owner]:
                if rdataset.rdtype != dns.rdatatype.RRSIG:
                    pool.append(zone.signed(owner, rdataset.rdtype))
                    if owner.is_wild():
                        pool += [zone.signed(owner, rdataset.rdtype, other) for other in others]
    return [sets for sets in pool if sets[0].name.is_subdomain(dns.name.from_text("test."))]


@given(data=st.data())
@settings(RELAXED, max_examples=150)
def test_records_that_were_truly_signed_prove_nothing_false_when_they_are_replayed(healthy, data):
    net, truth = healthy
    asked = data.draw(st.sampled_from(ASKED))
    pool = replayable(net)
    chosen = data.draw(st.lists(st.sampled_from(range(len(pool))), max_size=6))
    sections = [data.draw(st.sampled_from(["answer", "authority"])) for _ in chosen]
    rcode = data.draw(st.sampled_from([None, 0, 3]))
    keep_answer, keep_authority = data.draw(st.booleans()), data.draw(st.booleans())

    def tamper(address, name, rdtype, reply):
        if not reply.flags & dns.flags.AA or rdtype == "DNSKEY":
            return
        if not keep_answer:
            reply.answer.clear()
        if not keep_authority:
            reply.authority.clear()
        for index, section in zip(chosen, sections, strict=True):
            getattr(reply, section).extend(pool[index])
        if rcode is not None:
            reply.set_rcode(rcode)

    net.tampering.append(tamper)
    try:
        result, heard = net.walk(*asked)
        verdict = net.chain(result, heard)
    finally:
        net.tampering.clear()
    if verdict.state == "secure":
        assert told(result) == truth[asked][0]
    assert verdict.state != "insecure", verdict.text
