"""Programs of others as judges: dig, delv, kdig, drill and unbound must agree with the sandbox.

Absent tools skip with a reason; LABCTL_REQUIRE_TOOLS=1 makes their absence a failure.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from free_ports import child
from needed import need

from labctl.errors import CannotRun
from labctl.sandbox.standalone import RESOLVER, Standalone, serve

# name, type, what a validator must say, the rcode it must show, and a piece of the answer.
SECURE, INSECURE, BOGUS = "secure", "insecure", "bogus"
CASES = [
    ("www.shop.test", "A", SECURE, "NOERROR", "203.0.113.10"),
    ("shop.test", "HTTPS", SECURE, "NOERROR", 'alpn="h3,h2"'),
    ("shop.test", "CAA", SECURE, "NOERROR", "ca.test"),
    ("_imaps._tcp.shop.test", "SRV", SECURE, "NOERROR", "993 mail.shop.test."),
    ("big.shop.test", "TXT", SECURE, "NOERROR", "l" * 200),
    ("www.old.shop.test", "A", SECURE, "NOERROR", "203.0.113.10"),
    ("a.chain.test", "A", SECURE, "NOERROR", "203.0.113.20"),
    ("www.glueless.test", "A", SECURE, "NOERROR", "203.0.113.76"),
    ("www.mismatch.test", "A", SECURE, "NOERROR", "203.0.113.79"),
    ("www.half-lame.test", "A", SECURE, "NOERROR", "203.0.113.78"),
    ("10.113.0.203.in-addr.arpa", "PTR", SECURE, "NOERROR", "host-10.shop-hosting.example.net."),
    ("shop.test", "DS", SECURE, "NOERROR", " 13 2 "),
    ("shop.test", "DNSKEY", SECURE, "NOERROR", "257 3 13"),
    # wildcards
    ("x.wild.shop.test", "A", SECURE, "NOERROR", "203.0.113.70"),
    ("x.wild.shop.test", "AAAA", SECURE, "NOERROR", ""),
    ("x.sub.wild.shop.test", "A", SECURE, "NXDOMAIN", ""),
    # no such name
    ("nope.shop.test", "A", SECURE, "NXDOMAIN", ""),
    ("nope.test", "A", SECURE, "NXDOMAIN", ""),
    ("nope", "A", SECURE, "NXDOMAIN", ""),
    ("lost.chain.test", "A", SECURE, "NXDOMAIN", "nowhere.example.com."),
    # the name, but not the type
    ("www.shop.test", "TXT", SECURE, "NOERROR", ""),
    ("sub.wild.shop.test", "A", SECURE, "NOERROR", ""),
    ("ent.shop.test", "A", SECURE, "NOERROR", ""),
    ("unsigned.test", "DS", SECURE, "NOERROR", ""),
    # compact denial: NXDOMAIN looks like NODATA to who does not know RFC 9824
    ("www.compact.test", "A", SECURE, "NOERROR", "203.0.113.84"),
    ("www.compact.test", "TXT", SECURE, "NOERROR", ""),
    ("nope.compact.test", "A", SECURE, "NOERROR", ""),
    ("ent.compact.test", "A", SECURE, "NOERROR", ""),
    ("www.unsigned.test", "A", INSECURE, "NOERROR", "203.0.113.81"),
    ("x.wild.unsigned.test", "A", INSECURE, "NOERROR", "203.0.113.81"),
    ("nope.unsigned.test", "A", INSECURE, "NXDOMAIN", ""),
    ("www.unsigned.test", "TXT", INSECURE, "NOERROR", ""),
    ("www.expired.test", "A", BOGUS, "SERVFAIL", ""),
    ("nope.expired.test", "A", BOGUS, "SERVFAIL", ""),
    ("www.wrong-ds.test", "A", BOGUS, "SERVFAIL", ""),
    ("x.wild.wrong-ds.test", "A", BOGUS, "SERVFAIL", ""),
]
IDS = [f"{name}-{kind}" for name, kind, *_ in CASES]


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def up() -> Iterator[Standalone]:
    try:
        running = serve(0, latency=False)
    except CannotRun as error:
        if error.code != "loopback-address-missing":
            raise
        pytest.skip("this machine has no addresses 127.53.0.x")
    with running:
        yield running
    assert not running.crashes


def unbound(up: Standalone, folder: Path, zones: str) -> Iterator[int]:
    """Unbound as a child; its port."""
    program = need("unbound")
    dig = need("dig")
    config = folder / "unbound.conf"

    def command(port: int) -> list[str]:
        # Without so-reuseport: no, two of them may share a port in silence.
        config.write_text(
            f"""{zones}
server:
  interface: 127.0.0.1@{port}
  access-control: 127.0.0.0/8 allow
  so-reuseport: no
  do-ip6: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  do-daemonize: no
  use-syslog: no
  log-time-ascii: no
  module-config: "validator iterator"
  val-log-level: 2
"""
        )
        return [program, "-c", str(config)]

    def answers(port: int) -> bool:
        return "status:" in run(dig, "@127.0.0.1", "-p", str(port), "+tries=1", "+time=1", ".", "NS")

    with child(command, folder / "log", ready=answers) as port:
        yield port


@pytest.fixture(scope="module")
def walking_unbound(up: Standalone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Unbound that walks the town's authoritative servers itself."""
    yield from unbound(up, tmp_path_factory.mktemp("walking"), up.unbound_config)


@pytest.fixture(scope="module")
def forwarding_unbound(up: Standalone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Unbound that has everything from the town's resolver and validates it."""
    yield from unbound(up, tmp_path_factory.mktemp("forwarding"), up.unbound_forward_config)


@pytest.fixture(scope="module")
def anchors(up: Standalone, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("delv") / "anchors"
    file.write_text(up.bind_trust_anchors)
    return str(file)


def check_with_dig(port: int, name: str, kind: str, state: str, rcode: str, piece: str) -> None:
    said = run(need("dig"), "@127.0.0.1", "-p", str(port), "+dnssec", "+tries=1", "+time=20", name, kind)
    flags = re.search(r"flags:([ a-z]*);", said)
    assert flags, said
    assert f"status: {rcode}" in said, said
    assert (" ad" in flags[1]) == (state == SECURE), said
    assert piece in said


@pytest.mark.parametrize(("name", "kind", "state", "rcode", "piece"), CASES, ids=IDS)
def test_unbound_walking_the_town_agrees(
    walking_unbound: int, name: str, kind: str, state: str, rcode: str, piece: str
) -> None:
    check_with_dig(walking_unbound, name, kind, state, rcode, piece)


@pytest.mark.parametrize(("name", "kind", "state", "rcode", "piece"), CASES, ids=IDS)
def test_unbound_behind_the_towns_resolver_agrees(
    forwarding_unbound: int, name: str, kind: str, state: str, rcode: str, piece: str
) -> None:
    check_with_dig(forwarding_unbound, name, kind, state, rcode, piece)


@pytest.mark.parametrize(("name", "kind", "state", "rcode", "piece"), CASES, ids=IDS)
def test_delv_agrees(
    up: Standalone, anchors: str, name: str, kind: str, state: str, rcode: str, piece: str
) -> None:
    said = run(need("delv"), f"@{RESOLVER}", "-p", str(up.port), "-a", anchors, "+root=.", name, kind)
    assert ("fully validated" in said) == (state == SECURE), said
    assert ("unsigned answer" in said) == (state == INSECURE), said
    assert ("broken trust chain" in said or "no valid" in said) == (state == BOGUS), said
    assert ("ncache nxdomain" in said) == (rcode == "NXDOMAIN"), said
    assert piece in said, said


@pytest.mark.parametrize("protocol", ["+notcp", "+tcp"])
def test_dig_sees_the_flags_of_an_authority_and_of_a_resolver(up: Standalone, protocol: str) -> None:
    shop = next(s.address for s in up.servers if "shop.test." in s.zones)
    for address, flags in ((shop, "qr aa"), (RESOLVER, "qr ra")):
        said = run(need("dig"), f"@{address}", "-p", str(up.port), protocol, "+norecurse", "www.shop.test")
        assert f"flags: {flags};" in said, said
        assert "WARNING" not in said


def test_dig_falls_back_to_tcp_by_itself_for_the_large_answer(up: Standalone) -> None:
    shop = next(s.address for s in up.servers if "shop.test." in s.zones)
    said = run(need("dig"), f"@{shop}", "-p", str(up.port), "+norecurse", "big.shop.test", "TXT")
    assert "(TCP)" in said
    assert "l" * 200 in said


def test_kdig_reads_every_type_of_the_shop_without_a_warning(up: Standalone) -> None:
    shop = next(s.address for s in up.servers if "shop.test." in s.zones)
    for kind in ("A", "AAAA", "MX", "TXT", "CAA", "HTTPS", "NS", "SOA", "DNSKEY"):
        said = run(need("kdig"), f"@{shop}", "-p", str(up.port), "+dnssec", "+nsid", "shop.test", kind)
        assert "status: NOERROR" in said, said
        assert re.search(rf"shop\.test\.\s+\d+\s+IN\s+{kind}\s", said), said
        assert "ns1.shop.test" in said
        assert "WARNING" not in said
        assert "malformed" not in said


def test_drill_chases_the_signatures_up_to_the_towns_anchor(up: Standalone, tmp_path: Path) -> None:
    key = tmp_path / "root.ds"
    key.write_text(up.trust_anchor.replace(". DS", ". 3600 IN DS") + "\n")
    said = run(need("drill"), "-p", str(up.port), "-k", str(key), "-S", f"@{RESOLVER}", "www.shop.test", "A")
    assert "Chase successful" in said, said


def test_dig_is_refused_a_transfer(up: Standalone) -> None:
    shop = next(s.address for s in up.servers if "shop.test." in s.zones)
    said = run(need("dig"), f"@{shop}", "-p", str(up.port), "shop.test", "AXFR")
    assert "Transfer failed" in said or "REFUSED" in said


def test_under_the_fault_wrong_ds_delv_says_bogus(anchors: str) -> None:
    with serve(0, "wrong-ds", latency=False) as broken:
        ask: Callable[[str], str] = lambda name: run(  # noqa: E731
            need("delv"), f"@{RESOLVER}", "-p", str(broken.port), "-a", anchors, "+root=.", name
        )
        assert "broken trust chain" in ask("www.shop.test")
        assert "fully validated" in ask("www.example.com")


def test_under_the_fault_no_ds_unproven_delv_does_not_take_it_for_insecure(anchors: str) -> None:
    with serve(0, "no-ds-unproven", latency=False) as broken:
        said = run(
            need("delv"),
            f"@{RESOLVER}",
            "-p",
            str(broken.port),
            "-a",
            anchors,
            "+root=.",
            "www.unsigned.test",
        )
        assert "fully validated" not in said


def test_under_the_fault_signatures_never_expire_delv_validates(anchors: str) -> None:
    with serve(0, "signatures-never-expire", latency=False) as broken:
        said = run(
            need("delv"),
            f"@{RESOLVER}",
            "-p",
            str(broken.port),
            "-a",
            anchors,
            "+root=.",
            "www.expired.test",
        )
        assert "fully validated" in said
