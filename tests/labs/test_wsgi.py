"""The wsgi lab: the contract live, the matrix of servers, its demonstrations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from wsgi_runs import Capsys, rows_of, run, texts

from labctl.errors import CannotRun, UsageError
from labctl.quiz.reading import read
from labctl.sandbox.wsgi_faults import WSGI_FAULTS
from labs.wsgi import broken, patches
from labs.wsgi.apps import violations
from labs.wsgi.claims import CLAIMS
from labs.wsgi.names import BROKEN, JUDGED


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)


def test_each_violation_is_an_application_and_each_application_a_violation() -> None:
    names = {each.name.replace("-", "_") for each in BROKEN}
    there = {name for name, app in vars(violations).items() if callable(app) and name.islower()}
    assert names == there
    assert set(JUDGED) - {None, "all"} <= {each.name for each in BROKEN}


def test_each_fault_of_the_sandbox_is_a_claims_and_those_of_the_server_are_made_there() -> None:
    faults = {fault.name for fault in WSGI_FAULTS}
    assert faults == {claim.broken_by for claim in CLAIMS}
    assert set(patches.PATCHES) | set(broken.LAYERS) <= faults


def test_the_ladder_has_the_calls_in_the_order_of_the_contract(capsys: Capsys) -> None:
    code, document = run(capsys)
    assert code == 0
    labels = [e["label"] for e in document["events"] if e["kind"] == "exchange"]
    assert "7 calls seen" in texts(document)
    assert labels[1:7] == [
        "app(environ, sr)", "sr('200 OK', ...)", "return Greeting", "b'Hello, '", "b'Ada'", "b'!\\n'",
    ]  # fmt: skip
    # The client may have it all before the server comes to close().
    assert set(labels[7:9]) == {"close()", "200 OK   12 B"}
    at = [e["at_ms"] for e in document["events"] if e["kind"] == "exchange"]
    assert at == sorted(at)


def test_without_waitress_the_words_the_claim_and_the_key_follow_what_ran(
    tmp_path: Path, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "waitress.py").write_text("raise ImportError('hidden for a test')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    code, document = run(capsys)
    assert code == 0
    servers = [row[0] for row in rows_of(document, "servers")]
    assert servers == ["our toy", "wsgiref", "flask run", "gunicorn sync", "gunicorn gthread"]
    assert "waitress is left out" in texts(document)
    assert "3 of 5 servers sent chunks." in texts(document)
    framing = next(e for e in document["events"] if e.get("claim") == "wsgi.framing")
    assert framing["outcome"] == "HELD"
    assert "waitress" not in framing["text"] + framing["sentence"]
    item = next(
        each
        for each in read(Path(broken.__file__).with_name("quiz.toml").read_text(encoding="utf-8"))
        if each.id == "wsgi.which-count"
    )
    assert "where it is installed" in item.stem
    who = next(e["value"] for e in document["events"] if e.get("id") == "wsgi.servers.who-chunks")
    assert [option.id for option in item.options if option.value == who] == ["b"]


def test_the_matrix_has_every_application_and_every_server(capsys: Capsys) -> None:
    code, document = run(capsys, "--violate", "all")
    assert code == 0
    cells = {row[0]: row[1:] for row in rows_of(document, "violations")}
    assert list(cells) == [each.name for each in BROKEN]
    # toy, wsgiref, flask run, sync, gthread, waitress
    assert cells["no-start-response"] == ["500", "500", "500", "None", "None", "500"]
    assert cells["start-twice-bare"][2] == "404", "werkzeug looks at the headers, and there were none"
    assert "404: 404, from the second call" in texts(document)
    twice = next(event for event in document["events"] if event.get("claim") == "wsgi.twice")
    assert "behind one with headers" in twice["sentence"]
    assert cells["raises-before"] == ["500"] * 6
    assert cells["mends-before"] == ["503"] * 6
    assert cells["raises-after"][1] == "part", (
        "an HTTP/1.0 server that closes cannot say that something is missing"
    )
    assert cells["length-too-long"] == ["cut"] * 6
    assert cells["length-too-short"] == ["as said", "too much", "too much", "as said", "as said", "as said"]
    assert cells["reads-all"][1:3] == ["timeout", "timeout"]
    sees = {row[0]: row[1] for row in rows_of(document, "rules")}
    assert sees["str-items"] == "sees it"
    assert sees["length-too-long"] == "-"


def test_one_violation_shows_its_code_and_a_run_without_a_claim_is_no_failure(capsys: Capsys) -> None:
    code, document = run(capsys, "--violate", "hop-by-hop")
    assert code == 0
    assert rows_of(document, "code")[0] == ["def hop_by_hop(environ, start_response):"]
    assert "Headers about the connection are the server's affair." in texts(document)


def test_asgi_is_driven_and_the_type_errors_are_the_real_ones(capsys: Capsys) -> None:
    code, document = run(capsys, "--show", "asgi")
    assert code == 0
    said = texts(document)
    assert "missing 1 required positional argument: 'send'" in said
    assert "takes 2 positional arguments but 3 were given" in said
    labels = [e["label"] for e in document["events"] if e["kind"] == "exchange"]
    assert labels == [
        "scope: GET /cart",
        "http.request, 0 bytes",
        "http.response.start, 200",
        "http.response.body, 16 bytes",
    ]


def test_write_comes_before_what_is_returned(capsys: Capsys) -> None:
    code, document = run(capsys, "--show", "write")
    assert code == 0
    labels = [e["label"] for e in document["events"] if e["kind"] == "exchange"]
    assert labels[2:7] == [
        "sr('200 OK', ...)", "b'first by wri...", "b'then again, '", "return list", "b'and last by ...",
    ]  # fmt: skip
    assert "56 bytes came" in texts(document)


def test_a_part_of_a_violations_name_is_enough_to_be_told_the_whole(capsys: Capsys) -> None:
    with pytest.raises(UsageError) as caught:
        run(capsys, "--violate", "crlf")
    assert caught.value.fixes == ("labctl wsgi --violate crlf-in-header",)


@pytest.mark.parametrize("fault", ["server-takes-one-item", "server-forgets-close"])
def test_a_fault_of_the_body_leaves_a_list_to_be_counted(fault: str) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        return [b"all of it"]

    assert broken.LAYERS[fault](app)({}, None) == [b"all of it"]


def test_percent_signs_in_the_path_leave_the_other_claims_alone(capsys: Capsys) -> None:
    _, document = run(capsys, "--show", "environ", "--break", "server-keeps-escapes")
    outcomes = {claim["claim"]: claim["outcome"] for claim in document["claims"]}
    assert [name for name, outcome in outcomes.items() if outcome != "HELD"] == ["wsgi.path"]
    paths = {row[1] for row in rows_of(document, "environ")}
    assert paths == {"/caf%C3%A9/environ%..."}, "under each of the servers"


def test_a_server_that_is_not_installed_is_left_out_and_said(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labctl.serving import standing
    from labs.wsgi import stage

    def stand(app: Any, kind: standing.Kind, **more: Any) -> Any:
        if kind == "waitress":
            raise CannotRun("server-missing", "waitress is not installed")
        return standing.stand(app, kind, **more)

    monkeypatch.setattr(stage, "stand", stand)
    code, document = run(capsys)
    assert code == 0
    assert "waitress is left out: waitress is not installed." in texts(document)
    assert len(rows_of(document, "servers")) == 5


def test_nothing_is_left_running(capsys: Capsys) -> None:
    before = _children()
    run(capsys, "--show", "start-response")
    assert _children() <= before


def _children() -> set[str]:
    tasks = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return set(tasks.read_text().split()) if tasks.exists() else set()
