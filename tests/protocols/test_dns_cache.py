"""What a resolver remembers, and for how long."""

import hypothesis.strategies as st
from hypothesis import given

from labctl.protocols.dns_cache import Cache


def cached(net, **options):
    return Cache(net.clock, **options)


def test_a_warm_cache_answers_without_a_question(net):
    cache = cached(net)
    net.run(cache=cache)
    net.clock.now += 100
    result = net.run(cache=cache)
    assert (result.status, result.questions) == ("answer", 0)
    assert result.records[0].ttl == 200
    assert "from memory, without a question" in result.text


def test_when_the_answer_is_forgotten_the_walk_starts_at_the_deepest_known_zone(net):
    cache = cached(net)
    net.run(cache=cache)
    net.clock.now += 301
    result = net.run(cache=cache)
    assert [question.server.address for question in net.asked] == ["192.0.2.2"]
    assert net.asked[0].server.source == "cache"
    assert [cut.zone for cut in result.cuts] == [".", "test.", "shop.test."]


def test_when_the_zone_is_forgotten_too_the_walk_starts_at_the_root(net):
    cache = cached(net)
    net.run(cache=cache)
    net.clock.now += 3600
    net.run(cache=cache)
    assert net.kinds == ["referral", "referral", "answer"]


def test_a_no_is_remembered_for_as_long_as_the_soa_allows(net):
    cache = cached(net)
    assert net.run("nope.shop.test.", cache=cache).negative_ttl == 120
    net.clock.now += 20
    result = net.run("nope.shop.test.", "MX", cache=cache)
    assert (result.status, result.questions, result.negative_ttl) == ("nxdomain", 0, 100)
    assert result.soa.ttl == 100
    net.clock.now += 101
    assert net.run("nope.shop.test.", cache=cache).questions == 1


def test_below_a_name_that_does_not_exist_nothing_is_asked_for(net):
    cache = cached(net)
    net.run("nope.shop.test.", cache=cache)
    result = net.run("a.b.nope.shop.test.", cache=cache)
    assert (result.status, result.questions) == ("nxdomain", 0)


def test_no_data_is_remembered_for_its_type_only(net):
    cache = cached(net)
    net.run("www.shop.test.", "MX", cache=cache)
    assert net.run("www.shop.test.", "MX", cache=cache).questions == 0
    assert net.run("www.shop.test.", "A", cache=cache).status == "answer"


def test_aliases_are_remembered_and_followed(net):
    cache = cached(net)
    net.zone(
        "192.0.2.2",
        "x.shop.test. 300 CNAME www.shop.test.",
        "www.shop.test. 60 A 203.0.113.1",
        zone="shop.test.",
    )
    net.run("x.shop.test.", cache=cache)
    net.clock.now += 10
    result = net.run("x.shop.test.", cache=cache)
    assert (result.questions, result.final_name) == (0, "www.shop.test.")
    assert (result.chain[0].ttl, result.records[0].ttl) == (290, 50)
    net.clock.now += 55
    assert net.run("x.shop.test.", cache=cache).questions == 1
    assert net.asked[0].why == "alias"


def test_a_dname_is_remembered_for_every_name_below_it(net):
    cache = cached(net)
    net.servers["192.0.2.2"] = lambda query: net.reply(
        query, "old.shop.test. 300 DNAME new.shop.test.", "a.new.shop.test. 60 A 203.0.113.7", aa=True
    )
    net.run("a.old.shop.test.", cache=cache)
    assert net.run("a.old.shop.test.", cache=cache).questions == 0
    net.run("b.old.shop.test.", cache=cache)
    assert net.asked[0].name == "b.new.shop.test."


def test_entries_come_in_the_order_learnt_with_their_ttls(net):
    cache = cached(net)
    net.run(cache=cache)
    net.run("nope.shop.test.", cache=cache)
    net.run("www.shop.test.", "MX", cache=cache)
    net.clock.now += 50
    assert [(entry.name, entry.type, entry.ttl_total, entry.ttl_left) for entry in cache.entries()] == [
        ("test.", "NS", 3600, 3550),
        ("shop.test.", "NS", 3600, 3550),
        ("www.shop.test.", "A", 300, 250),
        ("nope.shop.test.", "NXDOMAIN", 120, 70),
        ("www.shop.test.", "MX", 120, 70),
    ]
    assert [entry.negative for entry in cache.entries()] == [False, False, False, True, True]
    assert [entry.text for entry in cache.entries()][1:] == [
        "ns1.shop.test.",
        "203.0.113.10",
        "no such name",
        "no record of this type",
    ]


def test_look_ups_give_rrsets_with_the_ttl_that_is_left(net):
    cache = cached(net)
    net.run(cache=cache)
    net.clock.now += 0.5
    found = cache.lookup("www.shop.test.", "A")
    assert (found.rcode, found.negative, found.ttl_left) == ("NOERROR", False, 300)
    net.clock.now += 0.5
    assert cache.lookup("WWW.shop.test.", "A").rrsets[0].to_text() == "www.shop.test. 299 IN A 203.0.113.10"
    assert cache.lookup("www.shop.test.", "MX") is None
    net.run("nope.shop.test.", cache=cache)
    found = cache.lookup("nope.shop.test.", "A")
    assert (found.rcode, found.negative, found.rrsets) == ("NXDOMAIN", True, ())
    assert [rrset.ttl for rrset in found.authority] == [120]


SIGNATURE = "A 13 3 300 20300101000000 20200101000000 1 shop.test. AAAA"
NSEC = "a.shop.test. 60 NSEC b.shop.test. A RRSIG NSEC"


def test_signatures_are_kept_with_what_they_sign(net):
    net.servers["192.0.2.2"] = lambda query: net.reply(
        query,
        "www.shop.test. 300 A 203.0.113.10",
        f"www.shop.test. 300 RRSIG {SIGNATURE}",
        authority=[NSEC],
        aa=True,
    )
    cache = cached(net)
    net.run(cache=cache, dnssec=True)
    found = cache.lookup("www.shop.test.", "A", signed=True)
    assert [rrset.rdtype.name for rrset in found.rrsets] == ["A", "RRSIG"]
    assert [rrset.rdtype.name for rrset in found.authority] == ["NSEC"]
    assert net.heard[-1].scrubbed == ()


def test_what_was_learnt_without_signatures_does_not_answer_a_signed_look_up(net):
    cache = cached(net)
    net.run(cache=cache)
    assert cache.lookup("www.shop.test.", "A", signed=True) is None
    assert net.run(cache=cache, dnssec=True).questions == 1
    assert net.run(cache=cache, dnssec=True).questions == 0


def test_ttls_are_capped_at_seven_days_and_three_hours(net):
    net.zone("192.0.2.2", "www.shop.test. 9999999 A 203.0.113.1", zone="shop.test.")
    cache = cached(net)
    net.run(cache=cache)
    assert cache.lookup("www.shop.test.", "A").ttl_left == 604_800
    soa = "shop.test. 99999 SOA ns.shop.test. admin.shop.test. 1 3600 600 86400 99999"
    net.servers["192.0.2.2"] = lambda query: net.reply(query, authority=[soa], aa=True, rcode="NXDOMAIN")
    net.run("nope.shop.test.", cache=cache)
    assert cache.lookup("nope.shop.test.", "A").ttl_left == 10_800


def test_a_ttl_of_zero_is_not_remembered(net):
    net.zone("192.0.2.2", "www.shop.test. 0 A 203.0.113.1", zone="shop.test.")
    cache = cached(net)
    assert net.run(cache=cache).records[0].ttl == 0
    assert cache.lookup("www.shop.test.", "A") is None


def test_glue_is_no_answer(net):
    cache = cached(net)
    net.run(cache=cache)
    assert cache.lookup("ns1.shop.test.", "A") is None
    assert cache.lookup("shop.test.", "NS") is None


def test_a_cache_can_be_told_to_remember_no_no(net):
    cache = cached(net, max_negative_ttl=0)
    net.run("nope.shop.test.", cache=cache)
    assert net.run("nope.shop.test.", cache=cache).questions == 1


def test_learning_the_same_delegation_again_does_not_renew_it(net):
    cache = cached(net)
    net.run(cache=cache)
    net.clock.now += 1000
    delegation = cache.delegation((b"shop", b"test"))
    cache.learn_delegation(delegation, 3600)
    assert next(entry.ttl_left for entry in cache.entries() if entry.name == "shop.test.") == 2600


def test_a_given_servers_words_are_not_remembered_for_others(net):
    from labctl.protocols.dns_result import Server

    net.servers["198.51.100.53"] = lambda query: net.reply(query, "www.shop.test. 300 A 192.0.2.66")
    cache = cached(net)
    net.run(cache=cache, first=Server(".", "r.", "198.51.100.53", "given"))
    assert cache.entries() == []


@given(st.lists(st.floats(min_value=0, max_value=40), max_size=30), st.integers(0, 200))
def test_a_remembered_ttl_never_rises(steps, ttl):
    import importlib.util
    from pathlib import Path

    spec = importlib.util.spec_from_file_location("net_in_memory", Path(__file__).with_name("conftest.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    net = module.Net()
    net.zone("198.41.0.4", f"www.shop.test. {ttl} A 203.0.113.1", zone=".")
    cache = Cache(net.clock)
    net.run(cache=cache)
    learnt, before = net.clock.now, ttl
    for step in steps:
        net.clock.now += step
        found = cache.lookup("www.shop.test.", "A")
        left = found.ttl_left if found else 0
        assert left <= before
        assert (left > 0) == (net.clock.now - learnt < ttl)
        before = left
