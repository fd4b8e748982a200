"""Command lines that work where the learner stands, whether or not the environment is active."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from labs.by_hand import of_python


def test_in_an_active_environment_its_programs_have_their_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))
    assert of_python("flask") == "flask"
    assert of_python("flask", sys.executable) == "flask"


def test_where_the_shell_finds_none_or_another_ones_the_interpreter_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "flask"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    words = shlex.split(of_python("flask"))
    assert words == [sys.executable, "-m", "flask"]
    done = subprocess.run([*words, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Python ")


def test_an_interpreter_below_the_current_folder_is_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    assert of_python("gunicorn", str(tmp_path / ".venv/bin/python")) == ".venv/bin/python -m gunicorn"
    assert of_python("python", str(tmp_path / "my env/bin/python")) == "'my env/bin/python'"
