"""The dns lab on everything that the town holds: what is so is not called false, and each end has its words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labctl import quiz
from labctl.cli import run as command_line
from labctl.errors import UsageError
from labctl.sandbox.town import healthy_town
from labs.dns.lab import LAB

ZONES = sorted({zone.origin for zone in healthy_town().zones if "arpa" not in zone.origin})
NAMES = sorted(
    {*ZONES, *(f"www.{z}" for z in ZONES if z != "."), "lame.test.", "upward.test.", "garbage.test."}
)
ODD = [
    ("www.front.test", "--type", "A", "--type", "PTR"),
    ("origin.front.test",),
    ("com", "--type", "DS"),
    ("test", "--type", "DS"),
    ("shop.test", "--type", "ANY"),
    ("www.shop.test", "--type", "RRSIG"),
    ("intranet.shop.test",),
    ("half-lame.test", "--compare"),
    ("lame.test", "--compare"),
    ("www.shop.test", "--watch", "--server", "203.0.113.61"),
    ("nope.shop.test", "--watch"),
    ("apex.test", "--dnssec", "--type", "A", "--type", "HTTPS"),
    ("alias.shop.test", "--dnssec", "--type", "A", "--type", "AAAA"),
    ("alias.shop.test", "--server", "203.0.113.61"),
    ("www.shop.test", "--server", "192.0.2.53", "--via", "tls"),
    ("www.shop.test", "--server", "192.0.2.53", "--via", "https"),
    ("www.shop.test", "--server", "192.0.2.53", "--server", "198.51.100.53"),
    ("a.chain.test", "--type", "AAAA"),
    ("www.old.shop.test",),
    ("203.0.113.10",),
    ("2001:db8:10::10",),
]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = command_line(["dns", *words, "--json", "--sandbox", "--timeout", "0.2"])
    return code, json.loads(capsys.readouterr().out)


def ending(document: dict[str, Any]) -> str:
    return [e["text"] for e in document["events"] if e["kind"] == "step" and e["role"] == "result"][-1]


@pytest.mark.parametrize("words", [(n,) for n in NAMES] + ODD, ids=" ".join)
def test_in_the_healthy_town_no_claim_comes_out_false(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, document = run(capsys, *words)
    assert [c for c in document["claims"] if c["outcome"] == "REFUTED"] == []
    assert code == 0
    texts = [e["text"] for e in document["events"]] + [
        r["text"] for e in document["events"] for r in e.get("rows", [])
    ]
    assert not [t for t in texts if ".." in t.replace("...", "") or " 1 questions" in t or "a au" in t]


def test_a_refutation_is_not_undone_by_another_type(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run(
        capsys, "shop.test", "--dnssec", "--type", "A", "--type", "DS", "--break", "wrong-ds"
    )
    assert code == 1
    assert {c["claim"] for c in document["claims"] if c["outcome"] == "REFUTED"} == {"dns.chain"}


def test_a_bogus_answer_is_not_called_a_success(capsys: pytest.CaptureFixture[str]) -> None:
    _, document = run(capsys, "expired.test", "--dnssec")
    assert "SERVFAIL" in ending(document)


def test_an_alias_and_no_more_is_not_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    _, document = run(capsys, "alias.shop.test", "--server", "203.0.113.61")
    assert "is an alias of www.example.org." in ending(document)


def test_forged_datagrams_are_said_beside_the_ladder(capsys: pytest.CaptureFixture[str]) -> None:
    _, document = run(capsys, "forged.test")
    warnings = [e["text"] for e in document["events"] if e["kind"] == "step" and e["role"] == "warning"]
    assert any("was not taken for the answer" in w for w in warnings)


def test_a_special_name_is_explained_and_nobody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("foo.onion", "localhost", "printer.local"):
        code, document = run(capsys, name)
        assert code == 4
        assert not [e for e in document["events"] if e["kind"] == "exchange"]


def test_the_hosts_file_has_the_last_word_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    _, document = run(capsys, "intranet.shop.test")
    assert any("use 203.0.113.99 all the same" in e["text"] for e in document["events"])


def test_ctrl_c_in_the_middle_of_a_walk_keeps_what_was_seen() -> None:
    from labctl.events import Exchange
    from labctl.play import Run, play
    from labctl.sandbox import open_sandbox

    with open_sandbox(latency=False) as town:
        whole, asked = town.ask, []

        def ask(*words: Any, **more: Any) -> Any:
            asked.append(words)
            if len(asked) == 4:  # the resolver's memory, the root, test., and then
                raise KeyboardInterrupt
            return whole(*words, **more)

        town.ask = ask  # type: ignore[method-assign]
        done = play(Run(LAB, "labctl dns", {}, "sandbox"), town, ())
    assert done.interrupted
    assert len([e for e in done.events if isinstance(e, Exchange)]) == 5


@pytest.mark.parametrize(
    "words",
    [
        {"watch": True, "dnssec": True},
        {"watch": True, "type": ["A", "MX"]},
        {"server": ["192.0.2.53"], "qmin": True},
        {"server": ["192.0.2.53"], "dnssec": True},
        {"server": ["192.0.2.53"], "compare": True},
        {"via": "tls"},
    ],
    ids=str,
)
def test_options_of_which_one_would_be_ignored_are_refused(words: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        LAB.run(None, "www.shop.test", **words)


def test_the_questions_keep_the_rules() -> None:
    assert quiz.check(quiz.read(LAB.words("quiz.toml"))) == []


@pytest.mark.parametrize("claim", [c for c in LAB.claims if c.shown_by], ids=lambda c: c.id)
def test_a_fault_alone_is_shown_where_it_shows(claim: Any, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert command_line(["dns", "--break", claim.broken_by, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert any(c["claim"] == claim.id and c["outcome"] == "REFUTED" for c in document["claims"])
    assert any(n.startswith(f"Broken on purpose ({claim.broken_by}): ") for n in document["notices"])


def test_what_looks_like_an_address_and_is_none_is_not_looked_up() -> None:
    for text in ("1.2.3.256", "999.999.999.999", "1.2.3.4."):
        with pytest.raises(UsageError, match="IPv4 address"):
            LAB.run(None, text)


def test_a_server_on_this_machine_needs_no_internet() -> None:
    for server in ("127.0.0.1:5300", "[::1]:53", "10.0.0.1", "192.168.1.1", "fd00::1"):
        assert LAB.place({"name": "www.shop.test", "server": [server]}) == "local"
    assert LAB.place({"name": "www.shop.test", "server": ["192.0.2.53"]}) == "sandbox"
    assert LAB.place({"name": "example.com", "server": ["9.9.9.9"]}) == "live"
