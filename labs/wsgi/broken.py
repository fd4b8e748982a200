"""The faults of this lab in the process of a server: layers, and patches of real servers.

A layer stands between a server and the application, and does one thing wrong for both. `prepare` is called first, in
the server's first process. Layers and patches are looked up by the fault's name (labctl/sandbox/wsgi_faults.py).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from labs.wsgi.patches import PATCHES

Application = Callable[..., Any]
_habits: frozenset[str] = frozenset()


def prepare(habits: frozenset[str]) -> Mapping[str, object]:
    """Remember the habits, and change the servers."""
    global _habits
    _habits = habits
    for name, patch in PATCHES.items():
        if name in habits:
            patch()
    return {}


def plain(app: Application, tell: Callable[..., None]) -> Application:
    """The application as the server gets it: behind the layer of the fault, if it has one."""
    for name, layer in LAYERS.items():
        if name in _habits:
            return layer(app)
    return app


def traced(app: Application, tell: Callable[..., None]) -> Application:
    """The same, with the tracer between the layer and the application."""
    from labctl.serving.wsgi_trace import traced as tracer

    return plain(tracer(app, tell), tell)


class _Body:
    """An iterable that hands on items and close(), and can be told to leave something out."""

    def __init__(self, inner: Any, items: Iterable[Any], closes: bool = True) -> None:
        self._inner = inner
        self._items = items
        self._closes = closes

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def close(self) -> None:
        if self._closes:
            _close(self._inner)


def _close(body: Any) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


def _takes_one_item(app: Application) -> Application:
    def layer(environ: Any, start_response: Any) -> Any:
        body = app(environ, start_response)
        if type(body) is list:  # which servers count: its length is not this fault's affair
            return body[:1]
        return _Body(body, islice(body, 1))

    return layer


def _forgets_close(app: Application) -> Application:
    def layer(environ: Any, start_response: Any) -> Any:
        body = app(environ, start_response)
        return body if type(body) is list else _Body(body, body, closes=False)

    return layer


def _says_its_length(app: Application) -> Application:
    def layer(environ: Any, start_response: Any) -> Any:
        said: list[Any] = []

        def starting(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            said[:] = [status, headers]

        inner = app(environ, starting)
        body = [b"".join(inner)]
        _close(inner)
        status, headers = said
        start_response(status, [*headers, ("Content-Length", str(len(body[0])))])
        return body

    return layer


def _wants_a_function(app: Application) -> Application:
    from inspect import isfunction

    def layer(environ: Any, start_response: Any) -> Any:
        if not isfunction(app):
            raise TypeError(f"an application is a function, and this is {type(app).__name__}")
        return app(environ, start_response)

    return layer


def _keeps_escapes(app: Application) -> Application:
    def layer(environ: Any, start_response: Any) -> Any:
        raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
        if raw:  # without it the server itself was changed
            environ["PATH_INFO"] = raw.partition("?")[0]
        return app(environ, start_response)

    return layer


def _keeps_the_last_field(app: Application) -> Application:
    def layer(environ: Any, start_response: Any) -> Any:
        for key in [key for key in environ if key.startswith("HTTP_")]:
            environ[key] = environ[key].rpartition(",")[2].strip()
        return app(environ, start_response)

    return layer


class _Rewound:
    """An input that begins anew at its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1) -> bytes:
        return io.BytesIO(self._data).read(size)


def _rewinds_input(app: Application) -> Application:
    def layer(environ: Any, start_response: Any) -> Any:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = _Rewound(environ["wsgi.input"].read(length))
        return app(environ, start_response)

    return layer


def _sends_head_at_once(app: Application) -> Application:
    def layer(environ: Any, start_response: Any) -> Any:
        def starting(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            write = start_response(status, headers, exc_info)
            write(b"")  # gunicorn and wsgiref write the head now
            return write

        return app(environ, starting)

    return layer


def _holds_everything_back(app: Application) -> Application:
    def layer(environ: Any, start_response: Any) -> Any:
        inner = app(environ, start_response)
        try:
            return list(inner)
        finally:
            _close(inner)

    return layer


def _validated(app: Application) -> Application:
    from wsgiref.validate import validator

    return validator(app)


def _gives_exc_info(app: Application) -> Application:
    def layer(environ: Any, start_response: Any) -> Any:
        calls = 0

        def starting(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal calls
            calls += 1
            problem = RuntimeError("the application thought better of it")
            return start_response(status, headers, (RuntimeError, problem, None) if calls > 1 else exc_info)

        return app(environ, starting)

    return layer


def _adapted(app: Application) -> Application:
    from labs.wsgi.apps.asgi import as_wsgi

    adapted: Application = as_wsgi(app)
    return adapted


LAYERS: Mapping[str, Callable[[Application], Application]] = {
    "server-takes-one-item": _takes_one_item,
    "server-forgets-close": _forgets_close,
    "app-says-its-length": _says_its_length,
    "server-wants-a-function": _wants_a_function,
    "server-keeps-escapes": _keeps_escapes,
    "server-keeps-the-last-field": _keeps_the_last_field,
    "server-rewinds-input": _rewinds_input,
    "server-sends-head-at-once": _sends_head_at_once,
    "server-holds-everything-back": _holds_everything_back,
    "app-is-validated": _validated,
    "app-gives-exc-info": _gives_exc_info,
    "app-is-adapted": _adapted,
}
