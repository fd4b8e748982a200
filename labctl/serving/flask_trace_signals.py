"""Templates, and receivers of signals. Child side, stdlib and Flask.

`send` of Flask's signals is replaced on the signal objects. Rendering is between two signals: before_render_template
and template_rendered.
"""

from __future__ import annotations

from typing import Any

from labctl.serving.flask_trace_places import LONGEST, Location, locate
from labctl.serving.flask_trace_records import CURRENT

SIGNALS = (
    "request_started",
    "request_finished",
    "request_tearing_down",
    "got_request_exception",
    "appcontext_pushed",
    "appcontext_popped",
    "appcontext_tearing_down",
    "message_flashed",
)


def trace_signals() -> None:
    """Note who receives a signal and how long that takes, and which templates are rendered."""
    import flask

    for name in SIGNALS:
        signal = getattr(flask, name, None)
        # Before Flask 2.3 a signal without blinker is an object that only looks like one.
        if hasattr(signal, "receivers"):
            _trace(signal, name)
    began, ended = getattr(flask, "before_render_template", None), getattr(flask, "template_rendered", None)
    if began is not None and ended is not None:
        _trace_rendering(began, ended)


def _trace(signal: Any, name: str) -> None:
    send = signal.send

    def traced(*given: Any, **named: Any) -> Any:
        trace = CURRENT.get()
        if trace is None or not signal.receivers:
            return send(*given, **named)
        receivers = list(signal.receivers_for(given[0] if given else None))
        if not receivers:
            return send(*given, **named)
        record = trace.begin("signal", locate(receivers[0]), name)
        try:
            return send(*given, **named)
        except BaseException as error:
            trace.raised(record, error)
            raise
        finally:
            trace.end(record)

    signal.send = traced


def _trace_rendering(began: Any, ended: Any) -> None:
    send_began, send_ended = began.send, ended.send

    def before(*given: Any, **named: Any) -> Any:
        result = send_began(*given, **named)
        trace = CURRENT.get()
        if trace is not None:
            template = named.get("template")
            name = getattr(template, "name", None) or "a string"
            trace.begin("template", Location(str(name)[:LONGEST]))
        return result

    def after(*given: Any, **named: Any) -> Any:
        trace = CURRENT.get()
        record = trace.open_record("template") if trace is not None else None
        if trace is not None and record is not None:
            trace.end(record)
        return send_ended(*given, **named)

    began.send, ended.send = before, after
