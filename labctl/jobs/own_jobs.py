"""Jobs of the user's own: the functions of a Python file that take `job` first."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labctl.errors import CannotRun


def read_jobs(path: Path) -> dict[str, Callable[..., Any]]:
    """Name to function, of `def name(job, ...)` in this file. Runs the file. Raises CannotRun jobs-file-broken."""
    spec = importlib.util.spec_from_file_location("labctl_own_jobs", path)
    if spec is None or spec.loader is None:
        raise _broken(path, "it is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["labctl_own_jobs"] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        raise _broken(path, f"{type(problem).__name__}: {problem}") from problem
    found: dict[str, Callable[..., Any]] = {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not name.startswith("_")
        and next(iter(inspect.signature(function).parameters), "") == "job"
    }
    if not found:
        raise _broken(path, "no function in it takes job as its first parameter")
    if "report" in found:
        raise _broken(path, "report is a job of labctl's own")
    return found


def _broken(path: Path, why: str) -> CannotRun:
    return CannotRun(
        "jobs-file-broken",
        f"the jobs in {path.name} cannot be used",
        evidence=(("why", why[:300]),),
        fixes=("def export(job, **given): ...   is a job, job.step(name, function) a step of it",),
    )
