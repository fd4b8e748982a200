"""`labctl proxy MODULE:APP`: whom a learner's own app takes for the visitor, behind one proxy and behind two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labctl.cli import run as command_line
from labctl.errors import CannotRun, UsageError


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))


def table(told: dict[str, Any], id: str) -> list[list[str]]:
    return next(
        [row["cells"] for row in e["rows"]] for e in told["events"] if e.get("id") == id and "rows" in e
    )


SHOP = """
from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

def make(count):
    made = Flask(__name__)
    if count:
        made.wsgi_app = ProxyFix(made.wsgi_app, x_for=count, x_proto=1)
    @made.get("/")
    def home():
        print("the app prints")
        return request.remote_addr
    return made

none, one, two, three = (make(count) for count in range(4))
outside = ProxyFix(make(0), x_for=2)

class Stubborn:
    __slots__ = ("app",)
    def __init__(self, app):
        object.__setattr__(self, "app", app)
    def __setattr__(self, name, value):
        raise TypeError("no")
    def __call__(self, environ, start_response):
        return self.app(environ, start_response)

stubborn = Stubborn(make(2))

def within(environ, start_response):
    return one(environ, start_response)

twice = make(1)
twice.wsgi_app = ProxyFix(twice.wsgi_app, x_for=1)

def dark(environ, start_response):
    start_response("200 OK", [])
    return [b""]

def raises(environ, start_response):
    raise LookupError
"""

# No proxy says "never": Django has http, whatever gunicorn believes.
DJANGO = """
import django
from django.conf import settings
settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x",
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "never"),
)
django.setup()
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("ok"))]
application = get_wsgi_application()
"""


@pytest.mark.parametrize(
    ("name", "took", "middleware", "said"),
    [
        ("none", ["proxy"] * 4, "none that can be seen", "takes the proxy for the visitor"),
        ("one", ["you", "you", "CDN", "CDN"], "ProxyFix(x_for=1, x_proto=1)", "right behind one proxy"),
        ("two", ["proxy", "6.6.6.6", "you", "you"], "ProxyFix(x_for=2, x_proto=1)", "right behind a CDN"),
        ("three", [*["proxy"] * 3, "6.6.6.6"], "ProxyFix(x_for=3, x_proto=1)", "believes what visitors"),
        ("outside", ["proxy", "6.6.6.6", "you", "you"], "ProxyFix(x_for=2, x_proto=1)", "right behind a CDN"),
        ("raises", ["proxy"] * 4, "none that can be seen", "answered 500"),
    ],
)
def test_whom_an_app_of_ones_own_takes_for_the_visitor(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    took: list[str],
    middleware: str,
    said: str,
) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    code = command_line(["proxy", f"shop:{name}", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [row[2] for row in table(told, "own")] == took
    words = " ".join(event["text"] for event in told["events"] if event["kind"] == "step")
    assert f"middleware: {middleware}." in words
    assert said in words


@pytest.mark.parametrize(
    ("name", "took", "said"),
    [
        ("stubborn", ["proxy", "6.6.6.6", "you", "you"], "right behind a CDN"),
        ("within", ["you", "you", "CDN", "CDN"], "right behind one proxy"),
        ("dark", ["proxy"] * 4, "seen from outside"),
        ("none", ["proxy"] * 4, "A view that reads X-Forwarded-For by itself is not seen here"),
        ("twice", ["you", "you", "CDN", "CDN"], "2 ProxyFix do not add up"),
    ],
)
def test_what_stands_behind_a_wall_is_told_by_the_framework_or_said_to_be_unseen(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    took: list[str],
    said: str,
) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    assert command_line(["proxy", f"shop:{name}", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row[2] for row in table(told, "own")] == took
    assert said in " ".join(event["text"] for event in told["events"] if event["kind"] == "step")


def test_django_has_the_scheme_that_its_own_setting_makes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("django")
    (tmp_path / "site_of_mine.py").write_text(DJANGO)
    monkeypatch.chdir(tmp_path)
    assert command_line(["proxy", "site_of_mine:application", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row[3] for row in table(told, "own")] == ["http"] * 4
    words = " ".join(event["text"] for event in told["events"] if event["kind"] == "step")
    assert "application = ProxyFix(application, x_for=1" in words


def test_a_view_that_hangs_is_waited_for_once_and_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text("import time\ndef app(environ, start): time.sleep(600)\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotRun) as told:
        command_line(["proxy", "shop", "--timeout", "0.3", "--json"])
    assert told.value.code == "view-hangs"


def test_a_path_that_the_proxy_answers_itself_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotRun) as told:
        command_line(["proxy", "shop:none", "--path", "/../x", "--json"])
    assert told.value.code == "app-not-reached"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--path", "x"], "path-invalid"),
        (["--path", ""], "path-invalid"),
        (["--path", "/a b"], "path-invalid"),
        (["--path", "/\r\nX: y"], "path-invalid"),
        (["--path", "/\u00fc"], "path-invalid"),
        (["--boot-timeout", "0"], "usage"),
        (["--boot-timeout", "nan"], "usage"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_starts(words: list[str], code: str) -> None:
    with pytest.raises(UsageError) as told:
        command_line(["proxy", "shop:app", *words])
    assert told.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("app = 3", "app-not-callable"), ("import nothing_of_that_name", "app-raises"), ("", "app-not-found")],
)
def test_an_app_that_cannot_be_served_is_told_as_everywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, code: str
) -> None:
    (tmp_path / "shop.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotRun) as told:
        command_line(["proxy", "shop:app", "--json"])
    assert told.value.code == code
