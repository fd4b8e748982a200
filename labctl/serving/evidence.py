"""Lines of evidence for an error: where in the learner's files, and what was printed last."""

from __future__ import annotations

import linecache
import os
import re
import signal
from collections.abc import Sequence
from typing import Any

from labctl.serving.application import App

Evidence = tuple[tuple[str, str], ...]
_LINE = 160
# faulthandler's lines.
_FRAME = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<function>.+)$', re.MULTILINE)
_THREAD = re.compile(r"^(?:Current thread|Thread) 0x.*$", re.MULTILINE)
# The standard library and what is installed, of any interpreter.
_LIBRARY = re.compile(r"^<|[/\\]lib[/\\]python\d|[/\\](?:site|dist)-packages[/\\]")
_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
# What gunicorn says of itself while all is well.
_ROUTINE = re.compile(r"\[\d{4}-[^]]+\] \[\d+\] \[INFO\] ")


def places(app: App, at: Sequence[Any]) -> Evidence:
    """The last two places that an exception came through, the learner's own first."""
    found = []
    for file, line, function, source in at:
        inside = f", in {function}" if function and function != "<module>" else ""
        found.append(("in", cut(f"{shown(app, str(file))}, line {line}{inside}: {str(source).strip()}")))
    return tuple(found[-2:])


def hanging_in(app: App, traceback: str) -> Evidence:
    """The innermost line of the learner's that faulthandler's traceback names."""
    # faulthandler writes the main thread last, and the innermost call of each thread first.
    for thread in reversed(_THREAD.split(traceback)):
        for found in _FRAME.finditer(thread):
            file = found["file"]
            if _LIBRARY.search(file) or file.startswith(_OURS):
                continue
            source = linecache.getline(file, int(found["line"])).strip()
            inside = "" if found["function"] == "<module>" else f", in {found['function']}"
            return (("in", cut(f"{shown(app, file)}, line {found['line']}{inside}: {source}")),)
    return ()


def said(log: str) -> Evidence:
    """The last line that was printed, and the one before when there is one."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip() and not _ROUTINE.match(line)]
    return tuple(("said", cut(line)) for line in lines[-2:])


def shown(app: App, file: str) -> str:
    """A file as the learner would name it: from the application's folder, when it is in there."""
    inside = os.path.relpath(file, app.folder) if file else ""
    return file if inside.startswith("..") else inside


def signal_name(number: int) -> str:
    """ "SIGSEGV (11)"."""
    try:
        return f"{signal.Signals(number).name} ({number})"
    except ValueError:
        return f"signal {number}"


def cut(text: str) -> str:
    """One line that is not too long."""
    line = " ".join(text.split())
    return line if len(line) <= _LINE else line[: _LINE - 1] + "…"
