"""Who is blamed for an answer that failed, and `--expect`, with which a build can fail."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from learners_flask import Capsys, document, texts

from labctl.cli import run as command_line
from labctl.errors import UsageError

HOOKS = """
from flask import Flask, redirect, request

app = Flask(__name__)


@app.before_request
def gate():
    if request.path.startswith("/gated"):
        return redirect("/login")


@app.get("/gated-and-torn")
@app.get("/gated")
@app.get("/forgot")
@app.get("/")
def home():
    return "hello"


@app.get("/handled")
def handled():
    raise ValueError("no")


@app.get("/inside")
def inside():
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app.test_client().get("/broken")


@app.get("/broken")
def broken():
    raise LookupError("deep")


@app.errorhandler(ValueError)
def on_value(error):
    print(error)


@app.after_request
def second(response):
    response.headers["X-Second"] = "1"
    return response


@app.after_request
def careless(response):
    if request.path != "/forgot":
        return response


@app.teardown_request
def tidy(error):
    if request.path == "/gated-and-torn":
        raise RuntimeError("torn")
"""


@pytest.fixture(autouse=True)
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path / "home"))
    (tmp_path / "learners_hooks.py").write_text(HOOKS)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("path", "said", "hue"),
    [
        ("/gated", "gate answered itself with 302; the view did not run.", "warn"),
        ("/gated-and-torn", "tidy raised RuntimeError: torn; the visitor got 500.", "bad"),
        ("/forgot", "careless returned None, which is no response; then second raised AttributeError", "bad"),
        (
            "/handled",
            "handled raised ValueError: no; then on_value returned None, which is no response; the visitor got 500.",
            "bad",
        ),
        ("/inside", "broken raised LookupError: deep; the visitor got 500.", "bad"),
    ],
)
def test_the_function_that_failed_is_named_in_the_result(
    path: str, said: str, hue: str, capsys: Capsys
) -> None:
    code, told = document(capsys, "learners_hooks", path)
    assert code == 0
    results = [event for event in told["events"] if event.get("role") == "result"]
    assert [event["text"].startswith(said) for event in results] == [True], results
    assert results[0]["hue"] == hue


def test_a_status_that_is_not_the_expected_one_fails_the_run(tmp_path: Path, capsys: Capsys) -> None:
    code, told = document(capsys, "learners_hooks", "/nope", "--expect", "2xx,302")
    assert code == 1
    assert "Check GET /nope: 404, with 2xx or 302 wanted: 1 unexpected." in texts(told)
    code, told = document(capsys, "learners_hooks", "/nope", "--expect", "404")
    assert (code, told["error"]) == (0, None)


def test_each_request_has_its_own_check_in_the_report_for_a_build(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    words = ["flask", "learners_hooks", "GET", "/gated", "--then", "GET /forgot"]
    words += ["--expect", "3xx", "--expect", "200"]
    assert command_line([*words, "--junit", str(report)]) == 1
    cases = {case.get("name"): case for case in ET.fromstring(report.read_text()).iter("testcase")}
    assert list(cases) == ["flask.unexpected.1", "flask.unexpected.2"]
    failure = cases["flask.unexpected.2"].find("failure")
    assert cases["flask.unexpected.1"].find("failure") is None
    assert failure is not None
    assert "GET /forgot: 500" in str(failure.get("message"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--expect", "20"), "usage"),
        (("--expect", ""), "usage"),
        (("--expect", "xx2"), "usage"),
        (("--expect", "200", "--expect", "200"), "options-contradict"),
        (("--routes", "--expect", "200"), "options-contradict"),
        (("-H", "no colon"), "header-invalid"),
        (("G ET", "/"), "request-invalid"),
    ],
)
def test_what_cannot_be_expected_is_refused_with_the_learners_own_names(
    words: tuple[str, ...], code: str
) -> None:
    with pytest.raises(UsageError) as caught:
        command_line(["flask", "learners_hooks", *words])
    assert caught.value.code == code
    assert caught.value.fixes[0].startswith("labctl flask learners_hooks ")
