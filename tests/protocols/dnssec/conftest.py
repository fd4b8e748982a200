"""Signed zones in memory, servers that answer from them, and a validator that asks them.

Keys are ECDSA P-256 made from the zone's name; they protect nothing. NOW is the date that all is judged at.
"""

import hashlib
import random

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from dns.rdatatype import CNAME, DNAME, DS, NS, NSEC, RRSIG, SOA

from labctl.internet import NameServer
from labctl.protocols.dns_walk import Walk
from labctl.protocols.dnssec_chain import Chain

NOW = 1_790_000_000.0
DAY = 86_400
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def name(text):
    return dns.name.from_text(text)


def private_key(text):
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    return ec.derive_private_key(number % (ORDER - 1) + 1, ec.SECP256R1())


def dnskey(text, flags=257):
    return dns.dnssec.make_dnskey(private_key(text).public_key(), dns.dnssec.ECDSAP256SHA256, flags=flags)


def sign(rrset, signer, key=None, *, inception=NOW - DAY, expiration=NOW + DAY, owner=None):
    """One RRSIG over an RRset; `owner` signs it in another name, as for a wildcard."""
    signed = rrset if owner is None else dns.rrset.from_rdata_list(name(owner), rrset.ttl, list(rrset))
    key = key or signer
    return dns.dnssec.sign(
        signed, private_key(key), name(signer), dnskey(key), inception=inception, expiration=expiration
    )


def ds_line(zone, key=None, digest="SHA256"):
    ds = dns.dnssec.make_ds(zone, dnskey(key or zone), digest, policy=dns.dnssec.allow_all_policy)
    return f"{zone} 3600 IN DS {ds.to_text()}"


class SignedZone:
    """A zone from master file lines, signed by dnspython with NSEC unless told otherwise."""

    def __init__(self, origin, *lines, signed=True, inception=NOW - DAY, expiration=NOW + DAY):
        self.origin = name(origin)
        text = "\n".join((f"{origin} 600 IN SOA ns.invalid. admin.invalid. 1 3600 600 86400 120", *lines))
        self.zone = dns.zone.from_text(text, origin=origin, relativize=False, check_origin=False)
        if signed:
            keys = [(private_key(origin), dnskey(origin))]
            dns.dnssec.sign_zone(
                self.zone, keys=keys, inception=int(inception), expiration=int(expiration), dnskey_ttl=3600
            )

    def get(self, owner, rdtype, covers=0):
        found = self.zone.get_rdataset(owner, rdtype, covers=covers)
        return dns.rrset.from_rdata_list(owner, found.ttl, list(found)) if found else None

    def signed(self, owner, rdtype, as_name=None):
        """The RRset and its signatures, renamed when it is expanded from a wildcard."""
        sets = [self.get(owner, rdtype), self.get(owner, RRSIG, covers=rdtype)]
        return [
            each if as_name is None else dns.rrset.from_rdata_list(as_name, each.ttl, list(each))
            for each in sets
            if each is not None
        ]

    def exists(self, owner):
        return any(each.is_subdomain(owner) for each in self.zone)

    def covering(self, owner):
        """The NSEC whose span the name is in, with its signature."""
        before = [each for each in self.zone if each < owner and self.get(each, NSEC)]
        return self.signed(max(before), NSEC) if before else []

    def nsec(self, owner):
        return self.signed(owner, NSEC) or self.covering(owner)

    def answer(self, reply, owner, rdtype):
        """RFC 1034 section 4.3.2 for a name in this zone."""
        depth = len(self.origin)
        for count in range(depth + 1, len(owner) + 1):
            above = owner.split(count)[1]
            if self.get(above, NS) and not (rdtype == DS and above == owner):
                reply.authority += [self.get(above, NS)]
                reply.authority += self.signed(above, DS) or self.nsec(above)
                for server in self.get(above, NS):
                    glue = self.get(server.target, dns.rdatatype.A)
                    reply.additional += [glue] if glue else []
                return
            if above != owner and self.get(above, DNAME):
                reply.flags |= dns.flags.AA
                reply.answer += self.signed(above, DNAME)
                target = owner.relativize(above) + self.get(above, DNAME)[0].target
                reply.answer += [dns.rrset.from_text(owner, 300, "IN", "CNAME", target.to_text())]
                if target.is_subdomain(self.origin):
                    self.answer(reply, target, rdtype)
                return
        reply.flags |= dns.flags.AA
        if self.exists(owner):
            self._node(reply, owner, owner, rdtype)
            return
        closest = owner
        while not self.exists(closest):
            closest = closest.parent()
        wildcard = name("*").relativize(dns.name.root) + closest
        if self.exists(wildcard):
            self._node(reply, wildcard, owner, rdtype)
            reply.authority += self.covering(owner)
            return
        reply.set_rcode(dns.rcode.NXDOMAIN)
        reply.authority += self.signed(self.origin, SOA)
        reply.authority += self.covering(owner)
        reply.authority += [each for each in self.covering(wildcard) if each not in reply.authority]

    def _node(self, reply, source, owner, rdtype):
        as_name = None if source == owner else owner
        if found := self.signed(source, rdtype, as_name):
            reply.answer += found
        elif found := self.signed(source, CNAME, as_name):
            reply.answer += found
            target = found[0][0].target
            if target.is_subdomain(self.origin) and target != owner:
                self.answer(reply, target, rdtype)
        else:
            reply.authority += self.signed(self.origin, SOA)
            reply.authority += self.nsec(source)


class Net:
    """Servers by address. `tamper` functions may change a reply, return other bytes, or None for silence."""

    def __init__(self):
        self.zones = {}
        self.roots = [NameServer("a.root-servers.net.", ("198.41.0.4",))]
        self.anchors = []
        self.tampering = []
        self.asked = []

    def serve(self, address, *zones):
        self.zones.setdefault(address, []).extend(zones)

    def tamper(self, function):
        self.tampering.append(function)
        return function

    def tamper_answers(self, function):
        """Tamper with authoritative answers only, not with referrals."""

        def only_answers(address, name, rdtype, reply):
            return function(address, name, rdtype, reply) if reply.flags & dns.flags.AA else None

        return self.tamper(only_answers)

    def ask(self, address, wire, via="udp"):
        query = dns.message.from_wire(wire)
        question = query.question[0]
        reply = dns.message.make_response(query)
        hosted = [z for z in self.zones.get(address, []) if question.name.is_subdomain(z.origin)]
        if question.rdtype == DS:
            hosted = [z for z in hosted if z.origin != question.name] or hosted
        self.asked.append((address, question.name.to_text(), dns.rdatatype.to_text(question.rdtype), via))
        if hosted:
            max(hosted, key=lambda z: len(z.origin)).answer(reply, question.name, question.rdtype)
        else:
            reply.set_rcode(dns.rcode.REFUSED)
        for tamper in self.tampering:
            changed = tamper(address, question.name.to_text(), dns.rdatatype.to_text(question.rdtype), reply)
            if changed is not None:
                return changed if isinstance(changed, bytes) else None
        return reply.to_wire(max_size=1232 if via == "udp" else 65535, prefer_truncation=True)

    def walk(self, asked, rdtype="A"):
        walk = Walk(asked, rdtype, self.roots, clock=lambda: 0.0, dnssec=True, random=random.Random(1))
        heard = []
        while (question := walk.next_question()) is not None:
            heard.append(walk.hear(self.ask(question.server.address, question.wire, question.via)))
        return walk.result, heard

    def chain(self, result, heard, *, now=NOW, anchors=None, **options):
        anchors = self.anchors if anchors is None else anchors
        chain = Chain(result, heard, anchors, now=now, random=random.Random(2), **options)
        while (question := chain.next_question()) is not None:
            chain.hear(self.ask(question.server.address, question.wire, question.via))
        return chain.verdict

    def judge(self, asked, rdtype="A", **options):
        """Walk, then judge: the verdict."""
        return self.chain(*self.walk(asked, rdtype), **options)


def delegate(zone, address, *extra):
    return (f"{zone} 3600 IN NS ns.{zone}", f"ns.{zone} 3600 IN A {address}", *extra)


def build_net(**changes):
    """The root, test., shop.test. and what hangs below; `changes` are extra lines for a zone by its name."""
    net = Net()
    lines = {zone: tuple(extra) for zone, extra in changes.items()}
    net.serve(
        "198.41.0.4",
        SignedZone(
            ".",
            ". 3600 IN NS a.root-servers.net.",
            "a.root-servers.net. 3600 IN A 198.41.0.4",
            *delegate("test.", "192.0.2.1", ds_line("test.")),
            *delegate("example.", "192.0.2.9", ds_line("example.")),
        ),
    )
    net.anchors = [ds_line(".").replace("3600 IN ", "")]
    net.serve(
        "192.0.2.1",
        SignedZone(
            "test.",
            "test. 3600 IN NS ns.test.",
            "ns.test. 3600 IN A 192.0.2.1",
            *delegate("shop.test.", "192.0.2.2", ds_line("shop.test.")),
            "shop.test. 3600 IN NS ns2.shop.test.",
            "ns2.shop.test. 3600 IN A 192.0.2.3",
            *delegate("unsigned.test.", "192.0.2.4"),
            *delegate("wrong-ds.test.", "192.0.2.5", ds_line("wrong-ds.test.", key="another key")),
            *delegate("strange.test.", "192.0.2.7", "strange.test. 3600 IN DS 4711 250 2 " + "ab" * 32),
            "in.test. 3600 IN NS ns.test.",
            ds_line("in.test."),
            *lines.get("test", ()),
        ),
        SignedZone(
            "in.test.",
            "in.test. 3600 IN NS ns.test.",
            "deep.in.test. 3600 IN NS ns.test.",
            ds_line("deep.in.test."),
            "plain.in.test. 3600 IN NS ns.test.",
        ),
        SignedZone(
            "deep.in.test.", "deep.in.test. 3600 IN NS ns.test.", "www.deep.in.test. 300 IN A 203.0.113.30"
        ),
        SignedZone(
            "plain.in.test.",
            "plain.in.test. 3600 IN NS ns.test.",
            "www.plain.in.test. 300 IN A 203.0.113.31",
            signed=False,
        ),
    )
    shop = SignedZone(
        "shop.test.",
        "shop.test. 3600 IN NS ns.shop.test.",
        "shop.test. 3600 IN NS ns2.shop.test.",
        "ns.shop.test. 3600 IN A 192.0.2.2",
        "ns2.shop.test. 3600 IN A 192.0.2.3",
        "shop.test. 300 IN A 203.0.113.10",
        "www.shop.test. 300 IN A 203.0.113.10",
        "www.shop.test. 300 IN A 203.0.113.11",
        "alias.shop.test. 300 IN CNAME www.example.",
        "near.shop.test. 300 IN CNAME www.shop.test.",
        "nowhere.shop.test. 300 IN CNAME missing.shop.test.",
        "toplain.shop.test. 300 IN CNAME www.unsigned.test.",
        "old.shop.test. 300 IN DNAME new.shop.test.",
        "www.new.shop.test. 300 IN A 203.0.113.12",
        "*.wild.shop.test. 300 IN A 203.0.113.13",
        "host.sub.wild.shop.test. 300 IN A 203.0.113.14",
        "a.ent.shop.test. 300 IN A 203.0.113.15",
        *[f'big.shop.test. 300 IN TXT "{number:03} {"x" * 200}"' for number in range(12)],
        *lines.get("shop", ()),
    )
    net.serve("192.0.2.2", shop)
    net.serve("192.0.2.3", shop)
    net.serve(
        "192.0.2.4",
        SignedZone(
            "unsigned.test.",
            "unsigned.test. 3600 IN NS ns.unsigned.test.",
            "www.unsigned.test. 300 IN A 203.0.113.20",
            signed=False,
        ),
    )
    for zone, address in (("wrong-ds.test.", "192.0.2.5"), ("strange.test.", "192.0.2.7")):
        net.serve(
            address, SignedZone(zone, f"{zone} 3600 IN NS ns.{zone}", f"www.{zone} 300 IN A 203.0.113.21")
        )
    net.serve(
        "192.0.2.9",
        SignedZone("example.", "example. 3600 IN NS ns.example.", "www.example. 300 IN A 203.0.113.40"),
    )
    return net


@pytest.fixture
def net():
    """A fresh internet that the test may tamper with."""
    return build_net()


@pytest.fixture(scope="session")
def make():
    """The tools of this file, since test files cannot import it."""
    return type(
        "Make",
        (),
        {
            "zone": staticmethod(SignedZone),
            "net": staticmethod(build_net),
            "sign": staticmethod(sign),
            "key": staticmethod(dnskey),
            "name": staticmethod(name),
            "ds_line": staticmethod(ds_line),
            "now": NOW,
            "day": DAY,
        },
    )
