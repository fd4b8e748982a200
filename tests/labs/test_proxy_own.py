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
import time
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
    @made.get("/naive")
    def naive():
        return request.headers["X-Forwarded-For"].split(",")[0]
    @made.get("/echo")
    def echo():
        return str(request.headers)
    @made.get("/endless")
    def endless():
        def pieces():
            while True:
                time.sleep(0.02)
                yield b"x"
        return pieces()
    return made

def create_app():
    return make(0)


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

hosts = make(1)
hosts.wsgi_app.x_host = 1
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
        ("none", ["proxy"] * 4, "no middleware that can be seen", "takes the proxy for the visitor"),
        ("one", ["you", "you", "CDN", "CDN"], "ProxyFix(x_for=1, x_proto=1)", "right behind one proxy"),
        ("two", ["proxy", "6.6.6.6", "you", "you"], "ProxyFix(x_for=2, x_proto=1)", "right behind a CDN"),
        ("three", [*["proxy"] * 3, "6.6.6.6"], "ProxyFix(x_for=3, x_proto=1)", "believes what visitors"),
        ("outside", ["proxy", "6.6.6.6", "you", "you"], "ProxyFix(x_for=2, x_proto=1)", "right behind a CDN"),
        ("raises", ["proxy"] * 4, "no middleware that can be seen", "answers: 500"),
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
    assert f"layers: {middleware}." in words
    assert said in words


@pytest.mark.parametrize(
    ("name", "took", "said"),
    [
        ("stubborn", ["proxy", "6.6.6.6", "you", "you"], "right behind a CDN"),
        ("within", ["you", "you", "CDN", "CDN"], "right behind one proxy"),
        ("dark", ["proxy"] * 4, "seen from outside"),
        ("none", ["proxy"] * 4, "by itself is seen here only where its answer shows"),
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


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    """The exit code, the document, and what its steps say."""
    capsys.readouterr()
    code = command_line(["proxy", *words, "--json"])
    told = json.loads(capsys.readouterr().out)
    return code, told, " ".join(event["text"] for event in told["events"] if event["kind"] == "step")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("shop")
def test_what_a_factory_makes_is_mended_inside_of_it_and_x_host_is_not_advised(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, _, words = asked(capsys, "shop:create_app", "--path", "/nope")
    assert code == 0
    assert "app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)." in words
    assert "where: inside create_app, before its return" in words
    assert "create_app.wsgi_app" not in words
    assert "x_host=1 belongs there only if your proxy sets X-Forwarded-Host" in words
    assert "answers: 404." in words
    assert "--path asks for another page" in words


@pytest.mark.usefixtures("shop")
def test_a_name_of_its_module_is_mended_there_and_a_proxyfix_that_is_there_is_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "none.wsgi_app = ProxyFix(none.wsgi_app, x_for=1, x_proto=1)." in asked(capsys, "shop:none")[2]
    words = asked(capsys, "shop:hosts")[2]
    assert "with CDN: x_for=2 in its ProxyFix, instead of x_for=1." in words
    assert "x_host=1 believes X-Forwarded-Host: right only if your proxy sets it" in words


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("words", "failed"),
    [
        (["shop:two", "--hops", "2"], []),
        (["shop:one", "--hops", "2"], ["proxy.own.mistaken"]),
        (["shop:one", "--hops", "1", "--path", "/naive"], ["proxy.own.mistaken"]),
        (["shop:one", "--hops", "1", "--path", "/echo"], []),
        (["shop:raises", "--hops", "1"], ["proxy.own.mistaken", "proxy.own.failed"]),
    ],
)
def test_hops_fails_a_build_when_the_app_takes_somebody_else_for_the_visitor(
    capsys: pytest.CaptureFixture[str], words: list[str], failed: list[str]
) -> None:
    code, told, said = asked(capsys, *words)
    assert code == (1 if failed else 0)
    assert len(table(told, "own")) == 2
    limits = {each["id"]: each["value"] for each in told["events"] if each.get("at_most") is not None}
    assert [name for name, value in limits.items() if value] == failed
    assert set(limits) == {"proxy.own.mistaken", "proxy.own.failed"}
    assert ("6.6.6.6, which the visitor made up" in said) == ("/naive" in words)


@pytest.mark.usefixtures("shop")
def test_an_answer_without_an_end_is_waited_for_and_no_hanging_view(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, _, words = asked(capsys, "shop:one", "--path", "/endless", "--timeout", "0.4", "--hops", "1")
    assert code == 0
    assert "answers: 200." in words


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("name", ["shop.conf", "sites/default"])
def test_a_configuration_in_the_place_of_the_app_is_told_what_was_forgotten(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("events {}")
    with pytest.raises(UsageError) as told:
        command_line(["proxy", name])
    assert (told.value.code, told.value.fixes) == ("app-invalid", (f"labctl proxy --config {name}",))


@pytest.mark.usefixtures("shop")
def test_a_module_that_is_called_as_a_configuration_is_still_a_module(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("")
    (tmp_path / "shop" / "conf.py").write_text(SHOP)
    assert asked(capsys, "shop.conf:two", "--hops", "2")[0] == 0


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["--path", "static/.."], "labctl proxy --config FILE --path /static/.."),
        (["--host", "a.test"], "labctl proxy --config FILE --host a.test"),
        (["--hops", "2"], "labctl proxy MODULE:APP --hops 2"),
        (["--config", "my.conf", "--show", "grid"], "labctl proxy --show grid"),
        (["--config", "my.conf", "--with", "embedded"], "labctl proxy --config my.conf --with nginx"),
        (["shop:app", "--config", "my.conf"], "labctl proxy --config my.conf"),
        (["shop:app", "--path", "/a", "--path", "/b"], "labctl proxy shop:app --path /a"),
        (["shop:app", "--path", "a b\u00fc?c=1"], "labctl proxy shop:app --path '/a%20b%C3%BC?c=1'"),
        (["shop:app", "--show", "grid"], "labctl proxy shop:app"),
    ],
)
def test_what_to_type_instead_has_the_names_that_were_typed(words: list[str], fix: str) -> None:
    with pytest.raises(UsageError) as told:
        command_line(["proxy", *words])
    assert told.value.fixes == (fix,)


def test_a_view_that_hangs_is_waited_for_once_and_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text("import time\ndef app(environ, start): time.sleep(600)\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotRun) as told:
        command_line(["proxy", "shop", "--path", "/slow", "--timeout", "0.3", "--json"])
    assert told.value.code == "view-hangs"
    assert ("in", "shop.py, line 2, in app: def app(environ, start): time.sleep(600)") in told.value.evidence
    assert told.value.fixes == ("labctl proxy shop --path /slow --timeout 1",)


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
        (["--hops", "0"], "usage"),
        (["--hops", "3"], "usage"),
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


def test_a_build_without_addresses_of_its_own_is_told_so_and_not_that_all_is_well(
    shop: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labctl.sandbox.proxy_street.has_own_addresses", lambda: False)
    with pytest.raises(CannotRun) as told:
        command_line(["proxy", "shop:one", "--hops", "1", "--json"])
    assert told.value.code == "needs-addresses"
