"""Proofs of denial, against every name of small random zones: never too much proven, and never too little."""

import base64

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.NSEC3
import dns.zone
import pytest
from dns.rdtypes.ANY.NSEC import Bitmap
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.protocols.dnssec_denial import Denial
from labctl.protocols.dnssec_nsec3 import hash_name

ZONE = dns.name.from_text("zone.test.")
A, NS, CNAME, SOA, DNAME, DS, TXT = (
    dns.rdatatype.from_text(text) for text in ("A", "NS", "CNAME", "SOA", "DNAME", "DS", "TXT")
)
LINES = {
    "A": ("{} 300 IN A 192.0.2.1",),
    "TXT": ("{} 300 IN TXT hello",),
    "CNAME": ("{} 300 IN CNAME elsewhere.test.",),
    "DNAME": ("{} 300 IN DNAME elsewhere.test.",),
    "unsigned zone": ("{} 300 IN NS ns.test.",),
    "signed zone": ("{} 300 IN NS ns.test.", "{} 300 IN DS 1 13 2 " + "ab" * 32),
}


def below(labels):
    return dns.name.Name((*(label.encode() for label in labels), *ZONE.labels))


ordinary = st.sampled_from(["a", "b", "B-", "c"])
names = st.lists(ordinary, min_size=1, max_size=3).map(below)
wildcards = st.lists(ordinary, max_size=2).map(lambda labels: below(["*", *labels]))
contents = st.dictionaries(
    st.one_of(names, names, names, wildcards), st.sampled_from(sorted(LINES)), min_size=1, max_size=7
)
asked_names = st.lists(st.sampled_from(["a", "b", "c", "*", "aa", "z"]), max_size=4).map(below)
asked_types = st.sampled_from([A, TXT, DS, CNAME, NS])


class Truth:
    """A zone as its owner sees it: what exists, what is cut off, and what a resolver may be told."""

    def __init__(self, content):
        cut = [owner for owner, kind in content.items() if kind.endswith("zone") or kind == "DNAME"]
        self.content = {
            owner: kind
            for owner, kind in content.items()
            if not any(owner != above and owner.is_subdomain(above) for above in cut)
            and not (owner.is_wild() and (kind.endswith("zone") or kind == "DNAME"))
        }
        text = ["@ 600 IN SOA ns.test. admin.test. 1 2 3 4 5", "@ 600 IN NS ns.test."]
        for owner, kind in self.content.items():
            text += [line.format(owner) for line in LINES[kind]]
        self.zone = dns.zone.from_text("\n".join(text), origin=ZONE, relativize=False, check_origin=False)
        self.types = {
            owner: {rdataset.rdtype for rdataset in node.rdatasets} for owner, node in self.zone.items()
        }

    def exists(self, name):
        return any(owner.is_subdomain(name) for owner in self.types)

    def is_cut(self, name):
        return name != ZONE and (NS in self.types.get(name, ()))

    def hidden(self, name):
        """Below a zone cut or a DNAME: not this zone's to say."""
        while name != ZONE:
            name = name.parent()
            if self.is_cut(name) or DNAME in self.types.get(name, ()):
                return True
        return False

    def status(self, name, rdtype):
        if self.hidden(name):
            return "not ours"
        if name in self.types:
            types = self.types[name]
            if (self.is_cut(name) and rdtype != DS) or (name == ZONE and rdtype == DS):
                return "not ours"
            return "data" if rdtype in types or CNAME in types else "nodata"
        if self.exists(name):
            return "nodata"
        closest = name
        while not self.exists(closest):
            closest = closest.parent()
        wildcard = dns.name.Name((b"*", *closest.labels))
        if not self.exists(wildcard):
            return "nxdomain"
        types = self.types.get(wildcard, set())
        return "data" if rdtype in types or CNAME in types else "nodata"

    def nsec(self):
        dns.dnssec.sign_zone(self.zone, add_dnskey=False, rrset_signer=lambda txn, rrset: None)
        return [(owner, data) for owner, _, data in self.zone.iterate_rdatas(dns.rdatatype.NSEC)]

    def nsec3(self, opt_out=False, iterations=0):
        owners = {}
        for owner, types in self.types.items():
            # Names above an unlisted delegation stay listed, as signers do (RFC 5155 7.1 lets them go).
            if not (opt_out and self.is_cut(owner) and DS not in types):
                owners[owner] = types
            while owner != ZONE:
                owner = owner.parent()
                owners.setdefault(owner, set())
        hashes = sorted((hash_name(owner, b"\xab", iterations), types) for owner, types in owners.items())
        return [
            nsec3(digest, hashes[(place + 1) % len(hashes)][0], types, opt_out, iterations)
            for place, (digest, types) in enumerate(hashes)
        ]


def nsec3(digest, after, types, opt_out=False, iterations=0):
    data = dns.rdtypes.ANY.NSEC3.NSEC3(
        1,
        dns.rdatatype.NSEC3,
        1,
        int(opt_out),
        iterations,
        b"\xab",
        after,
        Bitmap.from_rdtypes(list(types)).windows,
    )
    return dns.name.Name((base64.b32hexencode(digest).lower(), *ZONE.labels)), data


def nsec(owner, after, *types):
    text = f"{after} {' '.join(types)}"
    return dns.name.from_text(owner), dns.rdata.from_text("IN", "NSEC", text)


def records_of(truth, way):
    return truth.nsec() if way == "NSEC" else truth.nsec3(opt_out=way == "opt-out")


ways = st.sampled_from(["NSEC", "NSEC3", "opt-out"])


@given(contents, ways, asked_names, asked_types, st.data())
@settings(max_examples=200, deadline=None)
def test_some_records_of_a_zone_never_prove_what_is_false(content, way, asked, rdtype, data):
    truth = Truth(content)
    every = records_of(truth, way)
    some = data.draw(st.lists(st.sampled_from(every), unique_by=lambda pair: pair[0]))
    denial = Denial(ZONE, some)
    status = truth.status(asked, rdtype)
    if (proof := denial.no_such_name(asked)).ok and not proof.insecure:
        assert status == "nxdomain", proof.text
    if (proof := denial.no_such_type(asked, rdtype)).ok and not proof.insecure:
        assert status == "nodata", proof.text
    if (proof := denial.no_closer_match(asked)).ok and not proof.insecure:
        assert not truth.exists(asked), proof.text
        # It is asked where a wildcard of this zone answered, so what is above is not cut off.
        assert way != "NSEC" or not truth.hidden(asked), proof.text
    if (proof := denial.no_ds(asked)).ok:
        if proof.meaning == "insecure-delegation":
            assert truth.is_cut(asked), proof.text
            assert DS not in truth.types[asked], proof.text
        elif not proof.insecure:
            assert not truth.is_cut(asked), proof.text
            assert not truth.hidden(asked), proof.text


@given(contents, ways, asked_names, asked_types)
@settings(max_examples=200, deadline=None)
def test_all_records_of_a_zone_prove_all_that_is_true(content, way, asked, rdtype):
    truth = Truth(content)
    denial = Denial(ZONE, records_of(truth, way))
    status = truth.status(asked, rdtype)
    if status == "nxdomain":
        assert denial.no_such_name(asked).ok
        assert denial.no_closer_match(asked).ok or not truth.exists(asked.parent())
    if status == "nodata":
        assert denial.no_such_type(asked, rdtype).ok
    if truth.is_cut(asked) and DS not in truth.types[asked]:
        proof = denial.no_ds(asked)
        assert proof.ok
        assert proof.insecure or proof.meaning == "insecure-delegation"


@given(contents, asked_names, asked_types)
@settings(max_examples=100, deadline=None)
def test_the_records_of_one_zone_say_nothing_about_another(content, asked, rdtype):
    other = dns.name.from_text("other.test.")
    for records in (Truth(content).nsec(), Truth(content).nsec3()):
        denial = Denial(other, records)
        name = asked.relativize(ZONE).derelativize(other)
        assert not denial.no_such_name(name).ok
        assert not denial.no_such_type(name, rdtype).ok
        assert not denial.no_ds(name).ok


def test_names_are_ordered_as_the_example_of_rfc_4034():
    texts = ["example", "a.example", "yljkjljk.a.example", "Z.a.example", "zABC.a.EXAMPLE", "z.example"]
    texts += [r"\001.z.example", "*.z.example", r"\200.z.example"]
    ordered = [dns.name.from_text(text) for text in texts]
    apex = ordered[0]
    for before, between, after in zip(ordered, ordered[1:], [*ordered[2:], apex], strict=False):
        record = dns.rdata.from_text("IN", "NSEC", f"{after} A RRSIG NSEC")
        assert not Denial(apex, [(before, record)]).no_such_type(before, A).ok
        inside = Denial(apex, [(before, record)])
        assert inside.no_closer_match(between).ok == (not after.is_subdomain(between))
        assert not inside.no_closer_match(apex).ok


def test_a_name_below_another_zone_cut_is_not_denied_by_the_cuts_own_nsec():
    denial = Denial(ZONE, [nsec("child.zone.test.", "z.zone.test.", "NS", "RRSIG", "NSEC")])
    name = dns.name.from_text("www.child.zone.test.")
    assert not denial.no_such_name(name).ok
    assert not denial.no_closer_match(name).ok
    assert not denial.no_such_type(dns.name.from_text("child.zone.test."), A).ok


def test_the_apex_of_a_child_does_not_deny_its_ds():
    proof = Denial(ZONE, [nsec("zone.test.", "a.zone.test.", "NS", "SOA", "RRSIG", "NSEC")]).no_ds(ZONE)
    assert not proof.ok
    assert proof.code == "denial-wrong"


def test_a_compact_denial_says_that_the_name_does_not_exist():
    denial = Denial(ZONE, [nsec("no.zone.test.", r"\000.no.zone.test.", "RRSIG", "NSEC", "TYPE128")])
    name = dns.name.from_text("no.zone.test.")
    assert denial.no_such_name(name).meaning == "compact-denial"
    assert denial.no_such_type(name, A).meaning == "compact-denial"
    assert not denial.no_such_name(dns.name.from_text("yes.zone.test.")).ok


def test_a_compact_answer_for_a_name_that_exists_denies_only_the_type():
    denial = Denial(ZONE, [nsec("www.zone.test.", r"\000.www.zone.test.", "A", "RRSIG", "NSEC")])
    name = dns.name.from_text("www.zone.test.")
    assert denial.no_such_type(name, TXT).ok
    assert not denial.no_such_type(name, A).ok
    assert not denial.no_such_name(name).ok


def test_extra_iterations_are_noted_and_too_many_make_it_insecure():
    truth = Truth({below(["a"]): "A"})
    name = below(["nothing"])
    few = Denial(ZONE, truth.nsec3(iterations=5)).no_such_name(name)
    assert few.ok
    assert not few.insecure
    assert "5 extra iterations" in few.note
    many = Denial(ZONE, truth.nsec3(iterations=51)).no_such_name(name)
    assert many.insecure
    assert "51 extra iterations" in many.text


def test_an_unlisted_delegation_under_opt_out_is_insecure_not_proven():
    truth = Truth({below(["a"]): "A", below(["b"]): "unsigned zone"})
    denial = Denial(ZONE, truth.nsec3(opt_out=True))
    assert denial.no_ds(below(["b"])).insecure
    assert denial.no_such_name(below(["nothing"])).insecure
    assert denial.no_ds(below(["a"])).meaning == "no-delegation"


def test_nsec3_of_unknown_hash_or_flags_and_misshapen_owners_are_ignored():
    owner, data = Truth({below(["a"]): "A"}).nsec3()[0]
    name = below(["nothing"])
    for record in (
        (owner, data.replace(algorithm=2)),
        (owner, data.replace(flags=4)),
        (owner, data.replace(next=b"short")),
        (dns.name.from_text("not-base-32!.zone.test."), data),
        (dns.name.from_text("aaaa.zone.test."), data),
        (dns.name.Name((b"x", *owner.labels)), data),
    ):
        assert not Denial(ZONE, [record]).no_such_name(name).ok


def test_without_records_nothing_is_denied():
    assert Denial(ZONE, []).no_such_name(below(["a"])).code == "denial-missing"


@pytest.mark.parametrize("count", [0, 1, 12])
def test_the_hash_of_names_is_the_one_of_rfc_5155(count):
    expected = {12: "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"}
    digest = hash_name(dns.name.from_text("Example"), bytes.fromhex("aabbccdd"), count)
    text = base64.b32hexencode(digest).decode().lower()
    assert text == expected.get(count, dns.dnssec.nsec3_hash("example", "aabbccdd", count, "SHA1").lower())
