"""What is noted of a request besides its times: blueprints, g, what was skipped. Child side, stdlib and Flask."""

from __future__ import annotations

from typing import Any

from labctl.serving.flask_trace_hooks import Traced
from labctl.serving.flask_trace_places import LONGEST, is_async, locate
from labctl.serving.flask_trace_records import Trace, named

REGISTERS = {
    "url_value_preprocessors": "url_value_preprocessor",
    "before_request_funcs": "before_request",
    "after_request_funcs": "after_request",
    "teardown_request_funcs": "teardown_request",
    "template_context_processors": "context_processor",
}
_KEYS, _SKIPPED = 30, 12


def context() -> Any:
    """The context that knows the request, in whatever version of Flask; None outside of one."""
    from flask import globals as names

    for name in ("_cv_request", "_cv_app"):
        variable = getattr(names, name, None)
        found = variable.get(None) if variable is not None else None
        if found is not None and hasattr(found, "request"):
            return found
    stack = getattr(names, "_request_ctx_stack", None)
    return stack.top if stack is not None else None


def note_scopes(trace: Trace, app: Any, *_: Any) -> None:
    """Whose hooks this request has."""
    request = getattr(context(), "request", None)
    if request is not None:
        blueprints = [str(each)[:60] for each in getattr(request, "blueprints", ())][:20]
        endpoint = str(request.endpoint)[:LONGEST] if request.endpoint else None
        trace.note(blueprints=blueprints, endpoint=endpoint)


def wrap_after_this_request(trace: Trace, app: Any, *_: Any) -> None:
    """Functions of after_this_request are registered in the request, so they are wrapped in it."""
    functions = getattr(context(), "_after_request_functions", None)
    if isinstance(functions, list):
        functions[:] = [Traced(each, "after_this_request", "") for each in functions]


def keep_response(trace: Trace, app: Any, response: Any) -> None:
    """What is sent, for the names of its generator and of what its close() calls."""
    if trace.inside <= 1:
        trace.response = response


def note_raised(trace: Trace, app: Any, error: Any, *_: Any) -> None:
    """An exception that Flask looks for a handler for."""
    trace.mark("raised", named(error), status=getattr(error, "code", None))


def note_unhandled(trace: Trace, app: Any, error: Any, *_: Any) -> None:
    """An exception without a handler of its own: a 500, or through to the server."""
    propagates, because = app.config.get("PROPAGATE_EXCEPTIONS"), "PROPAGATE_EXCEPTIONS"
    if propagates is None:
        propagates = app.testing or app.debug
        because = "TESTING" if app.testing else "DEBUG" if app.debug else ""
    trace.mark("unhandled", named(error), propagates=bool(propagates), because=because)


def note_kept(trace: Trace, app: Any, *_: Any) -> None:
    """What g and the session hold when teardown begins: names, and kinds of values."""
    from flask import g

    kept = getattr(g, "_get_current_object", lambda: g)()
    names = {str(k)[:60]: type(v).__name__[:60] for k, v in list(vars(kept).items())[:_KEYS]}
    trace.note(g=names)
    now = context()
    session = getattr(now, "_session", None)
    if session is None:
        session = getattr(now, "session", None)
    if isinstance(session, dict):
        # Not through the session's own methods: they would note that it was looked at.
        keys = list(dict.keys(session))[:_KEYS]
        trace.note(session={str(k)[:60]: type(dict.__getitem__(session, k)).__name__[:60] for k in keys})


def note_skipped(trace: Trace, app: Any) -> None:
    """Functions that are registered for this request and did not run."""
    if not trace.entered or "blueprints" not in trace.facts:
        return
    skipped = []
    for attribute, kind in REGISTERS.items():
        register = getattr(app, attribute, {}) if kind != "context_processor" else {}
        for scope in (None, *reversed(trace.facts["blueprints"])):
            for each in list.__iter__(dict.get(register, scope) or []):
                if (kind, id(each)) not in trace.ran:
                    skipped.append([kind, *locate(each), scope or ""])
    endpoint = trace.facts.get("endpoint")
    view = dict.get(app.view_functions, endpoint) if endpoint else None
    if view is not None and ("view", id(view)) not in trace.ran:
        skipped.append(["view", *locate(view, trace.method), endpoint])
    trace.facts["skipped"] = skipped[:_SKIPPED]
    if view is not None and is_async(view):
        trace.facts["async"] = True
