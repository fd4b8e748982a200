"""What `stand(..., prepare="labctl.serving.flask_trace_prepare:prepare")` calls in the child. Stdlib and Flask."""

from __future__ import annotations

import faulthandler
import os
from typing import Any

from labctl.serving.children.job import tell
from labctl.serving.flask_trace import trace_flask
from labctl.serving.flask_trace_routes import all_routes

# Seconds after which a request is told to be stuck, in the child's environment; 0 or nothing: never.
DEADLINE = "LABCTL_FLASK_DEADLINE_S"


def prepare(habits: frozenset[str] = frozenset()) -> None:
    """Trace every Flask application of this process; nothing, where Flask is missing."""
    if not faulthandler.is_enabled():
        faulthandler.enable()  # says where code in C crashed the interpreter
    try:
        trace_flask(emit, deadline_s=float(os.environ.get(DEADLINE) or 0))
    except ImportError:
        tell("flask-missing")


def emit(kind: str, data: dict[str, Any]) -> None:
    """One event to the parent."""
    tell(kind, **data)


def kind(app: Any, _: Any = None) -> Any:
    """What `stand(..., trace="...:kind")` calls with the application: tells whether it is a Flask itself."""
    tell("flask-kind", flask=hasattr(app, "url_map"))
    return app


def routes(app: Any, _: Any = None) -> Any:
    """What `stand(..., trace="...:routes")` calls with the application: tells its URL map, and changes nothing."""
    found = _behind(app)
    if found is not None:
        for rule in all_routes(found):
            tell("flask-route", **rule)
    tell("flask-routes-end", flask=found is app)
    return app


def _behind(app: Any) -> Any:
    """The application with a URL map, behind middleware that keeps it where middleware usually does; or None."""
    for _ in range(10):
        if hasattr(app, "url_map"):
            return app
        app = getattr(app, "__self__", None) or next(
            (
                inner
                for name in ("app", "wsgi_app", "application")
                if (inner := getattr(app, name, None)) is not None
            ),
            None,
        )
    return None
