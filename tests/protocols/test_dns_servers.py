"""Which server is asked next: lame, silent, refusing, garbled ones."""

import dns.message
import pytest


@pytest.fixture
def two(net):
    """shop.test. with two servers, of which the first is whatever a test makes of it."""
    net.servers.pop("192.0.2.1")
    glue = [("ns1.shop.test.", "192.0.2.9"), ("ns2.shop.test.", "192.0.2.2")]
    net.refer("192.0.2.1", "shop.test.", "ns1.shop.test.", "ns2.shop.test.", glue=glue)
    return net


LAME = {
    "refers to shop.test. itself": {"authority": ["shop.test. 60 NS ns1.shop.test."]},
    "refers upwards, to the root": {"authority": [". 60 NS a.root-servers.net."]},
    "refers upwards, to test.": {"authority": ["test. 60 NS a.nic.test."]},
    "refers sideways, to example.net.": {"authority": ["example.net. 60 NS ns.example.net."]},
    "neither answers nor refers": {},
    "without authority": {"rcode": "NXDOMAIN"},
    "answers REFUSED": {"rcode": "REFUSED"},
    "answers SERVFAIL": {"rcode": "SERVFAIL"},
}


@pytest.mark.parametrize("why", LAME)
def test_a_lame_server_is_said_and_the_next_one_asked(two, why):
    two.servers["192.0.2.9"] = lambda query: two.reply(query, **LAME[why])
    assert two.run().status == "answer"
    assert two.kinds[2] == ("error" if why.startswith("answers") else "lame")
    assert why in two.heard[2].text
    assert "another server of the zone is asked" in two.heard[2].text
    assert two.asked[3].why == "next-server"
    assert two.asked[3].server.address == "192.0.2.2"


def test_an_answer_without_authority_is_not_taken(two):
    two.servers["192.0.2.9"] = lambda query: two.reply(query, "www.shop.test. 300 A 192.0.2.66")
    result = two.run()
    assert two.kinds[2] == "lame"
    assert [record.text for record in result.records] == ["203.0.113.10"]


def test_when_all_servers_are_lame_the_sentence_names_each(two):
    two.servers["192.0.2.9"] = lambda query: two.reply(query, rcode="REFUSED")
    two.servers["192.0.2.2"] = lambda query: two.reply(query, authority=[". 60 NS a.root-servers.net."])
    result = two.run()
    assert (result.status, result.code) == ("failed", "all-lame")
    assert result.why == (
        "No server that was named for shop.test. serves it: ns1.shop.test. (192.0.2.9) answers REFUSED; "
        "ns2.shop.test. (192.0.2.2) refers upwards, to the root."
    )


def test_silence_leads_to_the_next_address(two):
    assert two.run().status == "answer"
    assert two.kinds == ["referral", "referral", "silent", "answer"]
    assert two.heard[2].failure == "timeout"
    assert two.heard[2].text == (
        "ns1.shop.test. (192.0.2.9) did not answer in time, so another server of the zone is asked."
    )


def test_silence_everywhere_names_who_was_silent(two):
    del two.servers["192.0.2.2"]
    result = two.run()
    assert result.code == "no-server-answers"
    assert result.why == (
        "No name server of shop.test. answers: ns1.shop.test. (192.0.2.9) did not answer in time; "
        "ns2.shop.test. (192.0.2.2) did not answer in time."
    )


def test_a_refused_tcp_connection_is_told_apart_from_silence(net):
    net.servers["192.0.2.2"] = lambda query: net.reply(query, flags=("TC",))
    walk = net.walk()
    while question := walk.next_question():
        if question.via == "tcp":
            heard = walk.hear(None, failure="refused")
        else:
            walk.hear(net.ask(question))
    assert heard.failure == "refused"
    assert "refused the connection" in heard.text
    assert walk.result.status == "failed"


@pytest.mark.parametrize("rcode", ["FORMERR", "NOTIMP", "BADVERS"])
def test_a_server_that_cannot_do_edns_is_asked_without_it_once(net, rcode):
    full = net.servers["192.0.2.2"]

    def old(query):
        if query.edns >= 0:
            return net.reply(query, rcode=rcode, edns=rcode == "BADVERS")
        return full(query)

    net.servers["192.0.2.2"] = old
    assert net.run().status == "answer"
    assert net.kinds == ["referral", "referral", "error", "answer"]
    assert net.asked[3].why == "plain"
    assert dns.message.from_wire(net.asked[3].wire).edns == -1
    assert "without EDNS" in net.heard[2].text


def test_a_server_that_refuses_the_form_even_without_edns_is_left(net):
    net.servers["192.0.2.2"] = lambda query: net.reply(query, rcode="FORMERR", edns=False)
    assert net.run().code == "all-lame"
    assert net.kinds == ["referral", "referral", "error", "error"]


def test_a_reply_without_its_question_is_only_taken_for_an_error(two):
    def without(query):
        made = two.reply(query, "www.shop.test. 300 A 192.0.2.66", aa=True)
        made.question = []
        return made

    two.servers["192.0.2.9"] = without
    two.run()
    assert two.kinds[2:] == ["mismatch", "mismatch", "answer"]


def test_another_id_is_a_mismatch_and_asked_once_more(two):
    def wrong(query):
        made = two.reply(query, "www.shop.test. 300 A 192.0.2.66", aa=True)
        made.id = query.id ^ 1
        return made

    two.servers["192.0.2.9"] = wrong
    result = two.run()
    assert two.kinds[2:] == ["mismatch", "mismatch", "answer"]
    assert "asked once more" in two.heard[2].text
    assert two.asked[3].server.address == "192.0.2.9"
    assert [record.text for record in result.records] == ["203.0.113.10"]


def test_another_question_is_a_mismatch(two):
    def wrong(query):
        other = dns.message.make_query("evil.test.", "A", id=query.id)
        return two.reply(other, "evil.test. 300 A 192.0.2.66", aa=True)

    two.servers["192.0.2.9"] = wrong
    two.run()
    assert "answered another question than was asked" in two.heard[2].text


def test_a_question_sent_back_is_a_mismatch(two):
    two.servers["192.0.2.9"] = lambda query: query
    two.run()
    assert two.kinds[2] == "mismatch"


def test_a_name_echoed_in_another_case_is_the_same_name_and_noted(net):
    full = net.servers["192.0.2.2"]
    net.servers["192.0.2.2"] = lambda query: (
        full(query).to_wire().replace(b"\x03www\x04shop", b"\x03wWw\x04ShOp")
    )
    result = net.run()
    assert result.status == "answer"
    assert any("mangled case" in note for note in net.heard[-1].notes)


def test_the_type_of_a_question_is_compared_octet_by_octet(two):
    # Type 65 (HTTPS) and type 97 differ by the bit that tells A from a.
    two.servers["192.0.2.9"] = lambda query: (
        two.reply(query, aa=True).to_wire().replace(b"\x00\x41\x00\x01", b"\x00\x61\x00\x01")
    )
    two.run(type="HTTPS")
    assert two.kinds[2] == "mismatch"


@pytest.mark.parametrize("wire", [b"", b"\0", b"garbage that is long enough to have a header"])
def test_bytes_that_are_no_message_are_garbage_and_the_next_server_is_asked(two, wire):
    two.servers["192.0.2.9"] = lambda query: wire
    assert two.run().status == "answer"
    assert two.kinds[2] in {"garbage", "mismatch"}


def test_records_that_cannot_be_read_are_no_answer(two):
    # An A record of three octets.
    two.servers["192.0.2.9"] = lambda query: (
        two.reply(query, "www.shop.test. 300 TYPE65280 \\# 3 010203", aa=True)
        .to_wire()
        .replace(b"\xff\x00\x00\x01", b"\x00\x01\x00\x01")
    )
    assert two.run().status == "answer"
    assert two.kinds[2] == "garbage"
    assert "malformed" in two.heard[2].scrubbed[0]


def test_a_malformed_svcb_is_told_and_harms_nothing(two):
    # Keys out of order (RFC 9460 section 2.2): alpn after port.
    two.servers["192.0.2.9"] = lambda query: (
        two.reply(query, "www.shop.test. 300 TYPE65280 \\# 15 0001000003000201bb000100020168", aa=True)
        .to_wire()
        .replace(b"\xff\x00\x00\x01", b"\x00\x41\x00\x01")
    )
    two.run(type="HTTPS")
    assert two.kinds[2] == "garbage"
    assert any("malformed HTTPS" in note for note in two.heard[2].notes)


def test_octets_behind_the_message_are_noted(net):
    full = net.servers["192.0.2.2"]
    net.servers["192.0.2.2"] = lambda query: full(query).to_wire() + b"surplus"
    assert net.run().status == "answer"
    assert "7 octets follow the end of the message." in net.heard[-1].notes


def test_a_referral_with_authority_is_followed_and_noted(net):
    full = net.servers["192.0.2.1"]

    def proud(query):
        made = full(query)
        made.flags |= dns.flags.AA
        return made

    net.servers["192.0.2.1"] = proud
    assert net.run().status == "answer"
    assert any("AA set" in note for note in net.heard[1].notes)


def test_a_lost_datagram_to_the_only_server_of_a_zone_is_made_up_for(net):
    whole, lost = net.servers["192.0.2.2"], [True]
    net.servers["192.0.2.2"] = lambda query: None if lost and lost.pop() else whole(query)
    assert net.run().status == "answer"
    assert net.kinds == ["referral", "referral", "silent", "answer"]


def test_the_only_server_of_a_zone_is_asked_twice_and_no_more(net):
    net.servers["192.0.2.2"] = lambda query: None
    result = net.run()
    assert (result.status, result.code) == ("failed", "no-server-answers")
    assert net.kinds == ["referral", "referral", "silent", "silent"]
