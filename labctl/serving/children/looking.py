"""What an object is, seen from outside: WSGI, ASGI, a factory, or nothing that can be called."""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import Any

FACTORIES = ("create_app", "make_app")
_NAMES = ("app", "application", "create_app", "make_app", "wsgi_app", "api", "server")


def takes(function: Any, count: int) -> bool | None:
    """Whether it can be called with so many positional arguments; None when its signature cannot be known."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:
        return None
    return True


def is_asgi(app: Any) -> bool:
    """Whether this speaks ASGI: a coroutine function of three, or a callable that names them scope, receive, send."""
    function = app
    if not inspect.isroutine(app) and not inspect.isclass(app):
        function = type(app).__call__
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(function):
        return True
    return bool(takes(app, 3)) and takes(app, 2) is False and "receive" in inspect.signature(app).parameters


def is_flask(app: Any) -> bool:
    """Whether this is a Flask application."""
    flask = sys.modules.get("flask")
    return flask is not None and isinstance(app, getattr(flask, "Flask", ()))


def call_of(name: str, function: Any) -> str:
    """`create_app(config=..., debug=...)`: a call with what has to be given; the bare name where nothing has to be."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return name
    needed = [
        "..." if each.kind is each.POSITIONAL_ONLY else f"{each.name}=..."
        for each in parameters
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    return f"{name}({', '.join(needed)})" if needed else name


def is_factory(name: str, function: Any) -> bool:
    """Whether this makes an application: a function that is none itself, or that has a usual name."""
    if not inspect.isfunction(function) or is_asgi(function):
        return False
    first = next(iter(inspect.signature(function).parameters), "")
    return takes(function, 2) is False or (name in FACTORIES and not first.startswith("env"))


def candidates(module: ModuleType) -> list[str]:
    """Names in a module that may well be its application; a factory's with the arguments that it wants."""
    found = []
    for name in _NAMES:
        value = getattr(module, name, None)
        if callable(value):
            found.append(call_of(name, value) if name in FACTORIES and is_factory(name, value) else name)
    found += [name for name, value in vars(module).items() if is_flask(value) and name not in found]
    for name, value in vars(module).items():
        if inspect.isfunction(value) and name not in found:
            parameters = list(inspect.signature(value).parameters)
            if parameters[:2] in (["environ", "start_response"], ["env", "start_response"]):
                found.append(name)
    return found[:6]
