"""Traces a real Flask from inside of its process, without a change to the application. Child side, stdlib and Flask.

`prepare` runs before the application is imported and replaces `Flask.__call__` and `Flask.wsgi_app` of the class, so
that applications in factories, behind middleware and of subclasses are met as well. At an application's first request
its registers (hooks, views, error handlers) become ones that hand out wrapped functions while a request is traced; the
registered functions themselves stay where they are, and wrapped ones compare equal to them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from labctl.serving.flask_trace_hooks import Hooks, Register, Traced, Views, wrapped
from labctl.serving.flask_trace_places import LONGEST, Location, is_async, locate
from labctl.serving.flask_trace_records import CURRENT, NOTES, Emit, Trace, named
from labctl.serving.flask_trace_routes import near_routes, route_facts
from labctl.serving.flask_trace_signals import trace_signals

REGISTERS = {
    "url_value_preprocessors": "url_value_preprocessor",
    "before_request_funcs": "before_request",
    "after_request_funcs": "after_request",
    "teardown_request_funcs": "teardown_request",
    "template_context_processors": "context_processor",
}
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
# So many pieces of a body are shown one by one.
PIECES = 8
_KEYS = 30


def trace_flask(emit: Emit, *, deadline_s: float = 0.0) -> None:
    """Trace every Flask application of this process from now on. Raises ImportError without Flask."""
    import flask

    watched = None
    if deadline_s > 0:
        from labctl.serving.flask_trace_watch import Watch

        watched = Watch(deadline_s)
    call, application = flask.Flask.__call__, flask.Flask.wsgi_app

    @functools.wraps(call)
    def traced_call(self: Any, environ: Any, start_response: Any) -> Any:
        if CURRENT.get() is not None:
            return call(self, environ, start_response)
        return _outermost(call, self, environ, start_response, emit, watched)

    @functools.wraps(application)
    def traced_application(self: Any, environ: Any, start_response: Any) -> Any:
        trace = CURRENT.get()
        if trace is None:
            return _outermost(traced_application, self, environ, start_response, emit, watched)
        attach(self)
        where = Location(self.import_name[:LONGEST])
        record = trace.begin("flask" if not trace.entered else "inner_request", where)
        trace.entered = True
        try:
            returned = application(self, environ, _told(start_response, trace))
        except BaseException as error:
            trace.raised(record, error)
            raise
        trace.end(record)
        return returned

    flask.Flask.__call__ = traced_call  # type: ignore[method-assign]
    flask.Flask.wsgi_app = traced_application  # type: ignore[method-assign]
    trace_signals()


def _outermost(call: Any, app: Any, environ: Any, start_response: Any, emit: Emit, watched: Any) -> Any:
    trace = Trace(environ, emit)
    if watched is not None:
        watched.begin(trace)
    token = CURRENT.set(trace)
    record = trace.begin("application", Location(app.import_name[:LONGEST]))
    try:
        returned = call(app, environ, start_response)
    except BaseException as error:
        trace.raised(record, error)
        _over(trace, app, watched)
        raise
    finally:
        CURRENT.reset(token)
    trace.end(record)
    return Body(returned, trace, lambda: _over(trace, app, watched))


def _told(start_response: Any, trace: Trace) -> Any:
    def told(status: str, headers: Any, *rest: Any) -> Any:
        trace.mark("start_response", str(status))
        return start_response(status, headers, *rest)

    return told


def _over(trace: Trace, app: Any, watched: Any) -> None:
    if watched is not None:
        watched.over(trace)
    _note_skipped(trace, app)
    trace.tell()


class Body:
    """What the application returned, as the server pulls it."""

    def __init__(self, returned: Iterable[bytes], trace: Trace, over: Callable[[], None]) -> None:
        self._returned = returned
        self._pieces: Iterator[bytes] | None = None
        self._trace = trace
        self._over = over
        self._number = 0
        self._bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        trace = self._trace
        if self._pieces is None:
            self._pieces = iter(self._returned)
        self._number += 1
        # Named only when it is a generator of the application's: the body of most responses is a list.
        record = trace.begin("item", self._source()) if self._number <= PIECES else None
        token = CURRENT.set(trace)
        try:
            piece = next(self._pieces)
        except StopIteration:
            if record is not None:
                trace.end(record)
                if trace.records and trace.records[-1] is record:
                    trace.records.pop()
            trace.mark("sent", bytes=self._bytes, items=self._number - 1)
            raise
        except BaseException as error:
            failed = record or trace.begin("item", self._source())
            trace.raised(failed, error)
            raise
        finally:
            CURRENT.reset(token)
        self._bytes += len(piece)
        if record is not None:
            record[NOTES]["bytes"] = len(piece)
            trace.end(record)
        return piece

    def _source(self) -> Location:
        body = getattr(self._trace.response, "response", None)
        code = getattr(body, "gi_code", None)
        if code is None:
            return Location("")
        frame = getattr(body, "gi_frame", None)
        line = frame.f_lineno if frame is not None else code.co_firstlineno
        return Location(code.co_name[:LONGEST], code.co_filename[-LONGEST:], line)

    def close(self) -> None:
        """What PEP 3333 makes the server call; functions given to call_on_close run in it."""
        trace = self._trace
        record = trace.begin("close", Location(""))
        on_close = getattr(trace.response, "_on_close", None)
        if isinstance(on_close, list):
            on_close[:] = [Traced(each, "call_on_close", "") for each in on_close]
        token = CURRENT.set(trace)
        try:
            close = getattr(self._returned, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            trace.raised(record, error)
            raise
        finally:
            CURRENT.reset(token)
            trace.end(record)
            self._over()


def attach(app: Any) -> None:
    """Make an application's registers hand out wrapped functions. Once; later calls look for what was replaced."""
    for attribute, kind in REGISTERS.items():
        register = getattr(app, attribute, None)
        if isinstance(register, dict) and not isinstance(register, Register):
            setattr(app, attribute, Register(register, kind))
    if isinstance(app.view_functions, dict) and not isinstance(app.view_functions, Views):
        app.view_functions = Views(app.view_functions)
    teardown = app.teardown_appcontext_funcs
    if not isinstance(teardown, Hooks):
        app.teardown_appcontext_funcs = Hooks(teardown, "teardown_appcontext", None)
    sessions = app.session_interface
    if "_labctl_traced" not in vars(sessions):
        _trace_sessions(sessions)
    if "_labctl_traced" in vars(app):
        return
    app._labctl_traced = True
    _trace_matching(app)
    _trace_methods(app)


def _trace_matching(app: Any) -> None:
    create = app.create_url_adapter

    def create_url_adapter(request: Any) -> Any:
        adapter = create(request)
        trace = CURRENT.get()
        if adapter is None or request is None or trace is None:
            return adapter
        match = adapter.match

        def traced_match(*given: Any, **named_: Any) -> Any:
            record = trace.begin("match", Location(""))
            try:
                found = match(*given, **named_)
            except Exception as error:
                trace.end(record)
                record[NOTES].update(raised=type(error).__name__, status=getattr(error, "code", None))
                trace.facts.update(near_routes(app, adapter, error))
                raise
            trace.end(record)
            if isinstance(found, tuple) and hasattr(found[0], "rule"):
                trace.facts["route"] = route_facts(found[0], found[1])
            return found

        adapter.match = traced_match
        return adapter

    app.create_url_adapter = create_url_adapter


def _trace_methods(app: Any) -> None:
    import flask

    for name in OVERRIDABLE:
        theirs = getattr(type(app), name, None)
        if theirs is not None and theirs is not getattr(flask.Flask, name, None):
            setattr(app, name, Traced(getattr(app, name), "method", type(app).__name__))

    def around(name: str, before: Callable[..., None] | None, after: Callable[..., None] | None) -> None:
        method = getattr(app, name, None)
        if method is None:
            return

        def traced(*given: Any, **named_: Any) -> Any:
            trace = CURRENT.get()
            if trace is None:
                return method(*given, **named_)
            if before is not None:
                before(trace, *given)
            result = method(*given, **named_)
            if after is not None:
                after(trace, result)
            return result

        setattr(app, name, traced)

    around("full_dispatch_request", _note_scopes, None)
    around("process_response", _wrap_after_this_request, None)
    around("finalize_request", None, _keep_response)
    around("handle_user_exception", _note_raised, None)
    around("handle_exception", functools.partial(_note_unhandled, app), None)
    around("do_teardown_request", _note_kept, None)
    find = getattr(app, "_find_error_handler", None)
    if find is not None:

        def find_error_handler(error: BaseException, *rest: Any) -> Any:
            handler = find(error, *rest)
            if handler is None or CURRENT.get() is None:
                return handler
            return wrapped(handler, "error_handler", _said_of_handler(app, handler))

        app._find_error_handler = find_error_handler


def _said_of_handler(app: Any, handler: Any) -> str:
    """What it was registered for: `404`, `Exception`, `ValueError of blueprint shop`."""
    for scope, codes in app.error_handler_spec.items():
        for code, classes in codes.items():
            for each, registered in classes.items():
                if registered is handler:
                    what = str(code) if code else str(each.__name__)
                    return what if scope is None else f"{what} of blueprint {scope}"
    return ""


def _context() -> Any:
    """The context that knows the request, in whatever version of Flask."""
    from flask import globals as names

    for name in ("_cv_request", "_cv_app"):
        variable = getattr(names, name, None)
        context = variable.get(None) if variable is not None else None
        if context is not None and hasattr(context, "request"):
            return context
    stack = getattr(names, "_request_ctx_stack", None)
    return stack.top if stack is not None else None


def _note_scopes(trace: Trace, *_: Any) -> None:
    context = _context()
    request = getattr(context, "request", None)
    if request is not None:
        trace.facts["blueprints"] = [str(each)[:60] for each in getattr(request, "blueprints", ())][:20]
        trace.facts["endpoint"] = str(request.endpoint)[:LONGEST] if request.endpoint else None


def _wrap_after_this_request(trace: Trace, *_: Any) -> None:
    functions = getattr(_context(), "_after_request_functions", None)
    if isinstance(functions, list):
        functions[:] = [Traced(each, "after_this_request", "") for each in functions]


def _keep_response(trace: Trace, response: Any) -> None:
    trace.response = response


def _note_raised(trace: Trace, error: Any, *_: Any) -> None:
    trace.mark("raised", named(error), status=getattr(error, "code", None))


def _note_unhandled(app: Any, trace: Trace, error: Any, *_: Any) -> None:
    propagate = app.config.get("PROPAGATE_EXCEPTIONS")
    because = "PROPAGATE_EXCEPTIONS"
    if propagate is None:
        propagate = app.testing or app.debug
        because = "TESTING" if app.testing else "DEBUG" if app.debug else ""
    trace.mark("unhandled", named(error), propagates=bool(propagate), because=because)


def _note_kept(trace: Trace, *_: Any) -> None:
    """What g and the session hold when teardown begins: names, and kinds of values."""
    from flask import g

    kept = getattr(g, "_get_current_object", lambda: g)()
    trace.facts["g"] = {str(k)[:60]: type(v).__name__[:60] for k, v in list(vars(kept).items())[:_KEYS]}
    context = _context()
    session = getattr(context, "_session", None)
    if session is None:
        session = getattr(context, "session", None)
    if isinstance(session, dict):
        # Not through the session's own methods: they would note that it was looked at.
        trace.facts["session"] = {
            str(k)[:60]: type(dict.__getitem__(session, k)).__name__[:60]
            for k in list(dict.keys(session))[:_KEYS]
        }


def _trace_sessions(sessions: Any) -> None:
    opening, saving = sessions.open_session, sessions.save_session

    def open_session(app: Any, request: Any) -> Any:
        trace = CURRENT.get()
        if trace is None:
            return opening(app, request)
        record = trace.begin("open_session", Location(type(sessions).__name__[:LONGEST]))
        try:
            session = opening(app, request)
        except BaseException as error:
            trace.raised(record, error)
            raise
        cookie = request.cookies.get(app.config.get("SESSION_COOKIE_NAME", "session"))
        record[NOTES].update(cookie=bool(cookie), keys=len(session) if session is not None else -1)
        trace.end(record)
        return session

    def save_session(app: Any, session: Any, response: Any) -> Any:
        trace = CURRENT.get()
        if trace is None:
            return saving(app, session, response)
        record = trace.begin("save_session", Location(type(sessions).__name__[:LONGEST]))
        before = len(response.headers.getlist("Set-Cookie"))
        try:
            result = saving(app, session, response)
        except BaseException as error:
            trace.raised(record, error)
            raise
        record[NOTES]["cookies"] = len(response.headers.getlist("Set-Cookie")) - before
        trace.end(record)
        return result

    try:
        sessions.open_session, sessions.save_session = open_session, save_session
        sessions._labctl_traced = True
    except AttributeError:
        return


def _note_skipped(trace: Trace, app: Any) -> None:
    """Functions that are registered for this request and did not run."""
    if not trace.entered or "blueprints" not in trace.facts:
        return
    scopes = [None, *reversed(trace.facts["blueprints"])]
    skipped = []
    for attribute, kind in REGISTERS.items():
        if kind == "context_processor":
            continue
        for scope in scopes:
            hooks = list.__iter__(dict.get(getattr(app, attribute, {}), scope) or [])
            for each in hooks:
                if (kind, id(each)) not in trace.ran:
                    skipped.append([kind, *locate(each), scope or ""])
    endpoint = trace.facts.get("endpoint")
    view = dict.get(app.view_functions, endpoint) if endpoint else None
    if view is not None and ("view", id(view)) not in trace.ran:
        skipped.append(["view", *locate(view, trace.method), endpoint])
    trace.facts["skipped"] = skipped[:12]
    if view is not None and is_async(view):
        trace.facts["async"] = True
