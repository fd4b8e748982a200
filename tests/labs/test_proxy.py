"""The proxy lab: what its tables say, and bad input in one clear sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from labctl import quiz
from labctl.cli import run as command_line
from labctl.errors import CannotRun, UsageError
from labctl.sandbox.proxy_faults import PROXY_FAULTS
from labctl.sandbox.proxy_headers import MANNERS
from labctl.sandbox.proxy_routes import route
from labs.proxy.claims import CLAIMS
from labs.proxy.lab import LAB, place
from labs.proxy.shows import static
from labs.proxy.words import ADDED, APPENDED, DROPPED, NOTHING, OVERWROTE, PASSED, deed

DONE: dict[tuple[str, ...], tuple[int, dict[str, Any]]] = {}


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))


def document(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    if words not in DONE:
        capsys.readouterr()
        code = command_line(["proxy", *words, "--json", "--sandbox"])
        DONE[words] = code, json.loads(capsys.readouterr().out)
    return DONE[words]


def table(told: dict[str, Any], id: str) -> list[list[str]]:
    return next(
        [row["cells"] for row in e["rows"]] for e in told["events"] if e.get("id") == id and "rows" in e
    )


# The way of a request.


def test_the_three_cases_of_the_proxyfix_question_and_a_lie_believed_and_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, told = document(capsys)
    assert code == 0
    assert table(told, "question") == [
        ["proxy", "x_for=1", "you", "you", "right"],
        ["CDN, proxy", "x_for=1", "you, CDN", "CDN", "wrong"],
        ["CDN, proxy", "x_for=2", "you, CDN", "you", "right"],
        ["CDN, proxy, you lie", "x_for=2", "6.6.6.6, you, CDN", "you", "right"],
        ["CDN, proxy, you lie", "x_for=3", "6.6.6.6, you, CDN", "6.6.6.6", "wrong"],
    ]


def test_the_truth_table_says_what_each_hop_did_to_each_field(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys)
    assert table(told, "hops") == [
        ["X-Forwarded-For", "6.6.6.6", "> 6.6.6.6, you", "> 6.6.6.6, you, CDN"],
        ["X-Forwarded-Proto", "http", "! https", "= https"],
        ["X-Forwarded-Host", "evil.test", "= evil.test", "! www.shop.test"],
        ["X-Forwarded-Prefix", "", "", "+ /"],
        ["Forwarded", "for=6.6.6.6", "= for=6.6.6.6", "= for=6.6.6.6"],
        ["CF-Connecting-IP", "", "+ you", "= you"],
        ["Host", "www.shop.test", "= www.shop.test", "= www.shop.test"],
    ]


def test_what_a_hop_did_is_read_off_what_it_got_and_what_it_sent() -> None:
    def field(value: str | None) -> tuple[tuple[str, str], ...]:
        return () if value is None else (("X", value),)

    assert [
        deed("X", field(before), field(after))
        for before, after in ((None, None), (None, "a"), ("a", "a"), ("a", "a, b"), ("a", "b"), ("a", None))
    ] == [NOTHING, ADDED, PASSED, APPENDED, OVERWROTE, DROPPED]


def test_the_grid_has_one_right_count_and_none_for_who_comes_past_the_cdn(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, told = document(capsys, "--show", "grid")
    assert table(told, "grid") == [
        ["x_for=0", "✗ proxy", "✗ proxy", "✗ proxy"],
        ["x_for=1", "✗ CDN", "✗ CDN", "✓ attacker"],
        ["x_for=2", "✓ you", "✓ you", "✗ 6.6.6.6"],
        ["x_for=3", "✗ proxy", "✗ 6.6.6.6", "✗ proxy"],
    ]


def test_hops_that_cannot_be_told_apart_are_no_failure_and_it_is_said_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labctl.sandbox.proxy_street.has_own_addresses", lambda: False)
    for words in ((), ("--show", "grid")):
        capsys.readouterr()
        code = command_line(["proxy", *words, "--json", "--sandbox"])
        told = json.loads(capsys.readouterr().out)
        outcomes = {c["claim"]: c for c in told["claims"]}
        assert "REFUTED" not in {c["outcome"] for c in told["claims"]}
        assert code == (0 if not words else 4)
        unseen = [c for c in outcomes.values() if c["outcome"] == "NOT_SEEN"]
        assert unseen
        assert all("127.0.0.1 alone" in c["text"] for c in unseen)


def test_plain_and_repaired_servers_tell_the_app_what_they_are_known_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, told = document(capsys, "--show", "headers")
    assert table(told, "headers") == [
        ["Host", "the app's", "www.shop.test", "the app's", "www.shop.test"],
        ["...-For", "none", "you", "you", "you"],
        ["...-Proto", "none", "http", "none", "http"],
        ["...-Host", "none", "www.shop.test", "www.shop.test", "www.shop.test"],
        ["...-Server", "none", "none", "www.shop.test", "www.shop.test"],
        ["...-Prefix", "none", "/", "none", "/"],
        ["scheme", "http", "http", "http", "http"],
        ["scheme, you lie", "https", "http", "https", "http"],
    ]


def test_gunicorn_believes_its_neighbour_and_a_unix_socket_has_no_address(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, told = document(capsys, "--show", "gunicorn-trust")
    assert [row[1:] for row in table(told, "trust")] == [
        ["127.0.0.1", "http", "https"],
        ["127.0.0.1", "http", "http"],
        ["(empty)", "http", "https"],
    ]


def test_ten_paths_through_two_orders_of_three_rules(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = document(capsys, "--show", "routing")
    assert table(told, "routing") == [
        ["/", "root", "root", "root", "root"],
        ["/api", "api", "api", "api", "root"],
        ["/api/", "api", "api", "api", "root"],
        ["/api/x", "api", "api", "api", "root"],
        ["/apifoo", "api", "api", "root", "root"],
        ["/api/v2", "v2", "v2", "v2", "root"],
        ["/api/v2/x", "v2", "v2", "v2", "root"],
        ["/api/v2beta", "v2", "v2", "api", "root"],
        ["/API/x", "root", "root", "root", "root"],
        ["/other/api", "root", "root", "root", "root"],
    ]


# Every configuration of the static demonstration is written twice: as lines, and as rules.


@pytest.mark.parametrize("server", ["apache", "nginx"])
def test_the_rules_and_the_lines_of_a_static_case_name_the_same_paths(server: Any) -> None:
    for case in static._CASES[server]:
        words = " ".join(case.lines)
        assert all(rule.path.strip("/") in words for rule in case.rules)
        assert route(server, case.rules, case.path).rule is not None


# Bad input.


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--path", "/x"], "--path makes no sense together with a run without MODULE:APP or --config FILE"),
        (["--host", "a.test"], "--host makes no sense together with a run without --config FILE"),
        (["--config", "f", "--show", "grid"], "--show grid makes no sense together with --config"),
        (["--config", "f", "--with", "embedded"], "--with embedded makes no sense together with --config"),
        (["--with", "nginx", "--show", "underscore"], "no proxy takes part in it"),
        (["--python", "python3"], "--python makes no sense together with a run without MODULE:APP"),
        (["shop:app", "--show", "grid"], "--show grid makes no sense together with an app of your own"),
        (["shop:app", "--config", "f"], "--config makes no sense together with an app of your own"),
        (["shop:app", "--path", "/a", "--path", "/b"], "it is asked for one"),
        (["--with", "apache", "--break", "proxy-overwrites"], "the fault is in labctl's own proxy"),
    ],
)
def test_options_of_which_one_would_be_ignored_are_refused(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as told:
        command_line(["proxy", *words])
    assert told.value.code == "options-contradict"
    assert said in told.value.headline
    assert told.value.fixes[0].startswith("labctl proxy")


@pytest.mark.parametrize("server", ["nginx", "apache"])
def test_without_the_real_server_it_is_said_what_installs_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    found, absent = shutil.which, ("nginx", "apache2", "httpd")
    monkeypatch.setattr(shutil, "which", lambda name, **more: None if name in absent else found(name, **more))
    with pytest.raises(CannotRun) as told:
        command_line(["proxy", "--with", server])
    assert told.value.code == "server-missing"
    assert told.value.fixes[-1].startswith("labctl proxy")
    capsys.readouterr()
    code = command_line(["proxy", "--show", "static", "--json", "--sandbox"])
    assert code == 0, "labctl's own proxy plays where neither is installed"
    assert "this machine has none" in capsys.readouterr().out


def test_it_plays_in_the_sandbox_and_says_so_on_the_live_internet() -> None:
    from labctl.live.internet import LiveInternet

    assert place({}) == "sandbox"
    assert place({"config": "nginx.conf"}) == place({"app": "shop:app"}) == "own"
    with LiveInternet() as internet, pytest.raises(CannotRun, match="sandbox"):
        list(LAB.run(internet))


def test_a_usage_error_comes_before_anything_is_started(opened: Any) -> None:
    with pytest.raises(UsageError):
        LAB.run(opened(), path=["/x"])


# What holds of the tables.


def test_every_fault_belongs_to_one_claim() -> None:
    assert sorted(fault.name for fault in PROXY_FAULTS) == sorted(str(claim.broken_by) for claim in CLAIMS)


def test_the_questions_keep_the_rules_of_writing() -> None:
    items = quiz.read(LAB.words("quiz.toml"))
    assert len(items) >= 8
    assert quiz.check(items) == []


def test_who_brings_an_app_is_not_asked_about_the_way_of_ours() -> None:
    ours = [item for item in quiz.read(LAB.words("quiz.toml")) if item.phase in ("predict", "observe")]
    assert ours
    assert all({"app", "config", "show"} <= set(item.unless) for item in ours)


def test_the_manners_are_those_of_the_two_servers() -> None:
    assert {manners.server for manners in MANNERS.values()} == {"nginx", "apache"}
