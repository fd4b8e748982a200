"""Which Python runs an application: what was asked for, the active virtual environment's, or ours."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from labctl.errors import CannotRun, UsageError

# What runs in the child is labctl's code too.
OLDEST = (3, 11)
_PATIENCE_S = 10.0
_MOST_ASKED = 4


def default_python() -> str:
    """The interpreter of the active virtual environment when that is another one than ours, else ours."""
    active = os.environ.get("VIRTUAL_ENV", "")
    if active and os.path.realpath(active) != os.path.realpath(sys.prefix):
        python = _in_environment(active)
        if python:
            return python
    return sys.executable


def named_python(python: str) -> str:
    """The path of an interpreter that was named by path or command. Raises UsageError python-invalid."""
    path = os.path.expanduser(python)
    if os.path.isdir(path):
        path = _in_environment(path) or path
    found = shutil.which(path)
    if found is None or os.path.isdir(path):
        there = os.path.exists(path)
        why = "it cannot be started" if there else "there is no such file and no such command"
        raise UsageError(
            "python-invalid", f"--python {python} is not a Python: {why}", evidence=(("tried", path),)
        )
    # Not resolved: that a link stands in a virtual environment is how Python finds its packages.
    return os.path.abspath(found)


def check_python(python: str) -> None:
    """Raises CannotRun python-unusable for a program that is no Python, python-too-old for one before OLDEST."""
    if python == sys.executable:
        return
    version, said = _version(python)
    if version is None:
        evidence = (("tried", f"{python} -c 'import sys; ...'"), ("got", said))
        raise CannotRun("python-unusable", f"{python} is no Python that works", evidence=evidence)
    if version < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise CannotRun(
            "python-too-old",
            f"{python} is Python {'.'.join(map(str, version))}, and labctl needs {wanted}",
            evidence=(("needed by", "the part of labctl that serves the application, in that interpreter"),),
            fixes=(f"the same command with --python {sys.executable}",),
        )


@functools.cache
def _version(python: str) -> tuple[tuple[int, int] | None, str]:
    """The version of an interpreter; else None and the last line of what it said."""
    # Any Python ever made understands this.
    code = "import sys; sys.stdout.write('python %d %d' % sys.version_info[:2])"
    try:
        ran = subprocess.run(  # noqa: S603  # the learner's own interpreter
            [python, "-E", "-S", "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return None, str(problem)
    words = ran.stdout.decode("utf-8", "replace").split()
    if len(words) == 3 and words[0] == "python" and words[1].isdigit() and words[2].isdigit():
        return (int(words[1]), int(words[2])), ""
    said = (ran.stderr or ran.stdout).decode("utf-8", "replace").strip().splitlines()
    return None, said[-1][:200] if said else f"it ended with status {ran.returncode} and said nothing"


def who_has(module: str, python: str, folder: str) -> str:
    """Another interpreter near the application that can import `module`; "" when there is none. Asks at most four."""
    # An environment has its interpreter under several names.
    seen = {os.path.dirname(python)}
    for candidate in _candidates(folder):
        place = os.path.dirname(candidate)
        if place not in seen and len(seen) <= _MOST_ASKED:
            seen.add(place)
            if has_module(candidate, module):
                return candidate
    return ""


def has_module(python: str, module: str) -> bool:
    """Whether an interpreter finds a top-level module. It is not imported."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
    try:
        ran = subprocess.run(  # noqa: S603  # an interpreter of the learner's own environments
            [python, "-c", code, module.partition(".")[0]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
            cwd=os.path.dirname(python),
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0


def _candidates(folder: str) -> Iterator[str]:
    active = os.environ.get("VIRTUAL_ENV", "")
    for place in (
        active,
        *(os.path.join(near, name) for near in (folder, os.getcwd()) for name in (".venv", "venv")),
    ):
        python = _in_environment(place) if place else ""
        if python:
            yield python
    for command in ("python3", "python"):
        found = shutil.which(command)
        if found:
            yield found
    yield sys.executable


def _in_environment(place: str) -> str:
    for path in (os.path.join(place, "bin", "python"), os.path.join(place, "Scripts", "python.exe")):
        if os.access(path, os.X_OK):
            return path
    return ""
