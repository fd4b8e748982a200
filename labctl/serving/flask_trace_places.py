"""Where a function is: its name, file and line, behind decorators, partials and classes. Child side, stdlib only."""

from __future__ import annotations

import functools
import inspect
import linecache
import os
import sys
from types import FrameType, TracebackType
from typing import Any, NamedTuple

# Of a file, a name or a sentence no more than this goes to the parent: an event is a line of at most 4096 bytes.
LONGEST = 200
_FRAMES = 12
_LIBRARIES = ("site-packages", "dist-packages", "importlib", "<frozen")
# Of the tracer, and of what serves.
_TRACER = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Location(NamedTuple):
    """`file` is the path as Python has it, "" for what is written in C; `line` is that of the `def`."""

    name: str
    file: str = ""
    line: int = 0


def locate(function: Any, method: str = "") -> Location:
    """Where the code of a hook or view is. `method` chooses the method of a class-based view."""
    view_class = getattr(function, "view_class", None)
    if view_class is not None:
        handler = getattr(view_class, method.lower(), None) or getattr(view_class, "dispatch_request", None)
        found = _of_code(handler)
        return found._replace(name=f"{view_class.__name__}.{getattr(handler, '__name__', '?')}"[:LONGEST])
    return _of_code(function)


def _of_code(function: Any) -> Location:
    name = _name(function)
    for _ in range(32):
        if isinstance(function, functools.partial):
            function = function.func
            continue
        inner = getattr(function, "__wrapped__", None) or getattr(function, "__func__", None)
        if inner is None:
            break
        function = inner
    code = getattr(function, "__code__", None)
    if code is None:
        # An object with a method __call__.
        code = getattr(vars(type(function)).get("__call__"), "__code__", None)
    if code is None:
        return Location(name)
    return Location(name, code.co_filename[-LONGEST:], _line_of_def(code))


def _name(function: Any) -> str:
    if isinstance(function, functools.partial):
        return f"partial({_name(function.func)})"[:LONGEST]
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    if not isinstance(name, str):
        return type(function).__name__[:LONGEST]
    # `create_app.<locals>.load_user` is load_user to who wrote it.
    return name.rpartition("<locals>.")[2][:LONGEST]


def _line_of_def(code: Any) -> int:
    """The line of `def`: a code object begins at its first decorator."""
    first: int = code.co_firstlineno
    for line in range(first, first + 20):
        text = linecache.getline(code.co_filename, line).lstrip()
        if text.startswith(("def ", "async def ")):
            return line
        if not text:
            break
    return first


def is_library(file: str) -> bool:
    """Whether a file is part of an installed package or of Python itself, and not the learner's."""
    return any(mark in file for mark in _LIBRARIES) or file.startswith(
        (sys.base_prefix + "/lib/", "<", _TRACER)
    )


def raised_at(traceback: TracebackType | None) -> Location:
    """The innermost frame of a traceback that is not a library's; the innermost of all when there is none."""
    last = Location("")
    own = Location("")
    while traceback is not None:
        code = traceback.tb_frame.f_code
        last = Location(code.co_name[:LONGEST], code.co_filename[-LONGEST:], traceback.tb_lineno)
        if not is_library(code.co_filename):
            own = last
        traceback = traceback.tb_next
    return own if own.file else last


def stack_of(thread: int) -> list[Location]:
    """Where a thread is now, innermost first."""
    frame: FrameType | None = sys._current_frames().get(thread)
    found: list[Location] = []
    while frame is not None and len(found) < _FRAMES:
        code = frame.f_code
        found.append(Location(code.co_name[:LONGEST], code.co_filename[-LONGEST:], frame.f_lineno))
        frame = frame.f_back
    return found


def is_async(function: Any) -> bool:
    """Whether it is `async def`, behind partials and decorators that say so."""
    return inspect.iscoroutinefunction(inspect.unwrap(function))
