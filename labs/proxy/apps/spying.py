"""What a learner's app makes of the forwarded fields: its layers of middleware, and the environ behind the last one.

Runs in a child only, under the learner's Python: nothing but the standard library, and what the app has imported.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

Tell = Callable[..., None]
_INNER = ("wsgi_app", "app", "application", "_app")
_COUNTS = ("x_for", "x_proto", "x_host", "x_port", "x_prefix")
_DEEPEST = 20


def traced(app: Any, tell: Tell) -> Any:
    """The app with a spy behind its middleware; `layers` is told at once, `saw` for each request.

    Flask and Django tell themselves what they have, whatever stands before them: such a `saw` is `by` them.
    """
    # What hangs is asked by this signal where it is.
    faulthandler.register(signal.SIGTRAP, file=2)
    layers, holder, attribute = _way_in(app)
    by = [*_hear_flask(tell), *_hear_django(tell)]
    tell("layers", layers=layers, by=by, names=_names(app), flask=hasattr(app, "wsgi_app"))
    if holder is None:
        return _Spy(app, tell)
    setattr(holder, attribute, _Spy(getattr(holder, attribute), tell))
    return app


def _way_in(app: Any) -> tuple[list[dict[str, Any]], Any, str]:
    """The layers from the outside, and where the innermost callable hangs: on whom, and by which name."""
    layers: list[dict[str, Any]] = []
    holder, attribute, current = None, "", app
    for _ in range(_DEEPEST):
        name = next((n for n in _INNER if callable(getattr(current, n, None))), "")
        if not name or isinstance(current, type):
            break
        inner = getattr(current, name)
        if getattr(inner, "__self__", None) is current:
            # Flask's own wsgi_app method: here the middleware ends, and the app begins.
            if not _can_be_set(current, name, inner):
                break
            holder, attribute = current, name
            break
        if not hasattr(current, "url_map"):  # a Flask is no layer
            layers.append(_layer(current))
        if not _can_be_set(current, name, inner):
            break
        holder, attribute, current = current, name, inner
    return layers, holder, attribute


def _names(app: Any) -> dict[str, str]:
    """By which name each module has it, at its top; nothing for what a factory made and nobody keeps."""
    found: dict[str, str] = {}
    for module, loaded in list(sys.modules.items()):
        if type(loaded) is ModuleType:  # others may import what they hold when they are looked at
            found.update((module, name) for name, value in list(vars(loaded).items()) if value is app)
    return found


def _layer(thing: Any) -> dict[str, Any]:
    counts = {
        count: getattr(thing, count) for count in _COUNTS if isinstance(getattr(thing, count, None), int)
    }
    return {"name": type(thing).__name__, "module": type(thing).__module__, **counts}


def _can_be_set(holder: Any, name: str, value: Any) -> bool:
    try:
        setattr(holder, name, value)
    except Exception:  # whatever the learner's class says to that
        return False
    return True


def _hear_flask(tell: Tell) -> list[str]:
    flask = sys.modules.get("flask")
    if flask is None:
        return []

    def heard(sender: Any, **_: Any) -> None:
        environ = flask.request.environ
        _saw(tell, environ, environ.get("wsgi.url_scheme", ""), "Flask")

    try:
        flask.request_started.connect(heard, weak=False)
    except Exception:  # a Flask without signals
        return []
    return ["Flask"]


def _hear_django(tell: Tell) -> list[str]:
    signals, wsgi = (sys.modules.get(f"django.core.{name}") for name in ("signals", "handlers.wsgi"))
    if signals is None or wsgi is None:
        return []

    def heard(sender: Any, environ: dict[str, Any] | None = None, **_: Any) -> None:
        if environ is not None:
            try:
                scheme = wsgi.WSGIRequest(environ).scheme  # SECURE_PROXY_SSL_HEADER
            except Exception:  # settings that are wrong are the app's to tell
                scheme = environ.get("wsgi.url_scheme", "")
            _saw(tell, environ, scheme, "Django")

    signals.request_started.connect(heard, weak=False)
    return ["Django"]


def _saw(tell: Tell, environ: dict[str, Any], scheme: Any, by: str) -> None:
    told = {
        "remote_addr": environ.get("REMOTE_ADDR", ""),
        "scheme": scheme,
        "host": environ.get("HTTP_HOST", ""),
        "chain": environ.get("HTTP_X_FORWARDED_FOR", ""),
    }
    tell("saw", by=by, **{name: str(value)[:300] for name, value in told.items()})


class _Spy:
    """Looks at the environ and changes nothing."""

    def __init__(self, app: Any, tell: Tell) -> None:
        self._app, self._tell = app, tell

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        _saw(self._tell, environ, environ.get("wsgi.url_scheme", ""), "")
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)
