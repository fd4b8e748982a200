"""Programs of a Python environment, as they work where the learner stands."""

from __future__ import annotations

import os
import shlex
import shutil
import sys


def of_python(module: str, python: str = "") -> str:
    """`flask` where the shell finds the one of this interpreter (ours by default), else `PATH/python -m flask`."""
    python = python or sys.executable
    found = shutil.which("python3" if module == "python" else module)
    if found is not None and os.path.dirname(os.path.abspath(found)) == os.path.dirname(python):
        return "python3" if module == "python" else module
    shown = shlex.quote(_shown(python))
    return shown if module == "python" else f"{shown} -m {module}"


def _shown(python: str) -> str:
    """From the current folder, when it is inside of that."""
    here = os.getcwd() + os.sep
    return python.removeprefix(here) if python.startswith(here) else python
