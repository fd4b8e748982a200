"""Other Flasks than the one that is installed: what a fault makes of it, in the child, before the application comes.

Each function changes one thing of the real Flask, and says which version or option of the world did the same where
there is one.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from itertools import chain
from typing import Any

import flask
import flask.app
import flask.ctx
import flask.globals
from flask.globals import request_ctx
from werkzeug.local import LocalProxy
from werkzeug.wsgi import ClosingIterator

# What is put in place of its methods has looser types.
_FLASK: Any = flask.Flask


def _after_in_order() -> None:
    def process_response(self: Any, response: Any) -> Any:
        ctx = request_ctx._get_current_object()  # type: ignore[attr-defined]
        for func in ctx._after_request_functions:
            response = self.ensure_sync(func)(response)
        for name in chain(flask.request.blueprints, (None,)):
            if name in self.after_request_funcs:
                for func in self.after_request_funcs[name]:
                    response = self.ensure_sync(func)(response)
        if not self.session_interface.is_null_session(ctx._session):
            self.session_interface.save_session(self, ctx._session, response)
        return response

    _FLASK.process_response = process_response


def _not_found_first() -> None:
    dispatch = flask.Flask.full_dispatch_request

    def full_dispatch_request(self: Any) -> Any:
        error = flask.request.routing_exception
        if error is not None:
            return self.finalize_request(self.handle_user_exception(error))
        return dispatch(self)

    _FLASK.full_dispatch_request = full_dispatch_request


def _before_value_ignored() -> None:
    def preprocess_request(self: Any) -> None:
        names = (None, *reversed(flask.request.blueprints))
        for name in names:
            for func in self.url_value_preprocessors.get(name, ()):
                func(flask.request.endpoint, flask.request.view_args)
        for name in names:
            for func in self.before_request_funcs.get(name, ()):
                self.ensure_sync(func)()

    _FLASK.preprocess_request = preprocess_request


def _teardown_after_response() -> None:
    def wsgi_app(self: Any, environ: Any, start_response: Any) -> Any:
        ctx = self.request_context(environ)
        ctx.push()
        try:
            response = self.full_dispatch_request()
        except Exception as error:
            response = self.handle_exception(error)
        return ClosingIterator(response(environ, start_response), lambda: ctx.pop(None))

    _FLASK.wsgi_app = wsgi_app


def _hands_original() -> None:
    from werkzeug.exceptions import InternalServerError

    def handle_exception(self: Any, error: Exception) -> Any:
        if self.config["PROPAGATE_EXCEPTIONS"] or self.testing or self.debug:
            raise error
        handler = self._find_error_handler(InternalServerError(), flask.request.blueprints)
        return self.finalize_request(
            handler(error) if handler else InternalServerError(), from_error_handler=True
        )

    _FLASK.handle_exception = handle_exception


class _ThreadVariable:
    """What Flask had before it had context variables: one value for each thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    def get(self, *default: Any) -> Any:
        value = getattr(self._local, "value", None)
        if value is None:
            if default:
                return default[0]
            raise LookupError
        return value

    def set(self, value: Any) -> Any:
        before = getattr(self._local, "value", None)
        self._local.value = value
        return before

    def reset(self, before: Any) -> None:
        self._local.value = before


def _thread_locals() -> None:
    app, request = _ThreadVariable(), _ThreadVariable()
    names: dict[str, Any] = {"_cv_app": app, "_cv_request": request}
    for name, variable, attribute in (
        ("app_ctx", app, None),
        ("current_app", app, "app"),
        ("g", app, "g"),
        ("request_ctx", request, None),
        ("request", request, "request"),
        ("session", request, "session"),
    ):
        names[name] = LocalProxy(_getter(variable, attribute))
    import sys

    for module in [m for key, m in sys.modules.items() if key.partition(".")[0] == "flask" and m is not None]:
        for name, value in names.items():
            if name in vars(module):
                setattr(module, name, value)


def _getter(variable: _ThreadVariable, attribute: str | None) -> Callable[[], Any]:
    def get() -> Any:
        try:
            found = variable.get()
        except LookupError:
            raise RuntimeError("Working outside of context.") from None
        return found if attribute is None else getattr(found, attribute)

    return get


def _threads_inherit_context() -> None:
    start = threading.Thread.start

    def start_with_context(self: threading.Thread) -> None:
        context, run = contextvars.copy_context(), self.run
        self.run = lambda: context.run(run)  # type: ignore[method-assign]
        start(self)

    threading.Thread.start = start_with_context  # type: ignore[method-assign]


def _g_is_global() -> None:
    one = flask.ctx._AppCtxGlobals()

    def the_one(app: Any = None) -> Any:
        return one

    _FLASK.app_ctx_globals_class = the_one


def _streams_with_context() -> None:
    make = flask.Flask.make_response

    def make_response(self: Any, value: Any) -> Any:
        if hasattr(value, "gi_code"):
            value = flask.stream_with_context(value)
        return make(self, value)

    _FLASK.make_response = make_response


def _args_typed() -> None:
    from werkzeug.datastructures import ImmutableMultiDict

    class Typed(ImmutableMultiDict[str, Any]):
        def get(self, key: str, default: Any = None, type: Any = None) -> Any:  # type: ignore[override]
            found = super().get(key, default)
            return int(found) if isinstance(found, str) and found.isdigit() else found

    flask.Request.parameter_storage_class = Typed


def _session_interface(name: str) -> Callable[[], None]:
    def change() -> None:
        from labs.flask.apps import sessions

        _FLASK.session_interface = getattr(sessions, name)()

    return change


CHANGES: dict[str, Callable[[], None]] = {
    "flask-after-in-order": _after_in_order,
    "flask-not-found-first": _not_found_first,
    "flask-before-value-ignored": _before_value_ignored,
    "flask-teardown-after-response": _teardown_after_response,
    "flask-hands-original": _hands_original,
    "flask-thread-locals": _thread_locals,
    "flask-threads-inherit-context": _threads_inherit_context,
    "flask-g-is-global": _g_is_global,
    "flask-streams-with-context": _streams_with_context,
    "flask-args-typed": _args_typed,
    "flask-session-encrypted": _session_interface("Encrypted"),
    "flask-session-unchecked": _session_interface("Unchecked"),
    "flask-session-on-server": _session_interface("OnServer"),
    "flask-session-refuses-large": _session_interface("RefusesLarge"),
}


def change(habits: frozenset[str]) -> None:
    """Make these changes; habits that are an application's own are followed there."""
    for habit in habits:
        if habit in CHANGES:
            CHANGES[habit]()
