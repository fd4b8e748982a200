"""Where the addresses of name servers come from: glue, looked up, and never from out of the zone."""

import dns.message

from labctl.protocols.dns_result import Budget


def test_a_referral_keeps_only_glue_from_inside_the_zone(net):
    net.servers.pop("192.0.2.1")
    net.refer(
        "192.0.2.1",
        "shop.test.",
        "ns1.shop.test.",
        "ns.sibling.test.",
        "ns.example.net.",
        glue=[
            ("ns1.shop.test.", "192.0.2.2"),
            ("ns.sibling.test.", "192.0.2.3"),
            ("ns.example.net.", "192.0.2.66"),
            ("www.bank.test.", "192.0.2.67"),
        ],
    )
    net.run()
    referral = net.heard[1]
    assert referral.glue == (("ns1.shop.test.", "192.0.2.2"), ("ns.sibling.test.", "192.0.2.3"))
    assert referral.scrubbed == (
        "ns.example.net. 3600 A 192.0.2.66 (outside test.)",
        "www.bank.test. 3600 A 192.0.2.67 (not one of the servers named)",
    )
    assert referral.ns == ("ns1.shop.test.", "ns.sibling.test.", "ns.example.net.")


def glueless(net):
    net.refer("198.41.0.4", "net.", "a.nic.net.", glue=[("a.nic.net.", "192.0.2.4")])
    net.zone("192.0.2.4", "ns.example.net. 300 A 192.0.2.2", zone="net.")
    net.servers.pop("192.0.2.1")
    net.refer("192.0.2.1", "shop.test.", "ns.example.net.", glue=[("ns.example.net.", "192.0.2.66")])


def test_a_server_known_by_name_only_is_looked_up_from_the_root(net):
    glueless(net)
    result = net.run()
    assert result.status == "answer"
    assert net.ladder == [
        ("198.41.0.4", "www.shop.test.", "A", "referral"),
        ("192.0.2.1", "www.shop.test.", "A", "referral"),
        ("198.41.0.4", "ns.example.net.", "A", "referral"),
        ("192.0.2.4", "ns.example.net.", "A", "answer"),
        ("192.0.2.2", "www.shop.test.", "A", "answer"),
    ]
    assert [question.why for question in net.asked] == ["walk", "walk", "ns-address", "ns-address", "walk"]
    assert [question.depth for question in net.asked] == [0, 0, 1, 1, 0]
    assert net.asked[-1].server.source == "resolved"
    assert [cut.zone for cut in result.cuts] == [".", "test.", "shop.test."]


def test_an_address_outside_the_zone_is_never_asked(net):
    glueless(net)
    net.run()
    assert "192.0.2.66" not in {question.server.address for question in net.asked}


def test_a_server_without_ipv4_address_is_looked_up_for_ipv6_when_that_is_wanted(net):
    glueless(net)
    net.zone("192.0.2.4", "ns.example.net. 300 AAAA 2001:db8::2", zone="net.")
    net.servers["2001:db8::2"] = net.servers["192.0.2.2"]
    result = net.run()
    assert (result.code, "has no IPv4 address" in result.why) == ("no-address", True)
    assert net.run(ipv6=True).status == "answer"


def test_glue_is_asked_before_a_name_is_looked_up(net):
    net.servers.pop("192.0.2.1")
    net.refer(
        "192.0.2.1", "shop.test.", "ns.example.net.", "ns1.shop.test.", glue=[("ns1.shop.test.", "192.0.2.2")]
    )
    net.run()
    assert net.kinds == ["referral", "referral", "answer"]


def cyclic(net):
    """cyclic.test. and cyclic2.test., each served from inside the other."""
    net.servers.pop("192.0.2.1")
    net.refer("192.0.2.1", "cyclic.test.", "ns1.cyclic2.test.", "ns2.cyclic2.test.")
    net.refer("192.0.2.1", "cyclic2.test.", "ns1.cyclic.test.", "ns2.cyclic.test.")


def test_delegations_that_wait_for_each_other_are_a_cycle_with_an_exact_sentence(net):
    cyclic(net)
    result = net.run("www.cyclic.test.")
    assert (result.status, result.code) == ("failed", "glueless-cycle")
    assert result.why == (
        "cyclic.test. cannot be reached: it is served by ns1.cyclic2.test., which is in cyclic2.test., which "
        "is served by ns1.cyclic.test., which is in cyclic.test. again, and no address came along (no glue)."
    )
    assert result.questions <= 4


def test_a_zone_served_from_inside_itself_without_glue_is_a_cycle_of_one(net):
    net.servers.pop("192.0.2.1")
    net.refer("192.0.2.1", "shop.test.", "ns1.shop.test.")
    result = net.run()
    assert result.code == "glueless-cycle"
    assert result.why == (
        "shop.test. cannot be reached: it is served by ns1.shop.test., which is in shop.test. itself, and no "
        "address came along (no glue)."
    )
    assert result.questions == 2


def test_a_cycle_does_not_matter_when_another_server_can_be_reached(net):
    glueless(net)
    net.refer("192.0.2.1", "shop.test.", "ns1.shop.test.", "ns.example.net.")
    assert net.run().status == "answer"


def test_not_more_than_five_names_of_one_referral_are_looked_up(net):
    net.servers.pop("192.0.2.1")
    victims = [f"ns{number}.victim.net." for number in range(40)]
    net.refer("192.0.2.1", "shop.test.", *victims)
    net.refer("198.41.0.4", "net.", "a.nic.net.", glue=[("a.nic.net.", "192.0.2.4")])
    net.zone("192.0.2.4", zone="net.")
    result = net.run()
    assert result.code == "no-address"
    assert len({question.name for question in net.asked if question.depth}) == 5
    assert "others were not looked up: 5 are enough" in result.why


def test_looking_up_servers_stops_at_a_depth(net):
    net.servers.pop("192.0.2.1")
    for number in range(20):
        net.refer("192.0.2.1", f"z{number}.test.", f"ns.z{number + 1}.test.")
    result = net.run("www.z0.test.", budget=Budget(depth=3))
    assert result.status == "failed"
    assert max(question.depth for question in net.asked) == 3
    assert "4 deep" in result.why


def test_a_server_name_that_does_not_exist_is_told(net):
    glueless(net)
    net.zone("192.0.2.4", zone="net.")
    result = net.run()
    assert result.code == "no-address"
    assert "ns.example.net. does not exist" in result.why


def test_a_second_zone_in_one_referral_is_thrown_away(net):
    net.servers["192.0.2.1"] = lambda query: net.reply(
        query,
        authority=["shop.test. 60 NS ns1.shop.test.", "www.shop.test. 60 NS ns.evil.net."],
        additional=["ns1.shop.test. 60 A 192.0.2.2"],
    )
    net.run()
    assert net.heard[1].zone == "www.shop.test."
    assert net.heard[1].scrubbed[0] == "shop.test. 60 NS ns1.shop.test. (a second zone in one referral)"


def test_a_silent_server_is_not_waited_for_again_while_looking_up_another(net):
    net.servers.pop("192.0.2.1")
    net.refer(
        "192.0.2.1", "shop.test.", "ns1.shop.test.", "ns2.shop.test.", glue=[("ns1.shop.test.", "192.0.2.9")]
    )
    net.run()
    assert [question.server.address for question in net.asked].count("192.0.2.9") == 1


def test_root_servers_without_usable_address_are_told(net):
    from labctl.internet import NameServer
    from labctl.protocols.dns_walk import Walk

    walk = Walk("a.test.", "A", [NameServer("a.root-servers.net.", ("2001:db8::1",))], clock=net.clock)
    assert walk.next_question() is None
    assert walk.result.code == "no-address"
    assert Walk("a.test.", "A", [], clock=net.clock).next_question() is None


def test_the_message_is_there_for_whoever_wants_it(net):
    net.run()
    assert isinstance(net.heard[0].message, dns.message.Message)
