"""Traces a real Flask from inside of its process, without a change to the application. Child side, stdlib and Flask.

`trace_flask` runs before the application is imported and replaces `Flask.__call__` and `Flask.wsgi_app` of the class,
so that applications in factories, behind middleware and of subclasses are met as well. At an application's first
request its registers (hooks, views, error handlers) become ones that hand out wrapped functions while a request is
traced; the registered functions themselves stay where they are, and wrapped ones compare equal to them.
"""

from __future__ import annotations

import functools
from typing import Any

from labctl.serving.flask_trace_attach import attach
from labctl.serving.flask_trace_body import Body
from labctl.serving.flask_trace_notes import note_skipped
from labctl.serving.flask_trace_places import LONGEST, Location
from labctl.serving.flask_trace_records import CURRENT, Emit, Trace
from labctl.serving.flask_trace_signals import trace_signals
from labctl.serving.flask_trace_watch import Watch


def trace_flask(emit: Emit, *, deadline_s: float = 0.0) -> None:
    """Trace every Flask application of this process from now on. Raises ImportError without Flask.

    A request that takes longer than `deadline_s` is told with the place where it is; 0: never.
    """
    import flask

    call, application = flask.Flask.__call__, flask.Flask.wsgi_app
    tracer = Tracer(emit, Watch(deadline_s) if deadline_s > 0 else None)

    @functools.wraps(call)
    def traced_call(self: Any, environ: Any, start_response: Any) -> Any:
        if CURRENT.get() is not None:
            return call(self, environ, start_response)
        return tracer.outermost(call, self, environ, start_response)

    @functools.wraps(application)
    def traced_application(self: Any, environ: Any, start_response: Any) -> Any:
        trace = CURRENT.get()
        if trace is None:
            return tracer.outermost(traced_application, self, environ, start_response)
        attach(self)
        kind = "flask" if not trace.entered else "inner_request"
        record = trace.begin(kind, Location(self.import_name[:LONGEST]))
        trace.entered = True
        trace.inside += 1
        try:
            returned = application(self, environ, _told(start_response, trace))
        except BaseException as error:
            trace.raised(record, error)
            raise
        finally:
            trace.inside -= 1
        trace.end(record)
        return returned

    flask.Flask.__call__ = traced_call  # type: ignore[method-assign]
    flask.Flask.wsgi_app = traced_application  # type: ignore[method-assign]
    trace_signals()


class Tracer:
    """Begins a trace where a server calls, and ends it where the server closes what it got."""

    def __init__(self, emit: Emit, watch: Watch | None) -> None:
        self._emit = emit
        self._watch = watch

    def outermost(self, call: Any, app: Any, environ: Any, start_response: Any) -> Any:
        """Call an application that nobody around it traces."""
        trace = Trace(environ, self._emit)
        if self._watch is not None:
            self._watch.begin(trace)
        token = CURRENT.set(trace)
        record = trace.begin("application", Location(app.import_name[:LONGEST]))
        try:
            returned = call(app, environ, start_response)
        except BaseException as error:
            trace.raised(record, error)
            self._over(trace, app)
            raise
        finally:
            CURRENT.reset(token)
        trace.end(record)
        return Body(returned, trace, lambda: self._over(trace, app))

    def _over(self, trace: Trace, app: Any) -> None:
        if self._watch is not None:
            self._watch.over(trace)
        note_skipped(trace, app)
        while trace.later:
            trace.later.pop()()
        trace.tell()


def _told(start_response: Any, trace: Trace) -> Any:
    def told(status: str, headers: Any, *rest: Any) -> Any:
        trace.mark("start_response", str(status))
        return start_response(status, headers, *rest)

    return told
