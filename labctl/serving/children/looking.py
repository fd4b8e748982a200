"""What an object is, seen from outside: WSGI, ASGI, a factory, or nothing that can be called."""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import Any

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


def candidates(module: ModuleType) -> list[str]:
    """Names in a module that may well be its application."""
    found = [name for name in _NAMES if callable(getattr(module, name, None))]
    found += [name for name, value in vars(module).items() if is_flask(value) and name not in found]
    for name, value in vars(module).items():
        if inspect.isfunction(value) and name not in found:
            parameters = list(inspect.signature(value).parameters)
            if parameters[:2] in (["environ", "start_response"], ["env", "start_response"]):
                found.append(name)
    return found[:6]
