"""Other interpreters: what they are, what they lack, and where it is instead."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

import pytest

from labctl.errors import CannotRun
from labctl.serving.application import read_app
from labctl.serving.asking import ask
from labctl.serving.interpreter import who_has
from labctl.serving.loading import inspect_app
from labctl.serving.standing import stand

GOOD = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'ok']\n"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment in which nothing is installed."""
    place = tmp_path_factory.mktemp("bare")
    venv.create(place, with_pip=False)
    return str(place / "bin" / "python")


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_an_application_is_served_by_the_interpreter_that_was_named(bare: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("import sys\nprint(sys.prefix)\n" + GOOD)
    with stand(read_app("shop", python=bare, cwd=str(tmp_path)), "wsgiref") as standing:
        assert ask(standing.where).body == b"ok"
        assert standing.log().startswith(str(Path(bare).parent.parent))


def test_nothing_of_our_own_environment_is_to_be_had_there(bare: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("import dns\n" + GOOD)
    with pytest.raises(CannotRun) as refused:
        inspect_app(read_app("shop", python=bare, cwd=str(tmp_path)))
    assert refused.value.code == "app-raises"
    assert ("python", bare) in refused.value.evidence


@pytest.mark.parametrize(
    ("kind", "package"), [("sync", "gunicorn"), ("flask", "flask"), ("waitress", "waitress")]
)
def test_a_server_that_is_not_installed_is_told_with_what_installs_it(
    kind: str, package: str, bare: str, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(GOOD)
    with pytest.raises(CannotRun) as refused:
        stand(read_app("shop", python=bare, cwd=str(tmp_path)), kind)  # type: ignore[arg-type]
    assert refused.value.code == "server-missing"
    assert refused.value.headline == f"{package} is not installed for {bare}"
    assert refused.value.fixes[0] == f"{bare} -m pip install {package}"


def test_the_environment_beside_the_application_that_has_the_dependency_is_proposed(
    bare: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    (tmp_path / "shop.py").write_text("import only_there\n" + GOOD)
    place = tmp_path / ".venv"
    venv.create(place, with_pip=False)
    packages = next((place / "lib").glob("python3*")) / "site-packages"
    (packages / "only_there.py").touch()
    python = str(place / "bin" / "python")
    with pytest.raises(CannotRun) as refused:
        inspect_app(read_app("shop", python=bare, cwd=str(tmp_path)))
    assert refused.value.fixes[0] == f"the same command with --python {python}"
    assert who_has("nowhere_to_be_found", bare, str(tmp_path)) == ""


def test_an_interpreter_that_is_too_old(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(GOOD)
    python = script(tmp_path / "old", "printf 'python 3 8'")
    with pytest.raises(CannotRun) as refused:
        inspect_app(read_app("shop", python=python, cwd=str(tmp_path)))
    assert refused.value.code == "python-too-old"
    assert "is Python 3.8, and labctl needs 3.11" in refused.value.headline


@pytest.mark.parametrize("text", ["echo hello", "exit 3", "kill -9 $$", "echo broken >&2; exit 1"])
def test_a_program_that_is_no_python(text: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(GOOD)
    python = script(tmp_path / "odd", text)
    with pytest.raises(CannotRun) as refused:
        stand(read_app("shop", python=python, cwd=str(tmp_path)), "wsgiref")
    assert refused.value.code == "python-unusable"


def test_an_interpreter_that_answers_and_then_does_not_run_our_code(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(GOOD)
    version = ".".join(map(str, sys.version_info[:2])).replace(".", " ")
    python = script(
        tmp_path / "odd", f'[ "$1" = -E ] && printf "python {version}" || {{ echo "no code"; exit 9; }}'
    )
    with pytest.raises(CannotRun) as refused:
        stand(read_app("shop", python=python, cwd=str(tmp_path)), "wsgiref")
    assert refused.value.code == "python-unusable"
    assert ("said", "no code") in refused.value.evidence


def test_the_learners_folder_comes_first_and_our_own_is_not_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / "__init__.py").write_text("mine = True\n")
    (tmp_path / "shop.py").write_text("import sys, labs\nassert labs.mine\nprint(sys.path[0])\n" + GOOD)
    report = inspect_app(read_app("shop", cwd=str(tmp_path)))
    assert report.printed.strip() == str(tmp_path)
    assert os.path.isabs(report.printed.strip())
