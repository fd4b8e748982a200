"""An internet of name servers in memory: a table of address -> function(query) -> reply, or None for
silence.
"""

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from labctl.internet import NameServer
from labctl.protocols.dns_walk import Walk

ROOT = NameServer("a.root-servers.net.", ("198.41.0.4",))


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def rrset(text):
    name, ttl, rdtype, data = text.split(" ", 3)
    return dns.rrset.from_text(name, int(ttl), "IN", rdtype, data)


def reply(query, *answer, authority=(), additional=(), aa=False, rcode="NOERROR", flags=(), edns=True):
    made = dns.message.make_response(query, our_payload=1232)
    if not edns:
        made.use_edns(-1)
    made.set_rcode(dns.rcode.from_text(rcode))
    made.answer += list(map(rrset, answer))
    made.authority += list(map(rrset, authority))
    made.additional += list(map(rrset, additional))
    for flag in (*flags, *(("AA",) if aa else ())):
        made.flags |= dns.flags.from_text(flag)
    return made


class Net:
    """`servers[address]` is a function of the query, or a list of them used up one by one."""

    def __init__(self):
        self.servers = {}
        self.clock = Clock()
        self.asked = []
        self.heard = []

    def at(self, *addresses):
        def keep(function):
            for address in addresses:
                self.servers[address] = function
            return function

        return keep

    def refer(self, address, zone, *servers, ttl=3600, glue=()):
        """A server that refers everything to a zone, except what is outside of it: then it refuses."""
        authority = [f"{zone} {ttl} NS {name}" for name in servers]
        added = [f"{name} {ttl} {'AAAA' if ':' in to else 'A'} {to}" for name, to in glue]
        before = self.servers.get(address)

        def answer(query):
            name = query.question[0].name
            if name.is_subdomain(dns.name.from_text(zone)):
                return reply(query, authority=authority, additional=added)
            return before(query) if before else reply(query, rcode="REFUSED")

        self.servers[address] = answer

    def zone(self, address, *records, zone, aa=True):
        """A server of one zone: answers from the records, NXDOMAIN or NODATA with the zone's SOA."""
        table = list(map(rrset, records))
        soa = f"{zone} 600 SOA ns.{zone.lstrip('.')} admin.{zone.lstrip('.')} 1 3600 600 86400 120"
        before = self.servers.get(address)

        def answer(query):
            asked = query.question[0]
            if not asked.name.is_subdomain(dns.name.from_text(zone)):
                return before(query) if before else reply(query, rcode="REFUSED")
            made = reply(query, aa=aa)
            name = asked.name
            while True:
                here = [r for r in table if r.name == name and r.rdtype == asked.rdtype]
                alias = [r for r in table if r.name == name and r.rdtype == dns.rdatatype.CNAME]
                made.answer += here or alias
                if here or not alias or made.answer.count(alias[0]) > 1:
                    break
                name = alias[0][0].target
            if not here and name.is_subdomain(dns.name.from_text(zone)):
                made.authority.append(rrset(soa))
                if not any(r.name.is_subdomain(name) for r in table):
                    made.set_rcode(dns.rcode.NXDOMAIN)
            return made

        self.servers[address] = answer

    def walk(self, name="www.shop.test.", type="A", **options):
        return Walk(name, type, [ROOT], clock=self.clock, **options)

    def run(self, name="www.shop.test.", type="A", **options):
        walk = self.walk(name, type, **options)
        self.asked, self.heard = [], []
        while question := walk.next_question():
            self.asked.append(question)
            self.heard.append(walk.hear(self.ask(question)))
        for heard in self.heard:
            assert heard.text.endswith(".")
            assert "\n" not in heard.text
        assert walk.result.text.endswith(".")
        assert walk.result.questions == len(self.asked)
        return walk.result

    def ask(self, question):
        server = self.servers.get(question.server.address)
        if server is None:
            return None
        query = dns.message.from_wire(question.wire)
        query.via = question.via
        said = server(query)
        return said.to_wire(max_size=65535) if isinstance(said, dns.message.Message) else said

    @property
    def ladder(self):
        return [
            (q.server.address, q.name, q.type, h.kind) for q, h in zip(self.asked, self.heard, strict=True)
        ]

    @property
    def kinds(self):
        return [heard.kind for heard in self.heard]


@pytest.fixture
def net():
    """root -> test. (192.0.2.1) -> shop.test. (192.0.2.2), as the simplest internet that can be walked."""
    made = Net()
    made.refer("198.41.0.4", "test.", "a.nic.test.", glue=[("a.nic.test.", "192.0.2.1")])
    made.refer("192.0.2.1", "shop.test.", "ns1.shop.test.", glue=[("ns1.shop.test.", "192.0.2.2")])
    made.zone(
        "192.0.2.2",
        "www.shop.test. 300 A 203.0.113.10",
        "b.ent.shop.test. 300 A 203.0.113.11",
        zone="shop.test.",
    )
    made.reply = reply
    made.rrset = rrset
    return made
