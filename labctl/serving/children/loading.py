"""Import an application as `flask --app` would, and say exactly what is wrong when that fails."""

from __future__ import annotations

import ast
import faulthandler
import importlib
import importlib.util
import inspect
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any, NoReturn

from labctl.serving.children.job import WHERE, CannotServe, Job, called, fail, tell
from labctl.serving.children.looking import FACTORIES, call_of, candidates, is_asgi, is_factory, takes
from labctl.serving.children.watching import watch

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_USUAL = ("app", "application")


def load(job: Job, found: Callable[[Any], None] = lambda app: None) -> Any:
    """The application, traced and watched as the job wants it. Raises CannotServe.

    `found` is called with it when it is still as the learner made it.
    """
    began = time.monotonic()
    name, app = find(job)
    if job.checked:
        check(f"{job.module}:{name}", app, sys.modules[job.module])
    tell("loaded", load_ms=(time.monotonic() - began) * 1000)
    found(app)
    if job.trace:
        setattr(os, "_exit", _telling_exit(os._exit))  # noqa: B010
        app = called(job.trace)(app, tell)
    return watch(app) if job.watched else app


def find(job: Job) -> tuple[str, Any]:
    """How the object is found in the module, "app" or "create_app()", and the object. Raises CannotServe."""
    faulthandler.register(WHERE, file=2)
    tell("loading")
    try:
        return _found(job)
    finally:
        faulthandler.unregister(WHERE)


def _found(job: Job) -> tuple[str, Any]:
    module = _imported(job)
    if not job.attribute:
        return _usual(job, module)
    tree = ast.parse(job.attribute, mode="eval").body
    name = tree.func if isinstance(tree, ast.Call) else tree
    assert isinstance(name, ast.Name)  # application.read_app has seen to it
    if not hasattr(module, name.id):
        raise fail(
            "app-not-found",
            f"module {job.module} has no {name.id}",
            what="attribute",
            file=getattr(module, "__file__", "") or "",
            near=candidates(module),
            typed=name.id,
        )
    found = getattr(module, name.id)
    if isinstance(tree, ast.Call):
        words = {word.arg: ast.literal_eval(word.value) for word in tree.keywords if word.arg}
        return job.attribute, _made(job, found, *map(ast.literal_eval, tree.args), **words)
    if inspect.isfunction(found) and takes(found, 2) is False and takes(found, 0) and not is_asgi(found):
        return f"{name.id}()", _made(job, found)  # a factory, named without its parentheses
    return name.id, found


def check(target: str, app: Any, module: ModuleType) -> None:
    """Whether it can be called as PEP 3333 says. Raises CannotServe: app-not-callable, app-is-asgi."""
    kind = f"{type(app).__module__}.{type(app).__qualname__}".removeprefix("builtins.")
    shown = repr(app)[:120]
    if not callable(app):
        raise fail(
            "app-not-callable",
            f"{target} is of type {kind}",
            target=target,
            type=kind,
            repr=shown,
            why="it cannot be called",
            near=candidates(module),
        )
    if is_asgi(app):
        raise fail("app-is-asgi", f"{target} is an ASGI application", target=target, type=kind, repr=shown)
    name = target.partition(":")[2]
    lacking = name.isidentifier() and is_factory(name, app) and call_of(name, app) != name
    if lacking or takes(app, 2) is False:
        why = "it cannot be called with environ and start_response"
        if lacking and name in FACTORIES:
            why = "it makes one, when it is called with its arguments"
        near = [call_of(name, app)] if lacking else []
        raise fail(
            "app-not-callable", f"{target}: {why}", target=target, type=kind, repr=shown, why=why, near=near
        )


def _usual(job: Job, module: ModuleType) -> tuple[str, Any]:
    """What `flask --app MODULE` finds; for other applications a callable of the usual name."""
    for name in _USUAL:
        if callable(getattr(module, name, None)):
            return name, getattr(module, name)
    flask = sys.modules.get("flask")
    if flask is not None and hasattr(flask, "Flask"):
        found = [(name, each) for name, each in vars(module).items() if isinstance(each, flask.Flask)]
        if len(found) == 1:
            return found[0]
    for name in FACTORIES:
        factory = getattr(module, name, None)
        if callable(factory) and takes(factory, 0):
            return f"{name}()", _made(job, factory)
    for name in _USUAL:
        if getattr(module, name, None) is not None:
            return name, getattr(module, name)
    raise fail(
        "app-not-found",
        f"module {job.module} has no application that can be found",
        what="attribute",
        file=getattr(module, "__file__", "") or "",
        near=candidates(module),
        typed="",
    )


def _imported(job: Job) -> ModuleType:
    module: ModuleType = _guarded(job, lambda: importlib.import_module(job.module))
    return module


def _made(job: Job, factory: Callable[..., Any], *values: Any, **words: Any) -> Any:
    return _guarded(job, lambda: factory(*values, **words))


def _guarded(job: Job, step: Callable[[], Any]) -> Any:
    """Run code of the application. What it raises is a CannotServe with the learner's own lines."""
    real = os._exit
    try:
        setattr(os, "_exit", _telling_exit(real))  # noqa: B010  # for as long as the import takes
        return step()
    except (KeyboardInterrupt, CannotServe):
        raise
    except SystemExit as left:
        raise fail(
            "app-exits", "it calls sys.exit", status=repr(left.code), at=_frames(left), pid_is_alive=True
        ) from None
    except BaseException as problem:
        _refuse(job, problem)
    finally:
        setattr(os, "_exit", real)  # noqa: B010


def _telling_exit(real: Callable[[int], NoReturn]) -> Callable[[int], NoReturn]:
    """os._exit that tells where it was called, in this process: nothing else does."""
    me = os.getpid()

    def leave(status: int) -> NoReturn:
        if os.getpid() == me:
            tell("leaving", at=_own(traceback.extract_stack()[:-1]))
        real(status)

    return leave


def _refuse(job: Job, problem: BaseException) -> NoReturn:
    at = _frames(problem)
    error = f"{type(problem).__qualname__}: {problem.msg if isinstance(problem, SyntaxError) else problem}"
    missing = problem.name or "" if isinstance(problem, ModuleNotFoundError) else ""
    if missing and not at and (job.module == missing or job.module.startswith(missing + ".")):
        parent, _, last = job.module.rpartition(".")
        raise fail(
            "app-not-found",
            f"there is no module {missing}",
            what="module",
            missing=missing,
            parent=parent if parent and missing != parent and _there(parent) else "",
            last=last,
            error=error,
        ) from None
    traceback.print_exception(problem)
    raise fail("app-raises", error, error=error, missing=missing, at=at) from None


def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _frames(problem: BaseException) -> Sequence[tuple[str, int, str, str]]:
    """(file, line, function, source) of the last three frames that are the learner's; of libraries if there are none.

    A SyntaxError's place comes last.
    """
    own = _own(traceback.extract_tb(problem.__traceback__))
    if isinstance(problem, SyntaxError) and problem.filename:
        own.append((problem.filename, problem.lineno or 0, "", (problem.text or "").strip()))
    return own[-3:]


def _own(stack: Iterable[traceback.FrameSummary]) -> list[tuple[str, int, str, str]]:
    frames = [
        (frame.filename, frame.lineno or 0, frame.name, frame.line or "")
        for frame in stack
        if not frame.filename.startswith(("<frozen", _OURS + os.sep)) and frame.filename != importlib.__file__
    ]
    return ([frame for frame in frames if not _is_library(frame[0])] or frames)[-3:]


def _is_library(file: str) -> bool:
    return "site-packages" in file or "dist-packages" in file or file.startswith(os.path.dirname(os.__file__))
