"""The wsgi lab: the contract live, the matrix of servers, the learner's own application, bad input."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from labctl.cli import run as command_line
from labctl.errors import CannotRun, UsageError
from labctl.sandbox.wsgi_faults import WSGI_FAULTS
from labs.wsgi import broken
from labs.wsgi.apps import violations
from labs.wsgi.claims import CLAIMS
from labs.wsgi.names import BROKEN, JUDGED

Capsys = pytest.CaptureFixture[str]
SHOP = """
from flask import Flask, request

print("the shop opens")
app = Flask(__name__)


@app.get("/")
def home():
    return "welcome"


@app.post("/cart")
def cart():
    return {"got": request.form["item"], "who": request.headers["X-Who"]}


@app.get("/boom")
def boom():
    raise LookupError("no such thing")


def plain(environ, start_response):
    start_response("200", [("Content-Type", "text/plain")])
    yield b"one, "
    yield b"two"


def stuck(environ, start_response):
    import threading
    threading.Event().wait()


number = 7


async def other(scope, receive, send):
    pass
"""


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder outside of the project with an application in it, and we are there."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "shop_of_a_test.py").write_text(SHOP, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def run(capsys: Capsys, *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = command_line(["wsgi", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def texts(document: dict[str, Any]) -> str:
    rows = [row["text"] for event in document["events"] for row in event.get("rows", [])]
    return "\n".join([*(event["text"] for event in document["events"]), *rows])


def rows_of(document: dict[str, Any], id: str) -> list[list[str]]:
    found = [event for event in document["events"] if event["kind"] == "rows" and event["id"] == id]
    return [row["cells"] for event in found for row in event["rows"]]


def test_each_violation_is_an_application_and_each_application_a_violation() -> None:
    names = {each.name.replace("-", "_") for each in BROKEN}
    there = {name for name, app in vars(violations).items() if callable(app) and name.islower()}
    assert names == there
    assert set(JUDGED) - {None, "all"} <= {each.name for each in BROKEN}


def test_each_fault_of_the_sandbox_is_a_claims_and_those_of_the_server_are_made_there() -> None:
    faults = {fault.name for fault in WSGI_FAULTS}
    assert faults == {claim.broken_by for claim in CLAIMS}
    assert set(broken.PATCHES) | set(broken.LAYERS) <= faults


def test_the_ladder_has_the_calls_in_the_order_of_the_contract(capsys: Capsys) -> None:
    code, document = run(capsys)
    assert code == 0
    labels = [e["label"] for e in document["events"] if e["kind"] == "exchange"]
    assert labels[1:7] == [
        "app(environ, sr)", "sr('200 OK', ...)", "return Greeting", "b'Hello, '", "b'Ada'", "b'!\\n'",
    ]  # fmt: skip
    # The client may have it all before the server comes to close().
    assert set(labels[7:9]) == {"close()", "200 OK   12 B"}
    at = [e["at_ms"] for e in document["events"] if e["kind"] == "exchange"]
    assert at == sorted(at)


def test_the_matrix_has_every_application_and_every_server(capsys: Capsys) -> None:
    code, document = run(capsys, "--violate", "all")
    assert code == 0
    cells = {row[0]: row[1:] for row in rows_of(document, "violations")}
    assert list(cells) == [each.name for each in BROKEN]
    # toy, wsgiref, flask run, sync, gthread, waitress
    assert cells["no-start-response"] == ["500", "500", "500", "None", "None", "500"]
    assert cells["start-twice-bare"][2] == "404", "werkzeug looks at the headers, and there were none"
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
    assert "56 bytes came" in texts(document)


def test_an_application_in_a_folder_of_its_own_is_traced(shop: Path, capsys: Capsys) -> None:
    code, document = run(
        capsys, "shop_of_a_test:app", "--path", "/cart?x=1", "-d", "item=tea", "-H", "X-Who: Ada"
    )
    assert code == 0
    assert document["measures"]["wsgi.own.status"]["value"] == 200
    environ = {row[0]: row[1] for row in rows_of(document, "environ")}
    assert environ["REQUEST_METHOD"] == '"POST"'
    assert environ["QUERY_STRING"] == '"x=1"'
    assert rows_of(document, "times")[0][0] == "the call"
    assert "the shop opens" in texts(document)
    assert [path.name for path in shop.iterdir() if path.name != "__pycache__"] == ["shop_of_a_test.py"]


def test_an_application_may_have_a_package_called_labs(shop: Path, capsys: Capsys) -> None:
    (shop / "labs").mkdir()
    (shop / "labs" / "__init__.py").write_text("OURS = False\n", encoding="utf-8")
    text = SHOP.replace("from flask", "import labs\nassert not labs.OURS\nfrom flask", 1)
    (shop / "shop_with_labs.py").write_text(text, encoding="utf-8")
    code, document = run(capsys, "shop_with_labs:app")
    assert code == 0
    assert document["measures"]["wsgi.own.status"]["value"] == 200


@pytest.mark.parametrize("server", ["sync", "waitress"])
def test_a_generator_is_followed_item_by_item_and_judged(shop: Path, capsys: Capsys, server: str) -> None:
    code, document = run(capsys, "shop_of_a_test.py:plain", "--server", server)
    assert code == 0
    said = texts(document)
    assert "Item 1: b'one, ', 5 bytes." in said
    assert "Item 2: b'two', 3 bytes." in said
    assert "wsgiref.validate says: " in said, "a status needs a reason"


def test_what_an_application_raises_is_shown_with_its_line(shop: Path, capsys: Capsys) -> None:
    code, document = run(capsys, "shop_of_a_test:app", "--path", "/boom")
    assert code == 0
    assert document["measures"]["wsgi.own.status"]["value"] == 500
    assert "LookupError: no such thing" in texts(document)


def test_an_application_that_never_answers_is_given_up_and_ended(shop: Path, capsys: Capsys) -> None:
    code, document = run(capsys, "shop_of_a_test:stuck", "--timeout", "0.3")
    assert code == 0
    assert "it was called, and has not returned" in texts(document)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("shop_of_a_test:nothing", "app-not-found"),
        ("no_such_module:app", "app-not-found"),
        ("shop_of_a_test:number", "app-not-callable"),
        ("shop_of_a_test:other", "app-is-asgi"),
    ],
)
def test_an_application_that_cannot_be_served_is_an_error_with_a_code(
    shop: Path, capsys: Capsys, target: str, code: str
) -> None:
    with pytest.raises(CannotRun) as caught:
        run(capsys, target)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--path", "/"), "options-contradict"),
        (("--show", "asgi", "--violate", "all"), "options-contradict"),
        (("shop:app", "--show", "asgi"), "options-contradict"),
        (("shop:app", "--violate", "all"), "options-contradict"),
        (("--violate", "start-twize"), "violation-unknown"),
        (("shop:app", "--path", "cart"), "path-invalid"),
        (("shop:app", "--path", "/caf\u00e9"), "path-invalid"),
        (("shop:app", "-X", "G ET"), "method-invalid"),
        (("shop:app", "-H", "no colon"), "header-invalid"),
        (("shop:app", "-H", "X: a\r\nY: b"), "header-invalid"),
        (("shop:a b",), "app-invalid"),
    ],
)
def test_words_that_mean_nothing_are_refused_before_anything_starts(
    capsys: Capsys, words: tuple[str, ...], code: str
) -> None:
    with pytest.raises(UsageError) as caught:
        run(capsys, *words)
    assert caught.value.code == code


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
