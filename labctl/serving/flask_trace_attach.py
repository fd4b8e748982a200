"""Makes an application's registers and methods tell, at its first request. Child side, stdlib and Flask."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from labctl.serving import flask_trace_notes as notes
from labctl.serving.flask_trace_hooks import Hooks, Register, Traced, Views, wrapped
from labctl.serving.flask_trace_places import Location
from labctl.serving.flask_trace_records import CURRENT, NOTES, Trace
from labctl.serving.flask_trace_routes import near_routes, route_facts
from labctl.serving.flask_trace_sessions import trace_sessions

# Methods of Flask that subclasses override; one that does is part of the story.
OVERRIDABLE = (
    "full_dispatch_request",
    "preprocess_request",
    "dispatch_request",
    "make_response",
    "handle_user_exception",
    "handle_exception",
    "handle_http_exception",
)
_DONE = "_labctl_traced"


def attach(app: Any) -> None:
    """Once for its methods; at each request for registers, which the application may have replaced since."""
    for attribute, kind in notes.REGISTERS.items():
        register = getattr(app, attribute, None)
        if isinstance(register, dict) and not isinstance(register, Register):
            setattr(app, attribute, Register(register, kind))
    if isinstance(app.view_functions, dict) and not isinstance(app.view_functions, Views):
        app.view_functions = Views(app.view_functions)
    if not isinstance(app.teardown_appcontext_funcs, Hooks):
        app.teardown_appcontext_funcs = Hooks(app.teardown_appcontext_funcs, "teardown_appcontext", None)
    trace_sessions(app.session_interface)
    if _DONE not in vars(app):
        setattr(app, _DONE, True)
        _trace_matching(app)
        _trace_methods(app)


def _trace_matching(app: Any) -> None:
    create = app.create_url_adapter

    def create_url_adapter(request: Any) -> Any:
        adapter = create(request)
        trace = CURRENT.get()
        if adapter is not None and request is not None and trace is not None:
            adapter.match = _matching(app, adapter, adapter.match, trace)
        return adapter

    app.create_url_adapter = create_url_adapter


def _matching(app: Any, adapter: Any, match: Callable[..., Any], trace: Trace) -> Callable[..., Any]:
    def traced_match(*given: Any, **named: Any) -> Any:
        # This word is Flask's, when it routes the request. Its answer to OPTIONS and extensions ask as well.
        if not named.get("return_rule"):
            return match(*given, **named)
        # stream_with_context pushes the context once more, as a test client in a view does: that is no routing.
        first, trace.matched = not trace.matched, True
        if not first and trace.inside <= 1:
            return match(*given, **named)
        record = trace.begin("match", Location(""))
        try:
            found = match(*given, **named)
        except Exception as error:
            trace.end(record)
            record[NOTES].update(raised=type(error).__name__, status=getattr(error, "code", None))
            if first:
                trace.later.append(partial(_note_near, trace, app, adapter, error))
            raise
        trace.end(record)
        if isinstance(found, tuple) and hasattr(found[0], "rule"):
            facts = route_facts(found[0], found[1])
            record[NOTES]["rule"] = facts["rule"]
            if first:
                trace.note(route=facts)
        return found

    return traced_match


def _note_near(trace: Trace, app: Any, adapter: Any, error: Exception) -> None:
    """When the request is over: a large map takes its time."""
    trace.facts.update(near_routes(app, adapter, error))


def _trace_methods(app: Any) -> None:
    import flask

    for name in OVERRIDABLE:
        theirs = getattr(type(app), name, None)
        if theirs is not None and theirs is not getattr(flask.Flask, name, None):
            setattr(app, name, Traced(getattr(app, name), "method", type(app).__name__))
    _around(app, "full_dispatch_request", before=notes.note_scopes)
    _around(app, "process_response", before=notes.wrap_after_this_request)
    _around(app, "finalize_request", after=notes.keep_response)
    _around(app, "handle_user_exception", before=notes.note_raised)
    _around(app, "handle_exception", before=notes.note_unhandled)
    _around(app, "do_teardown_request", before=notes.note_kept)
    _trace_error_handlers(app)


def _around(
    app: Any,
    name: str,
    *,
    before: Callable[..., None] | None = None,
    after: Callable[..., None] | None = None,
) -> None:
    method = getattr(app, name, None)
    if method is None:
        return

    def traced(*given: Any, **named: Any) -> Any:
        trace = CURRENT.get()
        if trace is None:
            return method(*given, **named)
        if before is not None:
            before(trace, app, *given)
        result = method(*given, **named)
        if after is not None:
            after(trace, app, result)
        return result

    setattr(app, name, traced)


def _trace_error_handlers(app: Any) -> None:
    find = getattr(app, "_find_error_handler", None)
    if find is None:
        return

    def find_error_handler(error: BaseException, *rest: Any) -> Any:
        handler = find(error, *rest)
        if handler is None or CURRENT.get() is None:
            return handler
        return wrapped(handler, "error_handler", _registered_for(app, handler))

    app._find_error_handler = find_error_handler


def _registered_for(app: Any, handler: Any) -> str:
    """`404`, `Exception`, `ValueError of blueprint shop`."""
    for scope, codes in app.error_handler_spec.items():
        for code, classes in codes.items():
            for each, registered in classes.items():
                if registered is handler:
                    what = str(code) if code else str(each.__name__)
                    return what if scope is None else f"{what} of blueprint {scope}"
    return ""
