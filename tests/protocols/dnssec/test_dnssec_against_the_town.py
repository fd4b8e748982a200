"""The verdicts on the sandbox's own zones, over its wire; BIND's delv agrees on them."""

import random
import subprocess

import pytest
from needed import need

from labctl.errors import CannotRun
from labctl.internet import Endpoint
from labctl.protocols.dns_walk import Walk
from labctl.protocols.dnssec_chain import Chain
from labctl.sandbox import open_sandbox
from labctl.sandbox.standalone import serve

EXPECTED = [
    ("www.shop.test.", "A", "answer", "secure", ""),
    ("shop.test.", "MX", "answer", "secure", ""),
    ("big.shop.test.", "TXT", "answer", "secure", ""),
    ("alias.shop.test.", "A", "answer", "secure", ""),
    ("a.chain.test.", "A", "answer", "secure", ""),
    ("www.old.shop.test.", "A", "answer", "secure", ""),
    ("anything.wild.shop.test.", "A", "answer", "secure", ""),
    ("anything.wild.shop.test.", "MX", "nodata", "secure", ""),
    ("sub.wild.shop.test.", "A", "nodata", "secure", ""),
    ("ent.shop.test.", "A", "nodata", "secure", ""),
    ("nothing.shop.test.", "A", "nxdomain", "secure", ""),
    ("www.shop.test.", "SRV", "nodata", "secure", ""),
    ("nosuchtld.", "A", "nxdomain", "secure", ""),
    ("nothing.compact.test.", "A", "nxdomain", "secure", ""),
    ("unsigned.test.", "A", "answer", "insecure", ""),
    ("expired.test.", "A", "answer", "bogus", "signature-expired"),
    ("wrong-ds.test.", "A", "answer", "bogus", "ds-mismatch"),
]


def judge(net, name, rdtype):
    def send(question):
        return net.ask(Endpoint(question.server.address), question.wire, via=question.via, timeout=5.0)

    walk = Walk(name, rdtype, net.root_servers, clock=net.clock, dnssec=True, random=random.Random(1))
    heard = []
    while (question := walk.next_question()) is not None:
        reply = send(question)
        heard.append(walk.hear(reply.wire, failure=reply.failure))
    chain = Chain(walk.result, heard, net.trust_anchors, now=net.date())
    while (question := chain.next_question()) is not None:
        reply = send(question)
        chain.hear(reply.wire, failure=reply.failure)
    return walk.result, chain.verdict


@pytest.fixture(scope="module")
def town():
    with open_sandbox(latency=False) as net:
        yield net


@pytest.mark.parametrize(("name", "rdtype", "status", "state", "code"), EXPECTED)
def test_the_town_is_judged_as_it_was_built(town, name, rdtype, status, state, code):
    result, verdict = judge(town, name, rdtype)
    assert (result.status, verdict.state) == (status, state), verdict.text
    assert (verdict.broken.code if verdict.broken else "") == code


@pytest.mark.parametrize(
    ("fault", "name", "state"),
    [
        ("wrong-ds", "www.shop.test.", "bogus"),
        ("no-ds-unproven", "unsigned.test.", "bogus"),
        ("signatures-never-expire", "expired.test.", "secure"),
        ("nodata-says-nxdomain", "www.shop.test.", "secure"),
    ],
)
def test_faults_of_the_sandbox_change_the_verdict(fault, name, state):
    with open_sandbox(fault=fault, latency=False) as net:
        result, verdict = judge(net, name, "A")
    assert verdict.state == state, (result.text, verdict.text)


# What delv writes for each state; a name that it fails to resolve is bogus here, since the servers are up.
DELV_SAYS = {"secure": "fully validated", "insecure": "unsigned answer", "bogus": "resolution failed"}


@pytest.fixture(scope="module")
def standing():
    try:
        servers = serve(0, latency=False)
    except CannotRun as error:
        pytest.skip(str(error))
    with servers:
        yield servers


@pytest.mark.parametrize(("name", "rdtype", "status", "state", "code"), EXPECTED)
def test_delv_agrees_with_every_verdict(standing, tmp_path, name, rdtype, status, state, code):
    anchors = tmp_path / "anchors"
    anchors.write_text(standing.bind_trust_anchors)
    where = [f"@{standing.resolver}", "-p", str(standing.port), "-a", str(anchors), "+root=."]
    done = subprocess.run([need("delv"), *where, name, rdtype], capture_output=True, text=True, timeout=60)
    assert DELV_SAYS[state] in done.stdout + done.stderr
