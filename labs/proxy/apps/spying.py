"""What a learner's app makes of the forwarded fields: its layers of middleware, and the environ behind the last one.

Runs in a child only, under the learner's Python: nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Tell = Callable[..., None]
_INNER = ("wsgi_app", "app", "application", "_app")
_COUNTS = ("x_for", "x_proto", "x_host", "x_port", "x_prefix")
_DEEPEST = 20


def traced(app: Any, tell: Tell) -> Any:
    """The app with a spy behind its middleware; `layers` is told at once, `saw` for each request."""
    layers, holder, attribute = _way_in(app)
    tell("layers", layers=layers)
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


class _Spy:
    """Looks at the environ and changes nothing."""

    def __init__(self, app: Any, tell: Tell) -> None:
        self._app, self._tell = app, tell

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        get = environ.get
        self._tell(
            "saw",
            remote_addr=str(get("REMOTE_ADDR", "")),
            scheme=str(get("wsgi.url_scheme", "")),
            host=str(get("HTTP_HOST", "")),
            chain=str(get("HTTP_X_FORWARDED_FOR", "")),
        )
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)
