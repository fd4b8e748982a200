"""The workers lab: one run read from all sides, somebody's own application, ends in the middle, and bad input."""

from __future__ import annotations

import itertools
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from labctl.cli import run as command_line
from labctl.errors import CannotRun, UsageError
from labctl.events import Span
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.town import healthy_town
from labctl.sandbox.workers_faults import WORKERS_FAULTS
from labs.workers import server as servers
from labs.workers.broken import CHANGES
from labs.workers.claims import CLAIMS
from labs.workers.lab import LAB, place
from labs.workers.plan import read_plan
from labs.workers.whole import whole

DONE: dict[str, dict[str, Any]] = {}


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))


def document(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = command_line(["workers", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def usual(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The run without arguments, once for all tests that look at it."""
    if not DONE:
        DONE["usual"] = document(capsys, "--sandbox")[1]
    return DONE["usual"]


def commands(told: dict[str, Any]) -> set[str]:
    return {e["title"] for e in told["events"] if e["kind"] == "step" and e["role"] == "command"}


def spans(told: dict[str, Any], *roles: str) -> list[dict[str, Any]]:
    return [e for e in told["events"] if e["kind"] == "span" and e["role"] in roles and e["state"] == "done"]


# The whole run.


def test_twelve_requests_are_on_three_rows_with_a_queue_beneath(usual: dict[str, Any]) -> None:
    bars = spans(usual, "request", "stuck")
    assert sorted(each["label"] for each in bars) == list("abcdefghijkl")
    assert {each["track"] for each in bars} == {"worker 1", "worker 2", "worker 3"}
    assert all(each["under"] == "(backlog)" and each["amount"] >= 1 for each in spans(usual, "queue"))
    assert spans(usual, "queue")


def test_bars_of_a_worker_never_overlap_and_waiting_ends_before_work_begins(usual: dict[str, Any]) -> None:
    for track in ("worker 1", "worker 2", "worker 3"):
        mine = sorted(
            (each["start_ms"], each["end_ms"])
            for each in spans(usual, "request", "stuck")
            if each["track"] == track
        )
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(mine))


def test_the_one_that_hangs_is_killed_and_its_row_goes_on_with_a_new_pid(usual: dict[str, Any]) -> None:
    (stuck,) = spans(usual, "stuck")
    (killed,) = spans(usual, "killed")
    (respawn,) = spans(usual, "respawn")
    assert stuck["label"] == "b"
    assert stuck["end_ms"] - stuck["start_ms"] > 1900
    assert killed["track"] == respawn["track"] == stuck["track"]
    assert killed["label"].startswith("timeout: SIGABRT, then pid ")
    assert stuck["end_ms"] <= killed["start_ms"] == respawn["start_ms"] <= respawn["end_ms"]


def test_what_stands_beneath_is_counted_from_the_same_run(usual: dict[str, Any]) -> None:
    measures = {e["id"]: e["value"] for e in usual["events"] if e["kind"] == "measure"}
    assert measures["workers.answered"] == 11
    assert measures["workers.queue.most"] == max(each["amount"] for each in spans(usual, "queue"))
    lines = {e["label"]: e for e in usual["events"] if e["kind"] == "step" and e["label"]}
    assert lines["answered"]["title"].strip() == "11 of 12"
    assert len({len(lines[term]["title"]) for term in ("answered", "slowest", "busy")}) == 1
    assert "request b got a 500" in lines["answered"]["summary"]
    assert lines["busy"]["summary"].startswith("computed: ")


def test_open_spans_come_before_the_done_ones_that_take_their_place(usual: dict[str, Any]) -> None:
    known: set[tuple[str, str, float]] = set()
    for event in usual["events"]:
        if event["kind"] != "span" or event["role"] not in ("request", "stuck"):
            continue
        key = (event["track"], event["label"], event["start_ms"])
        if event["role"] == "request":
            assert (event["state"] == "open") == (key not in known)
        else:
            assert key in known, "it began as a request, and is stuck since --timeout is over"
        known.add(key)


@pytest.mark.parametrize(("words", "asked"), [((), True), (("--timeout", "20", "--requests", "2"), False)])
def test_what_is_asked_about_a_worker_that_hangs_is_only_asked_where_one_hangs(
    words: tuple[str, ...], asked: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = document(capsys, "--sandbox", "--answers", "key", "--phase", "predict", *words)
    about = {each["item"] for each in told["questions"]}
    assert bool(about & {"workers.how-many-answered", "workers.what-becomes-of-it"}) == asked


# Somebody's own application.

MINE = """
import os, time
print("noise at import")
open("imported-by", "a").write(f"{os.getpid()}\\n")
def app(environ, start_response):
    if environ["PATH_INFO"] == "/never":
        time.sleep(30)
    if environ["PATH_INFO"] == "/raise":
        raise ValueError
    if environ["PATH_INFO"] == "/exit":
        os._exit(7)
    status = "404 Not Found" if environ["PATH_INFO"] == "/nope" else "200 OK"
    start_response(status, [("Content-Type", "text/plain")])
    return [b"[red]mine[/red]"]
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "mine.py").write_text(MINE)
    monkeypatch.chdir(folder)
    return folder


def test_an_application_of_ones_own_gets_the_same_time_line_and_is_imported_by_workers_alone(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = document(capsys, "mine:app", "--workers", "2", "--requests", "5")
    assert code == 0
    assert sorted(each["label"] for each in spans(told, "request")) == list("abcde")
    assert "mine" not in sys.modules
    assert "labctl workers mine:app --requests 5 --worker-class gthread --threads 4" in commands(told)
    pids = {int(line) for line in (mine / "imported-by").read_text().split()}
    assert os.getpid() not in pids
    assert len(pids) >= 2


def test_a_view_that_never_comes_back_is_ended_by_the_master_and_the_run_ends(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = document(
        capsys, "mine:app", "--path", "/never", "--workers", "1", "--requests", "1", "--timeout", "1"
    )
    assert code == 0
    assert spans(told, "stuck")
    assert spans(told, "killed")
    assert spans(told, "respawn")
    assert {e["id"]: e["value"] for e in told["events"] if e["kind"] == "measure"}["workers.answered"] == 0


def test_an_exception_and_the_end_of_a_process_are_told_apart(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, raised = document(capsys, "mine:app", "--path", "/raise", "--workers", "1", "--requests", "2")
    (answered,) = [e for e in raised["events"] if e.get("label") == "answered"]
    assert answered["summary"].startswith("request a got a 500: the view raised ValueError")
    assert not spans(raised, "killed")
    _, ended = document(capsys, "mine:app", "--path", "/exit", "--workers", "1", "--requests", "1")
    assert [e["label"].partition(",")[0] for e in spans(ended, "killed")] == ["exit status 7"]
    assert any(each.startswith("labctl workers mine:app --path /exit ") for each in commands(ended))


def test_an_application_that_is_none_is_one_clear_error(mine: Path) -> None:
    with pytest.raises(CannotRun) as told:
        command_line(["workers", "mine:nothing", "--plain"])
    assert told.value.code.startswith("app-")


def measures(told: dict[str, Any]) -> dict[str, Any]:
    return {e["id"]: e["value"] for e in told["events"] if e["kind"] == "measure"}


def test_paths_are_asked_for_in_turn_and_each_has_its_letters_and_statuses(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = document(
        capsys,
        "mine:app",
        "--path",
        "/",
        "--path",
        "/",
        "--path",
        "/nope",
        "--requests",
        "6",
        "--workers",
        "1",
    )
    assert code == 0
    assert told["command"] == (
        "labctl workers mine:app --workers 1 --requests 6 --path / --path / --path /nope"
    )
    (table,) = [e for e in told["events"] if e["kind"] == "rows"]
    assert [row["cells"][:3] for row in table["rows"]] == [
        ["/", "a b d e", "4 x 200"],
        ["/nope", "c f", "2 x 404"],
    ]
    found = measures(told)
    assert (found["workers.status.200"], found["workers.status.404"]) == (4, 2)
    assert found["workers.answered"] == 4
    (end,) = [e for e in told["events"] if e["kind"] == "step" and e["role"] == "result"]
    assert (end["text"][:6], end["hue"]) == ("4 of 6", "warn")


@pytest.mark.parametrize(("expected", "code", "wrong"), [("404", 0, 0), ("2xx,404", 0, 0), ("2xx", 1, 2)])
def test_a_status_that_is_not_expected_fails_the_run_and_is_a_testcase(
    expected: str, code: int, wrong: int, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--path", "/nope", "--requests", "2", "--workers", "1", "--expect", expected, "--junit", "j.xml")
    got, told = document(capsys, "mine:app", *words)
    assert got == code
    assert measures(told)["workers.unexpected"] == wrong
    report = (mine / "j.xml").read_text()
    assert 'name="workers.unexpected"' in report
    assert f'failures="{code}"' in report


def test_gunicorns_own_timeout_is_taken_for_an_own_application_and_the_environment_does_not_count(
    mine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABCTL_TIMEOUT", "0.5")
    code, told = document(capsys, "mine:app", "--requests", "1", "--workers", "1")
    assert code == 0
    assert "gunicorn -w 1 -t 30 mine:app" in commands(told)
    code, told = document(capsys, "mine:app", "--requests", "1", "--workers", "1", "--timeout", "7")
    assert told["command"].endswith(" --timeout 7")
    assert "gunicorn -w 1 -t 7 mine:app" in commands(told)


def test_the_help_says_what_timeout_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    command_line(["workers", "--help"])
    assert "gunicorn's --timeout, whole seconds." in capsys.readouterr().out


def test_a_fix_is_the_command_that_was_typed_with_the_nearest_value(mine: Path) -> None:
    for words, fix in (
        (("mine:app", "--path", "slow"), "labctl workers mine:app --path /slow"),
        (("mine:app", "--workers", "100"), "labctl workers mine:app --workers 60"),
        (("--workers", "100"), "labctl workers --workers 60"),
    ):
        with pytest.raises(UsageError) as told:
            command_line(["workers", *words, "--plain"])
        assert told.value.fixes[0] == fix


# Ends in the middle.


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("end", [KeyboardInterrupt, GeneratorExit])
def test_nothing_is_left_when_a_run_is_ended_in_the_middle(end: type[BaseException]) -> None:
    plan = read_plan(2, "sync", None, 20.0, 4, 1)
    with LoopbackInternet(healthy_town(), latency=False) as internet:
        events = whole(internet, plan)
        pids = []
        for event in events:
            if isinstance(event, Span) and event.under.startswith("pid "):
                pids.append(int(event.under.removeprefix("pid ")))
            if isinstance(event, Span) and event.state == "open":
                break
        assert pids
        assert all(_alive(pid) for pid in pids)
        if end is GeneratorExit:
            events.close()  # type: ignore[attr-defined]
        else:
            with pytest.raises(KeyboardInterrupt):
                events.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
        assert not any(_alive(pid) for pid in pids)


# Where gunicorn is missing.


@pytest.fixture
def no_gunicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "gunicorn" else find_spec(name, *rest),
    )


def test_without_gunicorn_the_toy_server_is_shown_and_what_installs_it(
    no_gunicorn: None, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = document(capsys, "--sandbox", "--requests", "3", "--workers", "1")
    assert code == 4
    assert {each["outcome"] for each in told["claims"]} == {"NOT_SEEN"}
    assert "pip install gunicorn" in {e.get("title") for e in told["events"]}
    assert spans(told, "request")


def test_a_demonstration_without_gunicorn_says_what_is_missing(no_gunicorn: None) -> None:
    with pytest.raises(CannotRun) as told:
        command_line(["workers", "--show", "hang", "--sandbox", "--plain"])
    assert (told.value.code, told.value.fixes) == ("server-missing", ("pip install gunicorn",))


def test_a_system_without_fork_has_no_gunicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labctl.serving.standing.sys.platform", "win32")
    missing = servers.missing_gunicorn("sync")
    assert missing is not None
    assert "fork" in missing.headline


# Bad input, told at once.


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--workers", "0"), "workers-bounds"),
        (("--workers", "-3"), "workers-bounds"),
        (("--workers", "61"), "workers-bounds"),
        (("--workers", "99999999999999999999"), "workers-bounds"),
        (("--requests", "0"), "workers-bounds"),
        (("--requests", "201"), "workers-bounds"),
        (("--threads", "0", "--worker-class", "gthread"), "workers-bounds"),
        (("--threads", "61", "--worker-class", "gthread"), "workers-bounds"),
        (("--threads", "4", "--worker-class", "sync"), "options-contradict"),
        (("--workers", "60", "--worker-class", "gthread", "--threads", "3"), "workers-bounds"),
        (("--workers", "1", "--requests", "200"), "workers-bounds"),
        (("--timeout", "0.5"), "workers-bounds"),
        (("--timeout", "61"), "workers-bounds"),
        (("--show", "kill", "--workers", "2"), "options-contradict"),
        (("--show", "kill", "shop:app"), "options-contradict"),
        (("--path", "/slow"), "options-contradict"),
        (("--boot-timeout", "5"), "options-contradict"),
        (("shop:app", "--boot-timeout", "0"), "workers-bounds"),
        (("shop:app", "--path", "slow"), "path-invalid"),
        (("shop:app", "--path", "/", "--path", "slow"), "path-invalid"),
        (("shop:app", *("--path", "/") * 21), "workers-bounds"),
        (("shop:app", "--expect", "fine"), "usage"),
        (("--expect", "200"), "options-contradict"),
        (("shop:app", "--break", "master-never-looks"), "options-contradict"),
        (("shop:app", "--path", "/a b"), "path-invalid"),
        (("shop:app", "--path", "/a\r\nX: y"), "path-invalid"),
        (("http://example.com/",), "app-invalid"),
    ],
)
def test_bad_input_is_one_clear_sentence_before_anything_starts(words: tuple[str, ...], code: str) -> None:
    with pytest.raises(UsageError) as told:
        command_line(["workers", *words, "--plain"])
    assert told.value.code == code


def test_the_place_is_this_machine_for_an_application_of_ones_own(mine: Path) -> None:
    assert place({"app": None}) == "sandbox"
    assert place({"app": "mine:app"}) == "own"
    assert not LAB.judges({"app": "mine:app"})


def test_each_fault_is_made_somewhere() -> None:
    # The last one is in the words with which gunicorn is started (labs/workers/starting.py).
    made = {*CHANGES, "control-sockets-apart"}
    assert {fault.name for fault in WORKERS_FAULTS} == made == {claim.broken_by for claim in CLAIMS}
