"""The learner's own application under `labctl wsgi`: traced without being changed, and bad input."""

from __future__ import annotations

from pathlib import Path

import pytest
from wsgi_runs import Capsys, rows_of, run, texts

from labctl.errors import CannotRun, UsageError
from labs.wsgi import own

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


def careless(environ, start_response):
    import os
    if environ["PATH_INFO"] == "/exit":
        os._exit(7)
    if environ["PATH_INFO"] == "/half":
        return half(start_response)
    if environ["PATH_INFO"] == "/for-ever":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter(lambda: b"tick" * 10000, None)
    start_response("200 OK", [("Content-Type", "text/plain")])
    read = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return [b"\x1b[31m" + read]


def half(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"half"
    raise LookupError("the other half")


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


def test_an_application_in_a_folder_of_its_own_is_traced(shop: Path, capsys: Capsys) -> None:
    code, document = run(
        capsys, "shop_of_a_test:app", "--path", "/cart?x=1", "-d", "item=tea", "-H", "X-Who: Ada"
    )
    assert code == 0
    assert document["measures"]["wsgi.own.status"]["value"] == 200
    environ = {row[0]: row[1] for row in rows_of(document, "environ")}
    assert environ["REQUEST_METHOD"] == '"POST"'
    assert environ["QUERY_STRING"] == '"x=1"'
    assert environ["HTTP_X_WHO"] == '"Ada"', "what one sends is what one looks for"
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


def test_a_file_of_any_name_is_served_and_the_content_of_a_request_may_be_in_a_file(
    shop: Path, capsys: Capsys
) -> None:
    (shop / "my shop-1.py").write_text(SHOP, encoding="utf-8")
    (shop / "form").write_text("tea\n", encoding="utf-8")
    code, document = run(capsys, "my shop-1.py:careless", "-d", "@form", "-X", "put", "--server", "flask")
    assert code == 0
    said = texts(document)
    assert "Item 1: b'\\x1b[31mtea', 8 bytes." in said
    assert "put is not PUT" in said
    assert "labctl wsgi 'my shop-1.py:careless' -X put -d @form --server toy" in said
    assert "flask run: has what validate would stop at: REMOTE_PORT is of type int, not str." in said
    assert "It printed 1 line; the last one: the shop opens" in said, "without what flask run prints itself"


def test_a_body_without_an_end_is_read_for_a_while(
    shop: Path, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "_MOST", 300_000)
    code, document = run(capsys, "shop_of_a_test:careless", "--path", "/for-ever")
    assert code == 0
    (result,) = [e["text"] for e in document["events"] if e.get("role") == "result"]
    assert result.endswith("no more was read.")


def test_a_request_that_takes_the_server_along_says_so(shop: Path, capsys: Capsys) -> None:
    code, document = run(capsys, "shop_of_a_test:careless", "--path", "/exit")
    assert code == 0
    assert "The server's process ended with status 7 in the middle of the request." in texts(document)
    line = SHOP.splitlines().index("        os._exit(7)") + 1
    assert f"shop_of_a_test.py, line {line}, in careless: os._exit(7)." in texts(document)


def test_a_failure_that_the_client_cannot_see_is_not_called_good(shop: Path, capsys: Capsys) -> None:
    code, document = run(capsys, "shop_of_a_test:careless", "--path", "/half", "--server", "wsgiref")
    assert code == 0
    (result,) = [e for e in document["events"] if e.get("role") == "result"]
    assert (
        result["hue"],
        result["text"].endswith("nothing tells the client that the application failed."),
    ) == (
        "bad",
        True,
    )


def test_a_request_that_the_server_refuses_does_not_reach_the_application(shop: Path, capsys: Capsys) -> None:
    code, document = run(capsys, "shop_of_a_test:careless", "-X", "CONNECT")
    assert code == 0
    assert document["measures"]["wsgi.own.status"]["value"] == 501
    assert "your application was not called" in texts(document)


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
        (("--violate", ""), "violation-unknown"),
        (("-d", ""), "options-contradict"),
        (("--boot-timeout", "3"), "options-contradict"),
        (("shop:app", "--boot-timeout", "0"), "usage"),
        (("shop:app", "-d", "@no-such-file"), "cannot-read"),
        (("shop:app", "-H", "Host:"), "header-invalid"),
        (("shop:app", "--path", ""), "path-invalid"),
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


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (("-H", "no colon"), "labctl wsgi mine:app -H 'Accept: text/html'"),
        (("--path", "caf\u00e9?a=1"), "labctl wsgi mine:app --path '/caf%C3%A9?a=1'"),
        (("--expect", "2x"), "labctl wsgi mine:app --expect 200"),
        (("--server", "gunicorn"), "did you mean labctl wsgi mine:app --server sync --json?"),
        (("--server=gevent",), "did you mean labctl wsgi mine:app --server=gthread --json?"),
    ],
)
def test_a_fix_has_the_learners_own_names(capsys: Capsys, words: tuple[str, ...], fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(capsys, "mine:app", *words)
    assert caught.value.fixes[0] == fix


@pytest.mark.parametrize(
    ("path", "expected", "code"),
    [("/", "2xx", 0), ("/boom", "500", 0), ("/boom", "200", 1), ("/exit", "200,5xx", 1)],
)
def test_a_status_that_is_not_the_expected_one_fails_the_run(
    shop: Path, capsys: Capsys, path: str, expected: str, code: int
) -> None:
    app = "careless" if path == "/exit" else "app"
    status, document = run(capsys, f"shop_of_a_test:{app}", "--path", path, "--expect", expected)
    assert status == code
    assert f"with {expected.replace(',', ' or ')} wanted: {code} unexpected." in texts(document)
