"""The walk on the ordinary road: referrals, answers, "no", and what is said about each."""

import doctest
import random

import dns.flags
import dns.message
import pytest

from labctl.protocols import dns_walk
from labctl.protocols.dns_result import Budget, Server


def test_the_example_in_the_docstring_runs_against_any_transport(net):
    def ask(address, wire, via):
        query = dns.message.from_wire(wire)
        return net.servers[address](query).to_wire()

    globs = {"ask": ask, "clock": net.clock}
    finder = doctest.DocTestFinder(recurse=False)
    tests = finder.find(dns_walk, "dns_walk", extraglobs=globs)
    runner = doctest.DocTestRunner()
    assert sum(runner.run(test).attempted for test in tests) >= 5
    assert runner.failures == 0


def test_a_walk_goes_from_the_root_by_referrals_to_the_answer(net):
    result = net.run()
    assert net.kinds == ["referral", "referral", "answer"]
    assert [heard.zone for heard in net.heard] == ["test.", "shop.test.", ""]
    assert result.status == "answer"
    assert [record.text for record in result.records] == ["203.0.113.10"]
    assert result.zone == "shop.test."
    assert [cut.zone for cut in result.cuts] == [".", "test.", "shop.test."]
    assert [cut.parent for cut in result.cuts] == [".", ".", "test."]
    assert result.cuts[2].servers == (Server("shop.test.", "ns1.shop.test.", "192.0.2.2", "glue"),)


def test_each_question_says_where_its_address_came_from(net):
    net.run()
    assert [question.server.source for question in net.asked] == ["hint", "glue", "glue"]
    assert [question.why for question in net.asked] == ["walk", "walk", "walk"]
    assert [question.depth for question in net.asked] == [0, 0, 0]
    assert [question.number for question in net.asked] == [1, 2, 3]


def test_a_question_is_the_same_until_it_was_heard(net):
    walk = net.walk()
    assert walk.next_question() is walk.next_question()
    with pytest.raises(RuntimeError):
        _ = walk.result


def test_hearing_without_a_question_is_a_mistake_of_the_caller(net):
    with pytest.raises(RuntimeError):
        net.walk().hear(b"")


def test_a_seeded_walk_asks_with_the_same_ids(net):
    def ids():
        net.run(random=random.Random(7))
        return [question.wire[:2] for question in net.asked]

    assert ids() == ids()


def test_questions_offer_edns_and_do_not_ask_for_recursion(net):
    net.run(dnssec=True)
    query = dns.message.from_wire(net.asked[0].wire)
    assert (query.edns, query.payload) == (0, 1232)
    assert query.ednsflags & dns.flags.DO
    assert not query.flags & dns.flags.RD
    net.run(recursion_desired=True)
    query = dns.message.from_wire(net.asked[0].wire)
    assert query.flags & dns.flags.RD
    assert not query.ednsflags & dns.flags.DO


def test_no_such_name_and_no_such_record_are_told_apart(net):
    result = net.run("nope.shop.test.")
    assert (result.status, result.negative_ttl) == ("nxdomain", 120)
    assert result.soa.text.split()[0] == "ns.shop.test."
    result = net.run("www.shop.test.", "MX")
    assert (result.status, result.negative_ttl) == ("nodata", 120)
    assert "has no MX record" in result.text
    assert net.heard[-1].negative_ttl == 120


def test_an_empty_non_terminal_exists(net):
    assert net.run("ent.shop.test.").status == "nodata"


def test_the_negative_ttl_is_the_smaller_of_the_soas_own_ttl_and_its_minimum(net):
    soa = "shop.test. 30 SOA ns.shop.test. admin.shop.test. 1 3600 600 86400 120"
    net.servers["192.0.2.2"] = lambda query: net.reply(query, authority=[soa], aa=True, rcode="NXDOMAIN")
    assert net.run().negative_ttl == 30


def test_a_no_without_soa_may_not_be_remembered(net):
    net.servers["192.0.2.2"] = lambda query: net.reply(query, aa=True, rcode="NXDOMAIN")
    result = net.run()
    assert (result.status, result.negative_ttl, result.soa) == ("nxdomain", None, None)
    assert any("may not be remembered" in note for note in net.heard[-1].notes)


def test_a_compact_denial_means_that_the_name_does_not_exist(net):
    soa = "shop.test. 600 SOA ns.shop.test. admin.shop.test. 1 3600 600 86400 120"
    nsec = "www.shop.test. 120 NSEC \\000.www.shop.test. RRSIG NSEC NXNAME"
    net.servers["192.0.2.2"] = lambda query: net.reply(query, authority=[soa, nsec], aa=True)
    result = net.run(dnssec=True)
    assert result.status == "nxdomain"
    assert net.heard[-1].rcode == "NOERROR"
    assert any("RFC 9824" in note for note in net.heard[-1].notes)
    nodata = "www.shop.test. 120 NSEC \\000.www.shop.test. TXT RRSIG NSEC"
    net.servers["192.0.2.2"] = lambda query: net.reply(query, authority=[soa, nodata], aa=True)
    assert net.run(dnssec=True).status == "nodata"


def test_a_truncated_answer_is_asked_again_over_tcp(net):
    full = net.servers["192.0.2.2"]

    def cut(query):
        if query.via == "tcp":
            return full(query)
        return net.reply(query, aa=True, flags=("TC",))

    net.servers["192.0.2.2"] = cut
    result = net.run()
    assert net.kinds == ["referral", "referral", "truncated", "answer"]
    assert [(question.via, question.why) for question in net.asked[2:]] == [("udp", "walk"), ("tcp", "tcp")]
    assert net.heard[2].tc
    assert "over TCP" in net.heard[2].text
    assert result.status == "answer"


def test_cut_off_over_tcp_too_is_noted_and_not_asked_for_ever(net):
    full = net.servers["192.0.2.2"]

    def cut(query):
        made = full(query)
        made.flags |= dns.flags.TC
        return made

    net.servers["192.0.2.2"] = cut
    assert net.run().status == "answer"
    assert any("all the same" in note for note in net.heard[-1].notes)


def test_the_budget_ends_a_walk_with_a_sentence(net):
    result = net.run(budget=Budget(questions=2))
    assert (result.status, result.code, result.questions) == ("failed", "budget", 2)
    assert result.why == "The budget of 2 questions is used up."


def test_recursion_offered_is_seen(net):
    full = net.servers["198.41.0.4"]

    def intercepted(query):
        made = full(query)
        made.flags |= dns.flags.RA
        return made

    net.servers["198.41.0.4"] = intercepted
    net.run()
    assert [heard.ra for heard in net.heard] == [True, False, False]


def test_a_root_that_knows_it_all_ends_the_walk_at_once(net):
    net.servers["198.41.0.4"] = lambda query: net.reply(query, "www.shop.test. 300 A 203.0.113.10", aa=True)
    result = net.run()
    assert (result.status, result.zone, result.questions) == ("answer", ".", 1)


def test_ds_is_asked_of_the_parent(net):
    ds = "shop.test. 3600 DS 12345 13 2 " + "ab" * 32

    def parent(query):
        if query.question[0].rdtype == dns.rdatatype.DS:
            return net.reply(query, ds, aa=True)
        return net.reply(query, authority=["shop.test. 60 NS ns1.shop.test."])

    net.servers["192.0.2.1"] = parent
    result = net.run("shop.test.", "DS", dnssec=True)
    assert result.status == "answer"
    assert result.zone == "test."
    assert [question.server.address for question in net.asked] == ["198.41.0.4", "192.0.2.1"]


def test_a_parent_that_answers_a_ds_question_with_a_referral_knows_no_dnssec(net):
    result = net.run("shop.test.", "DS", dnssec=True)
    assert result.status == "nodata"
    assert any("knows nothing of DNSSEC" in note for note in net.heard[-1].notes)


def test_extended_errors_and_server_ids_are_told(net):
    full = net.servers["192.0.2.2"]

    def telling(query):
        made = full(query)
        options = [
            dns.edns.EDEOption(dns.edns.EDECode.STALE_ANSWER, "from yesterday"),
            dns.edns.NSIDOption(b"fra-1"),
        ]
        made.use_edns(0, payload=1232, options=options)
        return made

    net.servers["192.0.2.2"] = telling
    net.run()
    assert net.heard[-1].notes == (
        "Extended error 3, stale answer: from yesterday (RFC 8914).",
        "The server names itself fra-1 (NSID, RFC 5001).",
    )


def test_a_ttl_with_its_top_bit_set_counts_as_seven_days(net):
    full = net.servers["192.0.2.2"]
    net.servers["192.0.2.2"] = lambda query: (
        full(query).to_wire().replace(b"\x00\x00\x01\x2c\x00\x04", b"\xff\xff\xff\xff\x00\x04")
    )
    result = net.run()
    assert result.records[0].ttl == 604_800
    assert any("RFC 8767" in note for note in net.heard[-1].notes)


def test_names_in_records_are_escaped(net):
    ptr = "www.shop.test. 300 PTR a\\000b\\.c\\027[31m.example.net."
    net.servers["192.0.2.2"] = lambda query: net.reply(query, ptr, aa=True)
    result = net.run(type="PTR")
    assert result.records[0].text == "a\\000b\\.c\\027[31m.example.net."
    assert result.text.isprintable()


def test_ipv6_addresses_are_used_only_when_wanted(net):
    glue = [("ns1.shop.test.", "2001:db8::53"), ("ns1.shop.test.", "192.0.2.2")]
    net.servers.pop("192.0.2.1")
    net.refer("192.0.2.1", "shop.test.", "ns1.shop.test.", glue=glue)
    net.servers["2001:db8::53"] = net.servers["192.0.2.2"]
    net.run()
    assert net.asked[-1].server.address == "192.0.2.2"
    net.servers.pop("192.0.2.2")
    assert net.run().code == "no-server-answers"
    assert net.run(ipv6=True).status == "answer"
    assert [question.server.address for question in net.asked[2:]] == ["192.0.2.2", "2001:db8::53"]
