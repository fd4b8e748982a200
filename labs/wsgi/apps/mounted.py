"""All the applications under one server, each at its path. What is called gets exactly what the server gave."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from labs.wsgi.apps import hello, spellings, violations

Environ = dict[str, Any]
_EMPTY = [("Content-Type", "text/plain"), ("Content-Length", "0")]


def environment(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """What it was given, as JSON: texts as they are, the rest by its type."""
    told = {
        key: value if isinstance(value, (str, bool)) else f"<{type(value).__name__}>"
        for key, value in environ.items()
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]


def reads_twice(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """How many bytes the content has when it is read, and when it is read again."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    first, second = environ["wsgi.input"].read(length), environ["wsgi.input"].read(length)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d then %d" % (len(first), len(second))]


APPS: dict[str, Callable[..., Any]] = {
    "/hello": hello.app,
    "/sample": hello.sample,
    "/environ": environment,
    "/reads-twice": reads_twice,
    "/function": spellings.function,
    "/class": spellings.Class,
    "/object": spellings.instance,
    **{
        "/" + name.replace("_", "-"): app
        for name, app in vars(violations).items()
        if callable(app) and getattr(app, "__module__", "") == violations.__name__
    },
}


def app(environ: Environ, start_response: Callable[..., Any]) -> Any:
    # Whatever the server makes of a path with percent signs in it.
    found = APPS.get(environ["PATH_INFO"]) or (environment if "environ" in environ["PATH_INFO"] else None)
    if found is None:
        start_response("404 Not Found", _EMPTY)
        return []
    return found(environ, start_response)
