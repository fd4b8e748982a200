"""Asking one server that the user named, and ending with what it says."""

import dns.flags

from labctl.protocols.dns_result import Server

FIRST = Server(".", "resolver.", "198.51.100.53", "given")


def test_a_given_server_is_asked_the_whole_question_and_no_other(net):
    def resolver(query):
        assert query.flags & dns.flags.RD
        answer = ["www.shop.test. 300 CNAME a.example.net.", "a.example.net. 30 A 203.0.113.9"]
        return net.reply(query, *answer, flags=("RA",))

    net.servers["198.51.100.53"] = resolver
    result = net.run(first=FIRST, recursion_desired=True, qmin=True)
    assert (result.status, result.questions, result.final_name) == ("answer", 1, "a.example.net.")
    assert [record.text for record in result.records] == ["203.0.113.9"]
    assert [record.text for record in result.chain] == ["a.example.net."]


def test_a_given_servers_reply_decides_how_it_ends(net):
    def says(**words):
        net.servers["198.51.100.53"] = lambda query: net.reply(query, **words)
        return net.run(first=FIRST)

    assert says(rcode="NXDOMAIN").status == "nxdomain"
    assert says().status == "nodata"
    refused = says(rcode="REFUSED")
    assert (refused.status, refused.code) == ("failed", "server-error")
    assert refused.why == "resolver. (198.51.100.53) answers REFUSED."
    referral = says(authority=["test. 60 NS a.nic.test."])
    assert (referral.status, referral.code) == ("failed", "referral")
    del net.servers["198.51.100.53"]
    silent = net.run(first=FIRST)
    assert (silent.code, silent.why) == ("server-silent", "resolver. (198.51.100.53) did not answer in time.")


def test_a_given_server_may_name_an_alias_only(net):
    net.servers["198.51.100.53"] = lambda query: net.reply(
        query, "www.shop.test. 300 CNAME a.example.net.", aa=True
    )
    result = net.run(first=FIRST)
    assert result.status == "answer"
    assert [record.type for record in result.records] == ["CNAME"]


def test_a_given_servers_cut_answer_is_asked_again_over_tcp(net):
    full = net.servers["192.0.2.2"]
    net.servers["198.51.100.53"] = lambda query: (
        full(query) if query.via == "tcp" else net.reply(query, flags=("TC",))
    )
    assert net.run(first=FIRST).status == "answer"
    assert net.kinds == ["truncated", "answer"]
