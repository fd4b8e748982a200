"""An application of Flask's in a folder of its own, as a learner has it, and `labctl flask` asked for its document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labctl.cli import run as command_line
from labctl.errors import LabctlError

SITE = """
import functools
import os
import re
import time

from flask import Flask, abort, current_app, g, redirect, request, session, stream_with_context

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

    app.add_url_rule("/refuses", "refuses", functools.partial(abort, 403))

    @app.get("/events")
    def events():
        def endless():
            while True:
                yield "tick "
                time.sleep(0.01)
        return stream_with_context(endless())

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
