"""Requests to a learner's application in a folder outside of the project."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from learners_flask import SITE, Capsys, document, line_of, table, texts


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path / "home"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "learners_site.py").write_text(SITE)
    monkeypatch.chdir(folder)
    return folder


def test_an_application_outside_of_the_project_is_traced_without_a_change(site: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_site:create_app()", "GET", "/")
    assert code == 0
    assert (site / "learners_site.py").read_text() == SITE
    assert "learners_site" not in sys.modules
    runs = [row[2:] for row in table(told, "request.order")]
    assert ["before_request", "app", f"load_user learners_site.py:{line_of('def load_user')}"] in runs
    assert ["view", "app", f"home learners_site.py:{line_of('def home')}: returned Response 302"] in runs
    assert table(told, "request.response")[0] == ["status", "302 FOUND"]
    assert ["loading None"] in table(told, "printed")
    assert "GET / is the endpoint home." in texts(told)


def test_cookies_are_kept_between_requests(site: Path, capsys: Capsys) -> None:
    code, told = document(
        capsys, "learners_site", "POST", "/login", "-d", "user=ana", "--then", "GET /", "--then", "/nope"
    )
    assert code == 0
    assert table(told, "request-2.response")[-1] == ["body", "11 bytes: Hello, ana."]
    assert table(told, "request.cookie")[0][2] == "user = 'ana'"
    assert table(told, "request-3.response")[0][1].startswith("404")
    # The user came with the cookie.
    assert "user (str) when teardown began." in texts(told)


def test_a_field_and_the_method_reach_the_view(site: Path, capsys: Capsys) -> None:
    _, told = document(capsys, "learners_site", "/echo", "-H", "X-Word: hello")
    assert table(told, "request.response")[-1] == ["body", "5 bytes: hello"]
    _, told = document(capsys, "learners_site", "put", "/echo")
    assert table(told, "request.response")[0][1].startswith("405")
    assert "for PUT; /echo is there for GET, HEAD and OPTIONS: 405." in texts(told)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/boo", "no route: matches /boo. The nearest: GET /boom"),
        ("/folder", "a redirect to http://127.0.0.1"),
        ("/boom", "boom raised ZeroDivisionError: division by zero; the visitor got 500."),
        ("/nothing", "nothing returned None, which is no response; the visitor got 500."),
    ],
)
def test_what_went_wrong_is_said(path: str, said: str, site: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_site", path)
    assert code == 0
    assert said in texts(told)


def test_a_traceback_is_cut_to_the_learners_own_lines(site: Path, capsys: Capsys) -> None:
    _, told = document(capsys, "learners_site", "/boom")
    lines = [row[0] for row in table(told, "printed")]
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert [line for line in lines if line.startswith("  File")] == [
        f'  File "{site / "learners_site.py"}", line {line_of("1 / 0")}, in boom'
    ]


def test_the_routes_are_listed(site: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_site", "--routes")
    assert code == 0
    assert ["POST", "/login", "login", f"login learners_site.py:{line_of('def login')}"] in table(
        told, "routes"
    )
    code, told = document(capsys, "learners_site:plain", "--routes")
    assert (code, told["error"]["code"]) == (3, "app-not-flask")


def test_what_is_no_flask_is_said(site: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_site:plain", "/")
    assert "No Flask application saw this request" in texts(told)
    assert code in (0, 4)


def test_a_view_that_hangs_is_ended_and_its_line_is_said(site: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_site", "/hang", "--timeout", "0.3")
    assert code == 3
    error = told["error"]
    assert error["code"] == "view-hangs"
    evidence = dict(error["evidence"])
    assert evidence["it is at"].startswith("wait_for_ever learners_site.py:")
    assert evidence["called by"].startswith(f"hang learners_site.py:{line_of('wait_for_ever()')}")
    assert ["view", "app", f"hang learners_site.py:{line_of('def hang')}"] in [
        row[2:] for row in table(told, "request.order")
    ]


def test_a_view_that_holds_the_interpreters_lock_is_found_too(site: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_site", "/regular", "--timeout", "0.3")
    assert (code, told["error"]["code"]) == (3, "view-hangs")
    assert f"regular learners_site.py:{line_of('re.match')}" in str(told["error"]["evidence"])


def test_the_application_finds_its_own_functions_where_it_registered_them(site: Path, capsys: Capsys) -> None:
    _, told = document(capsys, "learners_site", "/same")
    assert ["body", "4 bytes: True"] in table(told, "request.response")


def test_a_request_inside_of_a_request_does_not_take_its_route(site: Path, capsys: Capsys) -> None:
    _, told = document(capsys, "learners_site", "/calls-itself")
    assert "route: GET /calls-itself is the endpoint calls_itself." in texts(told)


def test_flasks_own_answer_to_options_is_no_failed_route(site: Path, capsys: Capsys) -> None:
    _, told = document(capsys, "learners_site", "OPTIONS", "/echo")
    assert [row[3] for row in table(told, "request.order") if "match URL" in row[2]] == [""]
    assert "no route" not in texts(told)


def test_the_tracer_does_not_stand_where_a_library_raised(site: Path, capsys: Capsys) -> None:
    _, told = document(capsys, "learners_site", "/refuses")
    [view] = [row[4] for row in table(told, "request.order") if row[2] == "view"]
    assert "raised Forbidden: 403 at werkzeug/exceptions.py:" in view


def test_a_stream_without_an_end_is_no_error(site: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_site", "/events", "--timeout", "0.3")
    assert (code, told["error"]) == (0, None)
    assert "The visitor got 200, and its body had not ended after" in texts(told)
    assert "it is at endless learners_site.py:" in texts(told)
    order = table(told, "request.order")
    assert any(row[2] == "body" and row[4].startswith("endless learners_site.py:") for row in order)
    assert [row[2] for row in order].count("match URL") == 1


def test_of_a_body_without_an_end_a_part_is_read(site: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_site", "/flood")
    assert (code, told["error"]) == (0, None)
    assert "of its body the rest was not read." in texts(told)


def test_a_view_that_crashes_the_interpreter_is_found(site: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_site", "/crash")
    assert (code, told["error"]["code"]) == (3, "app-exits")
    assert dict(told["error"]["evidence"]) == {
        "signal": "SIGABRT (6)",
        "it was at": f"crash learners_site.py:{line_of('os.abort()')}",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("/login", "-d", "user=ana"), "curl -i -d user=ana http://127.0.0.1:5000/login"),
        (("PUT", "/echo", "-H", "X-A: b c"), "curl -i -X PUT -H 'X-A: b c' http://127.0.0.1:5000/echo"),
        (("HEAD", "/"), "curl -I http://127.0.0.1:5000/"),
    ],
)
def test_the_command_by_hand_asks_the_same(
    words: tuple[str, ...], said: str, site: Path, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable), prepend=os.pathsep)
    _, told = document(capsys, "learners_site", *words)
    assert f"flask --app learners_site run   # then {said}" in texts(told)


def test_behind_middleware_the_command_by_hand_is_one_that_serves_it(
    site: Path, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    (site / "wrapped.py").write_text(
        "from learners_site import create_app\napp = [create_app()][0].wsgi_app\n"
    )
    _, told = document(capsys, "wrapped")
    serve = f"By hand: {sys.executable} -m gunicorn wrapped:app   # then curl -i http://127.0.0.1:8000/"
    assert serve in texts(told)


def test_a_view_that_ends_the_process_is_said(site: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_site", "/leave")
    assert (code, told["error"]["code"]) == (3, "app-exits")
    assert ["status", "3"] in told["error"]["evidence"]
    assert f"learners_site.py, line {line_of('os._exit')}" in str(told["error"]["evidence"])


@pytest.mark.parametrize(
    ("app", "code"),
    [
        ("nowhere:app", "app-not-found"),
        ("learners_site:nothing_here", "app-not-found"),
        ("learners_site:SITE", "app-not-found"),
        ("raises", "app-raises"),
    ],
)
def test_an_application_that_cannot_be_served_is_one_error(
    app: str, code: str, site: Path, capsys: Capsys
) -> None:
    (site / "raises.py").write_text("1 / 0\n")
    status, told = document(capsys, app, "GET", "/")
    assert (status, told["error"]["code"]) == (3, code)


# What is typed.
