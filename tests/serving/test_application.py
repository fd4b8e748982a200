"""What a target means, before anything of it is looked at."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.errors import CannotRun, UsageError
from labctl.serving.application import App, own_app, read_app


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)


@pytest.mark.parametrize(
    ("target", "module", "attribute"),
    [
        ("shop:app", "shop", "app"),
        ("shop", "shop", ""),
        ("pkg.mod:create_app()", "pkg.mod", "create_app()"),
        ("shop:create_app('test', debug=True)", "shop", "create_app('test', debug=True)"),
        ("shop:create_app({'A': ':'})", "shop", "create_app({'A': ':'})"),
    ],
)
def test_a_module_is_looked_for_in_the_current_folder(
    target: str, module: str, attribute: str, tmp_path: Path
) -> None:
    assert read_app(target, cwd=str(tmp_path)) == App(
        target, module, attribute, str(tmp_path), sys.executable
    )


def test_a_file_is_imported_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "shop.py").touch()
    for target in (
        "there/shop.py:app",
        "./there/shop.py:app",
        "there/shop:app",
        f"{tmp_path}/there/shop.py:app",
    ):
        app = read_app(target, cwd=str(tmp_path))
        assert (app.module, app.attribute, app.folder) == ("shop", "app", str(tmp_path / "there"))


def test_a_file_in_a_package_is_imported_from_above_the_package(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("a/__init__.py", "a/b/__init__.py", "a/b/web.py"):
        (tmp_path / name).touch()
    found = [read_app(target, cwd=str(tmp_path)) for target in ("a/b/web.py", "a/b")]
    assert [(app.module, app.folder) for app in found] == [("a.b.web", str(tmp_path)), ("a.b", str(tmp_path))]


@pytest.mark.parametrize(
    "target",
    [
        "",
        ":app",
        "a-b",
        "shop:",
        "shop:a.b",
        "shop:f(x)",
        "shop:f(",
        "shop:1",
        "http://127.0.0.1/",
        "shop..app",
        "shop:f()()",
    ],
)
def test_what_names_no_application_is_a_usage_error(target: str, tmp_path: Path) -> None:
    if target == "shop:":
        assert read_app(target, cwd=str(tmp_path)).attribute == ""
        return
    with pytest.raises(UsageError) as refused:
        read_app(target, cwd=str(tmp_path))
    assert refused.value.code == "app-invalid"


def test_a_file_that_is_not_there_or_is_no_python_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "shop.txt").touch()
    with pytest.raises(CannotRun) as missing:
        read_app("sub/shop.py:app", cwd=str(tmp_path))
    assert missing.value.code == "app-not-found"
    with pytest.raises(UsageError):
        read_app("./shop.txt", cwd=str(tmp_path))


@given(st.text(max_size=20))
def test_any_text_is_an_application_or_an_error_of_ours(target: str) -> None:
    with suppress(UsageError, CannotRun):
        assert all(part.isidentifier() for part in read_app(target).module.split("."))


def test_an_application_of_ours_runs_under_our_own_python() -> None:
    app = own_app("labctl.serving.standing", "stand")
    assert app.ours
    assert app.python == sys.executable
    assert (Path(app.folder) / "labctl" / "serving" / "standing.py").is_file()


def test_the_interpreter_of_the_active_environment_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.symlink_to(sys.executable)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    assert read_app("shop").python == str(python)
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert read_app("shop").python == sys.executable
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "gone"))
    assert read_app("shop").python == sys.executable


def test_an_interpreter_is_a_path_a_command_or_the_folder_of_an_environment(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    assert read_app("shop", python=str(tmp_path)).python == str(tmp_path / "bin" / "python")
    assert os.path.isabs(read_app("shop", python="python3").python)
    for wrong in (str(tmp_path / "nothing"), "no-such-python", str(tmp_path / "bin"), __file__):
        with pytest.raises(UsageError) as refused:
            read_app("shop", python=wrong)
        assert refused.value.code == "python-invalid"
