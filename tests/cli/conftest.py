"""A command line in a process of its own, with its own home, and a lab of another package beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PLUGINS = Path(__file__).resolve().parent.parent / "plugins"
Labctl = Callable[..., "subprocess.CompletedProcess[str]"]


def install(plugin: str, target: Path) -> None:
    """Put a package where Python finds it, with the records that an installer leaves beside it."""
    source = PLUGINS / plugin
    project: dict[str, Any] = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    for module in source.glob("labctl_lab_*"):
        copy = shutil.copytree if module.is_dir() else shutil.copy
        copy(module, target / module.name)
    record = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    record.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (record / "METADATA").write_text(
        f"{head}Summary: {project['description']}\n\nSummary: not this\n", encoding="utf-8"
    )
    groups = project["entry-points"].items()
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in groups]
    (record / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH that holds both packages of tests/plugins."""
    target = tmp_path_factory.mktemp("site")
    install("labctl-lab-echo", target)
    install("labctl-lab-broken", target)
    return target


@pytest.fixture
def environment(plugins: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a run: nothing of whoever runs the tests speaks in it."""
    kept = {
        k: v for k, v in os.environ.items() if k in ("PATH", "SYSTEMROOT", "TMPDIR", "COVERAGE_PROCESS_START")
    }
    return {
        **kept,
        "HOME": str(tmp_path),
        "LABCTL_HOME": str(tmp_path / "labctl"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(plugins),
        "PYTHONWARNINGS": "error",
        "LABCTL_CAPABILITY_INTERNET": "no",
    }


@pytest.fixture
def labctl(environment: dict[str, str], tmp_path: Path) -> Labctl:
    """Run `labctl ...`; keywords are environment variables, `input` is what stands on stdin."""

    def run(*words: str, input: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "labctl", *words],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=tmp_path,
            env={**environment, **env},
            timeout=60,
            check=False,
        )

    return run
