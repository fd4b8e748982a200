"""Everything that an application can be instead of one that serves, each for real, in a child."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from processes import LINUX, Marked

from labctl.errors import CannotRun
from labctl.serving.application import read_app
from labctl.serving.asking import ask
from labctl.serving.loading import inspect_app
from labctl.serving.standing import stand

GOOD = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'ok']\n"
FLASK = "from flask import Flask\n"


def refused(
    folder: Path, source: str, target: str = "shop", *, kind: str = "", boot_timeout_s: float = 10
) -> CannotRun:
    """The error of an application with this source: `kind` is a server, "" looks at it without one."""
    (folder / "shop.py").write_text(source)
    app = read_app(target, cwd=str(folder))

    def start() -> None:
        if kind:
            stand(app, kind, boot_timeout_s=boot_timeout_s).end(0)  # type: ignore[arg-type]
        else:
            inspect_app(app, boot_timeout_s=boot_timeout_s)

    with pytest.raises(CannotRun) as error:
        start()
    assert error.value.exit_code == 3
    return error.value


def told(error: CannotRun) -> dict[str, str]:
    return dict(error.evidence)


def test_a_module_that_is_not_there(tmp_path: Path) -> None:
    error = refused(tmp_path, GOOD, "shopp:app")
    assert error.code == "app-not-found"
    assert error.headline == "there is no module shopp for shopp:app"
    assert told(error)["looked in"] == str(tmp_path)
    assert error.fixes == ("the same command with shop:app",)


def test_a_dot_where_a_colon_was_meant(tmp_path: Path) -> None:
    assert refused(tmp_path, GOOD, "shop.app").fixes == ("the same command with shop:app",)


def test_a_name_that_is_not_in_the_module(tmp_path: Path) -> None:
    error = refused(tmp_path, GOOD, "shop:ap")
    assert (error.code, error.headline) == ("app-not-found", "shop.py has no ap")
    assert error.fixes == ("the same command with shop:app",)


def test_a_module_without_any_application(tmp_path: Path) -> None:
    error = refused(tmp_path, "from flask import Flask\none = Flask('a')\ntwo = Flask('b')\n")
    assert error.code == "app-not-found"
    assert told(error)["has"] == "one, two"


@pytest.mark.parametrize("kind", ["", "sync", "flask"])
def test_an_exception_at_import_is_told_with_the_lines_of_the_learner(kind: str, tmp_path: Path) -> None:
    source = "import json\ndef configure():\n    json.loads('no')\nconfigure()\n" + GOOD
    error = refused(tmp_path, source, kind=kind)
    assert (error.code, error.headline) == ("app-raises", "shop raises JSONDecodeError when it is imported")
    assert error.evidence == (
        ("in", "shop.py, line 4: configure()"),
        ("in", "shop.py, line 3, in configure: json.loads('no')"),
        ("raised", "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
    )


def test_a_syntax_error_is_told_with_its_line(tmp_path: Path) -> None:
    error = refused(tmp_path, "app = 1\ndef f(:\n")
    assert error.evidence == (("in", "shop.py, line 2: def f(:"), ("raised", "SyntaxError: invalid syntax"))


def test_a_missing_dependency_is_told_with_the_interpreter_that_lacks_it(tmp_path: Path) -> None:
    error = refused(tmp_path, "import nowhere_to_be_found\n")
    assert error.code == "app-raises"
    assert told(error)["python"] == sys.executable
    assert error.fixes[-1].endswith("-m pip install nowhere_to_be_found")


@pytest.mark.parametrize("kind", ["", "sync", "wsgiref"])
@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("sys.exit('bye')", "'bye'"),
        ("os._exit(3)", "exit status 3"),
        ("os.kill(os.getpid(), 11)", "SIGSEGV (11)"),
    ],
)
def test_an_application_that_ends_its_process(kind: str, line: str, how: str, tmp_path: Path) -> None:
    error = refused(tmp_path, f"import os, sys\n{line}\n", kind=kind)
    assert error.code == "app-exits"
    assert told(error)["status"] == how
    if "kill" not in line:
        assert told(error)["in"] == f"shop.py, line 2: {line}"


@pytest.mark.parametrize("kind", ["", "sync", "waitress"])
def test_an_application_that_hangs_is_told_with_the_line_where_it_stands(kind: str, tmp_path: Path) -> None:
    source = (
        "import threading\ndef wait():\n    threading.Event().wait()\n"
        "threading.Thread(target=wait, daemon=True).start()\nthreading.Event().wait()\n"
    )
    error = refused(tmp_path, source, kind=kind, boot_timeout_s=1.5)
    assert error.code == "app-hangs"
    assert error.headline == "shop is still being imported after 1.5 s"
    assert error.evidence == (("in", "shop.py, line 5: threading.Event().wait()"),)


def test_an_application_that_starts_its_own_server_is_told_how_to_stop_it(tmp_path: Path) -> None:
    source = "import sched\napp = sched.scheduler()\napp.enter(1000, 1, print)\napp.run()\n"
    error = refused(tmp_path, source, boot_timeout_s=1.5)
    assert error.code == "app-hangs"
    assert error.fixes == ('put app.run() under: if __name__ == "__main__":',)


@pytest.mark.parametrize(
    ("source", "target", "type"),
    [
        ("app = 5\n", "shop", "int"),
        ("app = 5\n", "shop:app", "int"),
        ("def create_app():\n    return 'text'\n", "shop", "str"),
        ("def make():\n    return {}\n", "shop:make", "dict"),
    ],
)
def test_what_cannot_be_called(source: str, target: str, type: str, tmp_path: Path) -> None:
    error = refused(tmp_path, source, target)
    assert error.code == "app-not-callable"
    assert told(error)["type"] == type


FACTORY = "def create_app(config, *, debug, more=1):\n    pass\n"


@pytest.mark.parametrize(
    ("target", "code"),
    [("shop", "app-not-found"), ("shop:create", "app-not-found"), ("shop:create_app", "app-not-callable")],
)
def test_a_factory_that_wants_arguments_is_told_with_their_names(
    target: str, code: str, tmp_path: Path
) -> None:
    error = refused(tmp_path, FACTORY, target, kind="wsgiref")
    assert error.code == code
    fix = "the same command with 'shop:create_app(config=..., debug=...)', with values for the ..."
    assert error.fixes == (fix,)


def test_a_factory_of_two_arguments_is_no_application(tmp_path: Path) -> None:
    error = refused(tmp_path, "def create_app(config, debug):\n    pass\n", "shop:create_app", kind="wsgiref")
    assert error.code == "app-not-callable"
    assert "it makes one, when it is called with its arguments" in error.headline


@pytest.mark.parametrize(
    "source", ["from flask import Flask\n", "import flask\napp = flask.Flask(__name__)\n"]
)
def test_a_file_that_is_imported_in_the_place_of_flask(source: str, tmp_path: Path) -> None:
    (tmp_path / "flask.py").write_text(source)
    error = refused(tmp_path, source, "shop:app")
    assert error.code == "app-raises"
    assert error.fixes == ("give flask.py another name: it is imported in place of the installed flask",)


def test_modules_of_ones_own_that_import_each_other_are_told_nothing_about_names(tmp_path: Path) -> None:
    (tmp_path / "shop_parts.py").write_text("from shop import app\n")
    error = refused(tmp_path, "from shop_parts import app\n")
    assert (error.code, error.fixes) == ("app-raises", ())


def test_a_callable_that_takes_something_else(tmp_path: Path) -> None:
    error = refused(tmp_path, "def app(a, b, c):\n    pass\n", kind="sync")
    assert error.code == "app-not-callable"
    assert "environ and start_response" in error.headline


@pytest.mark.parametrize(
    "source",
    [
        "async def app(scope, receive, send):\n    pass\n",
        "class App:\n    async def __call__(self, scope, receive, send):\n        pass\napp = App()\n",
    ],
)
def test_an_asgi_application_is_reported_and_not_served(source: str, tmp_path: Path) -> None:
    assert refused(tmp_path, source, kind="sync").code == "app-is-asgi"
    assert inspect_app(read_app("shop", cwd=str(tmp_path))).kind == "asgi"


def test_an_asgi_application_reaches_the_server_when_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("async def app(scope, receive, send):\n    pass\n")
    with stand(read_app("shop", cwd=str(tmp_path)), "sync", checked=False) as standing:
        assert ask(standing.where).status == 500
        assert standing.says("TypeError")
        standing.end(0)


@LINUX
def test_an_application_that_prints_forks_and_starts_threads_is_served_and_nothing_of_it_is_left(
    tmp_path: Path,
) -> None:
    source = (
        "import os, signal, sys, threading\n"
        "print('to stdout'); print('to stderr', file=sys.stderr)\n"
        "threading.Thread(target=threading.Event().wait, daemon=True, name='beside').start()\n"
        "if os.fork() == 0:\n"
        "    os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    if os.fork() == 0:\n"
        "        signal.pause()\n"
        "    signal.pause()\n"
    )
    (tmp_path / "shop.py").write_text(source + GOOD)
    app = read_app("shop", cwd=str(tmp_path))
    marked = Marked()
    with stand(app, "wsgiref", env=marked.env) as standing:
        assert ask(standing.where).body == b"ok"
        assert len(marked.alive()) >= 3
        assert "to stdout\n" in standing.log()
        assert "to stderr\n" in standing.log()
    assert marked.alive() == []
    report = inspect_app(app)
    assert (report.threads, report.children) == (("beside",), 1)
    assert report.printed == "to stdout\nto stderr\n"


@pytest.mark.parametrize(
    ("source", "target", "kind", "found"),
    [
        (f"{FLASK}my_shop = Flask(__name__)\n", "shop", "flask", "shop:my_shop"),
        (f"{FLASK}def create_app(x=1):\n    return Flask(__name__)\n", "shop", "flask", "shop:create_app()"),
        (f"{FLASK}def make(x):\n    return Flask(x)\n", "shop:make('a')", "flask", "shop:make('a')"),
        (GOOD, "shop", "wsgi", "shop:app"),
        ("class app:\n    def __init__(self, e, s):\n        pass\n", "shop", "wsgi", "shop:app"),
    ],
)  # fmt: skip
def test_an_application_is_found_as_flask_finds_it(
    source: str, target: str, kind: str, found: str, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(source)
    report = inspect_app(read_app(target, cwd=str(tmp_path)))
    assert (report.kind, report.target) == (kind, found)
    assert re.fullmatch(r"3\.\d+\.\d+", report.python)
