"""The flask lab: its own lessons, and requests to a learner's application in a folder outside of the project."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.cli import run as command_line
from labctl.errors import CannotRun, LabctlError, UsageError
from labctl.sandbox.flask_faults import FLASK_FAULTS
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.town import healthy_town
from labctl.serving.flask_trace_reading import Record
from labs.flask.claims import CLAIMS
from labs.flask.lab import LAB, place
from labs.flask.target import read_target
from labs.flask.words import number, outcome, short
from labs.flask.words import place as place_of

SITE = """
import functools
import os
import re
import time

from flask import Flask, abort, current_app, g, redirect, request, session

guard = functools.partial(abort, 403)


def create_app():
    app = Flask(__name__)
    app.secret_key = "mine"

    @app.before_request
    def load_user():
        g.user = session.get("user")
        print("loading", g.user)

    @app.get("/")
    def home():
        return f"Hello, {g.user}." if g.user else redirect("/login")

    @app.post("/login")
    def login():
        session["user"] = request.form["user"]
        return "welcome"

    @app.get("/echo")
    def echo():
        return request.headers["X-Word"]

    @app.get("/boom")
    def boom():
        return str(1 / 0)

    @app.get("/nothing")
    def nothing():
        pass

    @app.get("/hang")
    def hang():
        wait_for_ever()

    def wait_for_ever():
        while True:
            time.sleep(0.01)

    @app.get("/regular")
    def regular():
        re.match(r"(a+)+$", "a" * 60 + "b")

    @app.get("/leave")
    def leave():
        os._exit(3)

    @app.get("/same")
    def same():
        view = current_app.view_functions["same"]
        hooks = current_app.before_request_funcs[None]
        return str(view is same and hooks[0] is load_user and list(hooks) == [load_user])

    @app.get("/refuses")
    def refuses():
        guard()

    @app.get("/events")
    def events():
        def endless():
            while True:
                yield "tick "
                time.sleep(0.01)
        return endless()

    @app.get("/flood")
    def flood():
        return (b"x" * 65536 for _ in range(1 << 30))

    @app.get("/crash")
    def crash():
        os.abort()

    @app.route("/calls-itself")
    def calls_itself():
        with current_app.test_client() as client:
            return client.get("/same").text

    @app.get("/folder/")
    def folder():
        return "files"

    return app


def plain(environ, start_response):
    start_response("200 OK", [])
    return [b"plain"]
"""


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


Capsys = pytest.CaptureFixture[str]


def document(capsys: Capsys, *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and document; an error that ends the run stands in both."""
    capsys.readouterr()
    try:
        code = command_line(["flask", *words, "--json"])
    except LabctlError as error:
        code = error.exit_code
    return code, json.loads(capsys.readouterr().out)


def table(told: dict[str, Any], id: str) -> list[list[str]]:
    return next(
        [row["cells"] for row in e["rows"]] for e in told["events"] if e.get("id") == id and "rows" in e
    )


def line_of(code: str) -> int:
    """Where the learner's code begins with this, the first time."""
    return next(number for number, line in enumerate(SITE.splitlines(), 1) if code in line)


def texts(told: dict[str, Any]) -> str:
    return "\n".join(e["text"] for e in told["events"])


# The lab's own lessons.


def test_each_fault_belongs_to_one_claim() -> None:
    assert sorted(fault.name for fault in FLASK_FAULTS) == sorted(claim.broken_by or "" for claim in CLAIMS)


def test_the_order_of_a_request_is_flasks(capsys: Capsys) -> None:
    code, told = document(capsys)
    assert code == 0
    order = [(row[2].strip(), row[3], row[4].split(" ")[0]) for row in table(told, "order")]
    moments = ("first byte", "response.close()", "call_on_close")
    assert [each for each in order if each[0] not in moments] == [
        ("session opened", "", "2"),
        ("match URL", "", "/basket/<int:number>"),
        ("url_value_preprocessor", "app", "read_language"),
        ("before_request", "app", "load_user"),
        ("before_request", "app", "start_timer"),
        ("before_request", "basket", "open_basket"),
        ("view", "basket", "show_basket"),
        ("template", "", "basket.html"),
        ("after_this_request", "", "remember_basket"),
        ("after_request", "basket", "forbid_caching"),
        ("after_request", "app", "add_nosniff"),
        ("after_request", "app", "add_server_timing"),
        ("session saved", "", "Set-Cookie"),
        ("status and fields", "", "200"),
        ("teardown_request", "app", "roll_back"),
        ("teardown_request", "app", "close_cursor"),
        ("teardown_appcontext", "app", "return_connection"),
        ("body", "", "27"),
    ]


def test_an_exception_in_each_place_is_told_with_and_without_testing(capsys: Capsys) -> None:
    _, told = document(capsys, "--show", "errors")
    ran, skipped = "ran", "──"
    assert table(told, "plain") == [
        ["before_request", ran, ran, ran, "500"],
        ["the view", ran, ran, ran, "500"],
        ["after_request", ran, ran, ran, "500"],
        ["teardown_request", skipped, ran, ran, "500, the server's"],
        ["a generator", skipped, ran, ran, "200, cut off"],
    ]
    assert [row[1:4] for row in table(told, "testing")] == [
        [skipped, skipped, ran],
        [skipped, skipped, ran],
        [skipped, ran, ran],
        [skipped, ran, ran],
        [skipped, ran, ran],
    ]


def test_a_session_cookie_is_read_forged_replayed_and_minted(capsys: Capsys) -> None:
    _, told = document(capsys, "--show", "session")
    assert [(row[1], row[2]) for row in table(told, "tried")] == [
        ("user ana, role customer", "accepted"),
        ("nobody: an empty session", "refused"),
        ("user ana, role customer", "accepted"),
        ("user ana, role customer", "accepted"),
        ("user ana, role admin", "accepted"),
    ]
    small, large = table(told, "sizes")
    assert (small[3], large[3], large[4]) == ("keeps it", "drops it", "UserWarning")


def test_requests_at_once_are_in_different_threads_and_tasks_in_one(capsys: Capsys) -> None:
    _, told = document(capsys, "--show", "concurrent")
    assert len({row[3] for row in table(told, "threads")}) == 4
    assert {row[3] for row in table(told, "tasks")} == {"thread 1"}


# The learner's own application.


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
        ("/nothing", "did not return a valid"),
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
    assert "body: 4 bytes: True" in texts(told)


def test_a_request_inside_of_a_request_does_not_take_its_route(site: Path, capsys: Capsys) -> None:
    _, told = document(capsys, "learners_site", "/calls-itself")
    assert "route: GET /calls-itself is the endpoint calls_itself." in texts(told)


def test_flasks_own_answer_to_options_is_no_failed_route(site: Path, capsys: Capsys) -> None:
    _, told = document(capsys, "learners_site", "OPTIONS", "/echo")
    assert [row[3] for row in table(told, "request.order") if "match URL" in row[2]] == [""]
    assert "no route" not in texts(told)


def test_the_tracer_does_not_stand_where_a_library_raised(site: Path, capsys: Capsys) -> None:
    _, told = document(capsys, "learners_site", "/refuses")
    assert "raised Forbidden: 403 at learners_site.py:" in texts(told)
    assert "flask_trace" not in texts(told)


def test_a_stream_without_an_end_is_no_error(site: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_site", "/events", "--timeout", "0.3")
    assert (code, told["error"]) == (0, None)
    assert "The visitor got 200, and its body had not ended after" in texts(told)
    assert "it is at endless learners_site.py:" in texts(told)


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
    words: tuple[str, ...], said: str, site: Path, capsys: Capsys
) -> None:
    _, told = document(capsys, "learners_site", *words)
    assert f"flask --app learners_site run   # then {said}" in texts(told)


def test_behind_middleware_the_command_by_hand_is_one_that_serves_it(site: Path, capsys: Capsys) -> None:
    (site / "wrapped.py").write_text(
        "from learners_site import create_app\napp = [create_app()][0].wsgi_app\n"
    )
    _, told = document(capsys, "wrapped")
    assert "gunicorn wrapped   # then curl -i http://127.0.0.1:8000/" in texts(told)


@pytest.mark.parametrize("word", ["echo?x=1", "http://shop.test/echo?x=1"])
def test_a_url_or_a_path_without_its_slash_is_put_right(word: str, site: Path, capsys: Capsys) -> None:
    with pytest.raises(UsageError) as raised:
        read_target("learners_site", "get", word, (), (), (), None)
    assert raised.value.fixes == ("labctl flask learners_site GET '/echo?x=1'",)


def test_a_method_in_small_letters_is_one_unless_a_module_is_called_so(site: Path) -> None:
    assert read_target("get", "/account/", None, (), (), (), None).is_ours
    (site / "options.py").write_text("")
    assert not read_target("options", "/", None, (), (), (), None).is_ours


def test_a_view_that_ends_the_process_is_said(site: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_site", "/leave")
    assert (code, told["error"]["code"]) == (3, "app-exits")
    assert "'3'" in str(told["error"]["evidence"])


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


@pytest.mark.parametrize(
    ("words", "method", "target"),
    [
        (("shop:app", None, None), "GET", "/"),
        (("shop:app", "GET", "/x?y=1"), "GET", "/x?y=1"),
        (("shop:app", "/x", None), "GET", "/x"),
        (("shop:app", "delete", "/x"), "DELETE", "/x"),
        (("shop:app", "POST", None), "POST", "/"),
        (("shop:app", "GET", "/käse brot#top"), "GET", "/k%C3%A4se%20brot"),
        (("GET", "/basket/7", None), "GET", "/basket/7"),
        (("/basket/7", None, None), "GET", "/basket/7"),
    ],
)
def test_a_request_is_read_as_it_is_meant(
    words: tuple[str | None, str | None, str | None], method: str, target: str
) -> None:
    read = read_target(*words, (), (), (), None)
    assert read.requests[0][:2] == (method, target)
    assert read.is_ours == (words[0] != "shop:app")


def test_content_makes_a_post_with_the_type_of_a_form() -> None:
    wanted = read_target("shop", "/x", None, (), ("a=1", "b=2"), ("PUT /y -d 'c=3'", "/z"), None).requests
    assert wanted[0] == ("POST", "/x", (("Content-Type", "application/x-www-form-urlencoded"),), b"a=1&b=2")
    assert (wanted[1].method, wanted[1].target, wanted[1].body) == ("PUT", "/y", b"c=3")
    assert wanted[2] == ("GET", "/z", (), b"")
    given_type = read_target("shop", "/x", None, ("content-type: text/plain",), ("a",), (), None)
    assert given_type.requests[0].fields == (("content-type", "text/plain"),)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("shop:app", "GET", "nope"), "request-invalid"),
        (("shop:app", "G ET", "/"), "request-invalid"),
        (("shop:app", "/a", "/b"), "request-invalid"),
        (("http://shop.test/", None, None), "app-invalid"),
        (("shop:1+1", None, None), "app-invalid"),
    ],
)
def test_what_is_no_request_is_a_usage_error(
    words: tuple[str | None, str | None, str | None], code: str
) -> None:
    with pytest.raises(UsageError) as raised:
        read_target(*words, (), (), (), None)
    assert raised.value.code == code


def test_fields_and_files_that_cannot_be_meant_are_errors(tmp_path: Path) -> None:
    for bad in ("no colon", ": empty", "X: a\r\nY: b", "X Y: z", "X: ☃"):
        with pytest.raises(UsageError, match="not a field"):
            read_target("shop", None, None, (bad,), (), (), None)
    with pytest.raises(CannotRun, match="cannot be read"):
        read_target("shop", None, None, (), (f"@{tmp_path / 'missing'}",), (), None)
    (tmp_path / "body").write_bytes(b"\x00\x01")
    read = read_target("shop", None, None, (), (f"@{tmp_path / 'body'}",), (), None)
    assert read.requests[0].body == b"\x00\x01"


def test_options_that_contradict_are_errors() -> None:
    with LoopbackInternet(healthy_town()) as internet:
        for arguments in (
            {"show": "args", "app": "shop:app"},
            {"show": "args", "method": "GET"},
            {"show": "args", "routes": True},
            {"app": "GET", "python": "python3"},
        ):
            with pytest.raises(UsageError) as raised:
                LAB.run(internet, **arguments)
            assert raised.value.code == "options-contradict"


@given(st.text(max_size=30), st.text(max_size=10), st.text(max_size=30))
def test_any_words_are_a_request_or_a_clear_error(app: str, method: str, path: str) -> None:
    try:
        read = read_target(app, method, path, (), (), (), None)
    except (UsageError, CannotRun):
        return
    assert read.requests[0].target.isascii()
    assert read.requests[0].target.startswith("/")


def test_an_application_is_on_this_machine_and_the_shop_in_the_sandbox() -> None:
    assert place({"app": "shop:app"}) == "own"
    assert place({}) == "sandbox"
    assert place({"app": "GET", "method": "/"}) == "sandbox"
    assert place({"app": "/home/ana/shop.py:app"}) == "own"


# Words.


def test_times_and_places_are_short() -> None:
    assert [number(ms) for ms in (0.004, 0.27, 3.14159, 12.34, 507.2)] == [
        "0.004",
        "0.27",
        "3.14",
        "12.3",
        "507",
    ]
    assert place_of("/home/ana/shop/pages/cart.py", 3, "/home/ana/shop") == "pages/cart.py:3"
    assert place_of("/usr/lib/site-packages/flask/app.py", 9, "/home/ana") == "flask/app.py:9"
    assert place_of("", 0, "/") == ""
    assert len(short("x" * 200)) <= 72


@given(
    st.sampled_from(("match", "open_session", "save_session", "item", "unhandled", "view", "after_request")),
    st.dictionaries(
        st.sampled_from(("raised", "returned", "cookie", "keys", "cookies", "propagates", "because")),
        st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=5),
    ),
)
def test_any_outcome_has_words(kind: str, notes: dict[str, Any]) -> None:
    assert isinstance(outcome(Record(kind, "f", "f.py", 1, "", 0.0, 1.0, 0, notes)), str)
