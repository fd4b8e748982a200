"""CNAME and DNAME: in one message, across zones, in circles, for too long."""

import pytest

from labctl.protocols.dns_result import Budget


def other_zone(net):
    net.refer("198.41.0.4", "net.", "a.nic.net.", glue=[("a.nic.net.", "192.0.2.4")])
    net.refer("192.0.2.4", "example.net.", "ns.example.net.", glue=[("ns.example.net.", "192.0.2.5")])
    net.zone("192.0.2.5", "www.example.net. 60 A 203.0.113.50", zone="example.net.")


def answers(net, *records, **words):
    net.servers["192.0.2.2"] = lambda query: net.reply(query, *records, aa=True, **words)


def test_a_chain_in_one_message_is_followed_there(net):
    answers(
        net,
        "www.shop.test. 300 CNAME b.shop.test.",
        "b.shop.test. 60 CNAME c.shop.test.",
        "c.shop.test. 30 A 203.0.113.1",
    )
    result = net.run()
    assert result.questions == 3
    assert [record.text for record in result.chain] == ["b.shop.test.", "c.shop.test."]
    assert (result.final_name, result.records[0].ttl) == ("c.shop.test.", 30)
    assert [record.type for record in net.heard[-1].records] == ["CNAME", "CNAME", "A"]


def test_an_alias_into_another_zone_starts_again_at_the_root(net):
    other_zone(net)
    answers(net, "www.shop.test. 300 CNAME www.example.net.")
    result = net.run()
    assert net.kinds == ["referral", "referral", "alias", "referral", "referral", "answer"]
    assert [question.why for question in net.asked][3:] == ["alias", "walk", "walk"]
    assert net.asked[3].server.address == "198.41.0.4"
    assert (result.status, result.final_name, result.zone) == ("answer", "www.example.net.", "example.net.")
    assert [cut.zone for cut in result.cuts] == [".", "test.", "shop.test.", "net.", "example.net."]


def test_what_a_server_says_about_another_zone_behind_an_alias_is_thrown_away(net):
    other_zone(net)
    answers(net, "www.shop.test. 300 CNAME www.example.net.", "www.example.net. 60 A 192.0.2.66")
    result = net.run()
    assert [record.text for record in result.records] == ["203.0.113.50"]
    assert net.heard[2].scrubbed == ("www.example.net. 60 A 192.0.2.66 (outside shop.test.)",)


def test_records_nobody_asked_for_are_thrown_away(net):
    answers(
        net,
        "www.shop.test. 300 A 203.0.113.1",
        "other.shop.test. 300 A 192.0.2.66",
        "bank.net. 9 A 192.0.2.67",
    )
    result = net.run()
    assert [record.text for record in result.records] == ["203.0.113.1"]
    assert net.heard[-1].scrubbed == (
        "other.shop.test. 300 A 192.0.2.66 (not asked for)",
        "bank.net. 9 A 192.0.2.67 (outside shop.test.)",
    )


def test_an_alias_inside_the_zone_without_its_target_is_asked_on(net):
    net.servers["192.0.2.2"] = lambda query: net.reply(
        query,
        "www.shop.test. 300 CNAME b.shop.test."
        if "www" in str(query.question[0])
        else "b.shop.test. 30 A 203.0.113.1",
        aa=True,
    )
    result = net.run()
    assert net.kinds == ["referral", "referral", "alias", "answer"]
    assert (net.asked[3].why, net.asked[3].server.address) == ("alias", "192.0.2.2")
    assert result.status == "answer"


@pytest.mark.parametrize("in_one_message", [True, False])
def test_aliases_in_a_circle_are_an_end_with_an_exact_sentence(net, in_one_message):
    circle = ["www.shop.test. 300 CNAME b.shop.test.", "b.shop.test. 300 CNAME www.shop.test."]

    def answer(query):
        first = query.question[0].name.to_text().startswith("www")
        return net.reply(query, *(circle if in_one_message else circle[:1] if first else circle[1:]), aa=True)

    net.servers["192.0.2.2"] = answer
    result = net.run()
    assert (result.status, result.code) == ("failed", "alias-loop")
    assert result.why == "The aliases go round in a circle: www.shop.test. -> b.shop.test. -> www.shop.test."


def test_an_alias_of_itself_is_a_circle(net):
    answers(net, "www.shop.test. 300 CNAME www.shop.test.")
    assert net.run().code == "alias-loop"


def test_too_long_a_chain_ends(net):
    def next_one(query):
        number = int(query.question[0].name.labels[0].decode().removeprefix("n"))
        return net.reply(query, f"n{number}.shop.test. 300 CNAME n{number + 1}.shop.test.", aa=True)

    net.servers["192.0.2.2"] = next_one
    result = net.run("n0.shop.test.", budget=Budget(aliases=4))
    assert result.code == "alias-too-long"
    assert result.why == "The chain of aliases has more than 4 steps; it had got to n5.shop.test."


def test_asking_for_the_alias_itself_is_answered_with_it(net):
    answers(net, "www.shop.test. 300 CNAME www.example.net.")
    result = net.run(type="CNAME")
    assert (result.status, result.chain) == ("answer", ())
    assert [record.text for record in result.records] == ["www.example.net."]


SOA = "shop.test. 600 SOA ns.shop.test. admin.shop.test. 1 3600 600 86400 120"


def test_nxdomain_belongs_to_the_last_name_of_the_chain(net):
    answers(net, "www.shop.test. 300 CNAME gone.shop.test.", authority=[SOA], rcode="NXDOMAIN")
    result = net.run()
    assert (result.status, result.final_name, result.negative_ttl) == ("nxdomain", "gone.shop.test.", 120)


def test_nxdomain_for_a_name_in_another_zone_is_not_this_servers_to_say(net):
    other_zone(net)
    answers(net, "www.shop.test. 300 CNAME www.example.net.", rcode="NXDOMAIN")
    assert net.run().status == "answer"


def test_nodata_at_the_end_of_a_chain(net):
    answers(net, "www.shop.test. 300 CNAME bare.shop.test.", authority=[SOA])
    result = net.run()
    assert (result.status, result.final_name) == ("nodata", "bare.shop.test.")
    assert "bare.shop.test. exists and has no A record" in result.text


DNAME = "old.shop.test. 300 DNAME new.shop.test."


def test_a_dname_moves_all_names_below_it(net):
    answers(
        net, DNAME, "www.old.shop.test. 0 CNAME www.new.shop.test.", "www.new.shop.test. 60 A 203.0.113.7"
    )
    result = net.run("www.old.shop.test.")
    assert (result.status, result.final_name) == ("answer", "www.new.shop.test.")
    assert [(record.type, record.name) for record in result.chain] == [
        ("DNAME", "old.shop.test."),
        ("CNAME", "www.old.shop.test."),
    ]
    assert net.heard[-1].scrubbed == ()


def test_the_cname_that_a_dname_stands_for_is_made_when_the_server_sends_none(net):
    answers(net, DNAME, "www.new.shop.test. 60 A 203.0.113.7")
    result = net.run("www.old.shop.test.")
    assert result.chain[1].text == "www.new.shop.test."
    assert result.chain[1].ttl == 300


def test_a_cname_that_a_dname_does_not_make_is_ignored(net):
    answers(net, DNAME, "www.old.shop.test. 300 CNAME www.evil.test.", "www.new.shop.test. 60 A 203.0.113.7")
    result = net.run("www.old.shop.test.")
    assert result.final_name == "www.new.shop.test."
    assert net.heard[-1].scrubbed == (
        "www.old.shop.test. 300 CNAME www.evil.test. "
        "(not what the DNAME makes of the name, RFC 6672 section 3.1)",
    )


def test_a_dname_does_not_move_its_own_name(net):
    answers(net, "old.shop.test. 300 DNAME new.shop.test.", authority=[SOA])
    assert net.run("old.shop.test.").status == "nodata"
    assert net.run("old.shop.test.", "DNAME").status == "answer"


@pytest.mark.parametrize("rcode", ["YXDOMAIN", "NOERROR"])
def test_a_dname_that_makes_the_name_too_long_is_told(net, rcode):
    long = ".".join(["a" * 60] * 3) + "."
    answers(net, f"old.shop.test. 300 DNAME {long}shop.test.", rcode=rcode)
    result = net.run(f"{'b' * 63}.old.shop.test.")
    assert (result.status, result.code) == ("failed", "dname-overflow")
    assert "longer than 255 octets" in result.why


def test_yxdomain_without_a_dname_is_an_error(net):
    answers(net, rcode="YXDOMAIN")
    assert net.run().status == "failed"
    assert net.kinds[-1] == "error"


def test_a_second_cname_at_one_name_is_thrown_away(net):
    def two(query):
        records = ["www.shop.test. 300 CNAME a.shop.test.", "www.shop.test. 300 TYPE65280 \\# 2 C00C"]
        records.append("a.shop.test. 9 A 203.0.113.1")
        wire = net.reply(query, *records, aa=True).to_wire()
        return wire.replace(b"\xff\x00\x00\x01", b"\x00\x05\x00\x01")

    net.servers["192.0.2.2"] = two
    assert net.run().status == "answer"
    assert net.heard[-1].scrubbed == (
        "www.shop.test. 300 CNAME www.shop.test. (a second CNAME at one name, RFC 2181 section 10.1)",
    )


def test_records_of_another_class_are_thrown_away(net):
    net.servers["192.0.2.2"] = lambda query: (
        net.reply(query, "www.shop.test. 300 A 203.0.113.1", "www.shop.test. 301 A 203.0.113.2", aa=True)
        .to_wire()
        .replace(
            b"\x00\x01\x00\x01\x00\x00\x01\x2d\x00\x04\xcb\x00\x71\x02",
            b"\x00\x01\x00\x03\x00\x00\x01\x2d\x00\x04\xcb\x00\x71\x02",
        )
    )
    result = net.run()
    assert [record.text for record in result.records] == ["203.0.113.1"]
    assert "of another class than IN" in net.heard[-1].scrubbed[0]


def test_an_alias_said_twice_is_one_alias(net):
    answers(net, "www.shop.test. 300 CNAME a.shop.test.", "a.shop.test. 9 A 203.0.113.1")
    full = net.servers["192.0.2.2"]

    def twice(query):
        made = full(query)
        made.answer.append(net.rrset("www.shop.test. 300 CNAME a.shop.test."))
        return made

    net.servers["192.0.2.2"] = twice
    net.run()
    assert net.heard[-1].scrubbed == ()
