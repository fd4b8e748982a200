"""QNAME minimisation: what each server gets to see, and what happens when one does not like it."""

import dns.rdatatype
import pytest

from labctl.protocols.dns_labels import from_text
from labctl.protocols.dns_minimise import Minimised


def test_each_server_sees_one_label_more_than_it_knows(net):
    result = net.run(qmin=True)
    assert [(question.name, question.type) for question in net.asked] == [
        ("test.", "A"),
        ("shop.test.", "A"),
        ("www.shop.test.", "A"),
    ]
    assert [question.why for question in net.asked] == ["minimised", "minimised", "walk"]
    assert result.status == "answer"


def test_the_asked_type_is_shown_to_the_last_server_only(net):
    net.run(type="MX", qmin=True)
    assert [question.type for question in net.asked] == ["A", "A", "MX"]


def test_labels_without_a_zone_cut_are_added_one_by_one(net):
    result = net.run("b.ent.shop.test.", qmin=True)
    assert [question.name for question in net.asked] == [
        "test.",
        "shop.test.",
        "ent.shop.test.",
        "b.ent.shop.test.",
    ]
    assert net.kinds == ["referral", "referral", "nodata", "answer"]
    assert "more of the name is asked" in net.heard[2].text
    assert result.status == "answer"


def test_no_such_name_on_the_way_means_nothing_below_it(net):
    result = net.run("a.b.nope.shop.test.", qmin=True)
    assert (result.status, result.final_name) == ("nxdomain", "a.b.nope.shop.test.")
    assert net.asked[-1].name == "nope.shop.test."
    assert "RFC 8020" in net.heard[-1].text


@pytest.mark.parametrize("rcode", ["REFUSED", "SERVFAIL", "NOTIMP", None])
def test_a_server_that_does_not_like_it_is_asked_the_full_name(net, rcode):
    full = net.servers["192.0.2.1"]

    def picky(query):
        if query.question[0].name.to_text() == "www.shop.test.":
            return full(query)
        return net.reply(query, rcode=rcode) if rcode else None

    net.servers["192.0.2.1"] = picky
    result = net.run(qmin=True)
    assert result.status == "answer"
    last = [question.name for question in net.asked if question.server.address == "192.0.2.1"]
    assert last[-1] == "www.shop.test."
    assert any("asked for the full name (RFC 9156" in heard.text for heard in net.heard)


def test_not_more_than_ten_questions_show_part_of_a_name():
    name = from_text(".".join("abcdefghijklmnopqrstuvwxyz") + ".")
    minimised, asked = Minimised(name, on=True), []
    while (part := minimised.next_name(())) != name:
        minimised.asked()
        minimised.shown(part)
        asked.append(len(part))
    assert asked[:4] == [1, 2, 3, 4]
    assert len(asked) <= 10
    assert asked == sorted(set(asked))


def test_a_dname_on_the_way_is_asked_with_the_full_name(net):
    def answer(query):
        name = query.question[0].name.to_text()
        if not name.endswith("old.shop.test."):
            return net.reply(query, f"{name} 60 A 203.0.113.7", aa=True)
        return net.reply(query, "old.shop.test. 300 DNAME new.shop.test.", aa=True)

    net.servers["192.0.2.2"] = answer
    result = net.run("a.b.old.shop.test.", qmin=True)
    assert result.final_name == "a.b.new.shop.test."
    assert result.status == "answer"


def test_an_alias_on_the_way_is_not_followed(net):
    def answer(query):
        asked = query.question[0]
        if asked.name.to_text() == "www.shop.test.":
            return net.reply(query, "www.shop.test. 60 CNAME elsewhere.net.", aa=True)
        assert asked.rdtype == dns.rdatatype.A
        return net.reply(query, f"{asked.name} 60 A 203.0.113.7", aa=True)

    net.servers["192.0.2.2"] = answer
    assert net.run("a.www.shop.test.", qmin=True).final_name == "a.www.shop.test."
