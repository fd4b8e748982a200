"""When a session was opened and saved, and what came of it. Child side, stdlib only."""

from __future__ import annotations

from typing import Any

from labctl.serving.flask_trace_places import LONGEST, Location
from labctl.serving.flask_trace_records import CURRENT, NOTES

_DONE = "_labctl_traced"


def trace_sessions(sessions: Any) -> None:
    """Replace the two methods on a session interface, once. One with slots is left alone."""
    if not hasattr(sessions, "__dict__") or _DONE in vars(sessions):
        return
    opening, saving = sessions.open_session, sessions.save_session
    where = Location(type(sessions).__name__[:LONGEST])

    def open_session(app: Any, request: Any) -> Any:
        trace = CURRENT.get()
        if trace is None:
            return opening(app, request)
        record = trace.begin("open_session", where)
        try:
            session = opening(app, request)
        except BaseException as error:
            trace.raised(record, error)
            raise
        cookie = request.cookies.get(app.config.get("SESSION_COOKIE_NAME", "session"))
        keys = len(session) if hasattr(session, "__len__") else -1
        record[NOTES].update(cookie=bool(cookie), keys=keys)
        trace.end(record)
        return session

    def save_session(app: Any, session: Any, response: Any) -> Any:
        trace = CURRENT.get()
        if trace is None:
            return saving(app, session, response)
        record = trace.begin("save_session", where)
        before = _cookies_of(response)
        try:
            result = saving(app, session, response)
        except BaseException as error:
            trace.raised(record, error)
            raise
        record[NOTES]["cookies"] = _cookies_of(response) - before
        trace.end(record)
        return result

    sessions.open_session, sessions.save_session = open_session, save_session
    setattr(sessions, _DONE, True)


def _cookies_of(response: Any) -> int:
    """How many cookies it sets; 0 for what is no response, which an after_request function may have returned."""
    headers: Any = getattr(response, "headers", None)
    return len(headers.getlist("Set-Cookie")) if hasattr(headers, "getlist") else 0
