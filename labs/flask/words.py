"""How the flask lab says things. Pure functions from what was traced to words."""

from __future__ import annotations

import os

from labctl.events import Hue
from labctl.serving.flask_trace_reading import Frame, Record, Skipped
from labs.words import count

# What a record is called on the screen; the rest are Flask's own words already.
CALLED = {
    "match": "match URL",
    "open_session": "session opened",
    "save_session": "session saved",
    "start_response": "status and fields",
    "item": "body",
    "sent": "body sent",
    "close": "response.close()",
    "error_handler": "errorhandler",
    "method": "own method",
    "inner_request": "another request",
}
HUES: dict[str, Hue] = {
    "view": "accent",
    "error_handler": "warn",
    "raised": "bad",
    "unhandled": "bad",
    "first byte": "ok",
}


def called(kind: str) -> str:
    """The name of a place."""
    return CALLED.get(kind, kind)


def number(ms: float) -> str:
    """Milliseconds without their unit, to three digits: 0.004, 0.27, 12.3, 507."""
    if ms < 0.0995:
        return f"{max(0.0, ms):.3f}"
    if ms < 9.995:
        return f"{ms:.2f}"
    return f"{ms:.1f}" if ms < 99.95 else f"{ms:,.0f}"


def place(file: str, line: int, folder: str) -> str:
    """`shop.py:34`: a file of the application's folder as seen from there, one of a library by its last two names."""
    if not file:
        return ""
    inside = os.path.relpath(file, folder) if folder and file.startswith(folder + os.sep) else ""
    if not inside or "site-packages" in inside or "dist-packages" in inside:
        inside = "/".join(file.replace("\\", "/").split("/")[-2:])
    return f"{inside}:{line}"


def where(found: Record | Skipped | Frame, folder: str) -> str:
    """`load_user shop.py:34`, as much of it as is known."""
    return " ".join(filter(None, (found.name, place(found.file, found.line, folder))))


def outcome(record: Record) -> str:
    """What is worth saying about how a function ended: "" for the usual."""
    notes = record.notes
    if notes.get("raised") and record.kind not in ("match", "item"):
        return f"raised {short(str(notes['raised']))}"
    if notes.get("left"):
        return "left by an exception"
    if record.kind == "match":
        return f"{notes['raised']}, raised later" if notes.get("raised") else ""
    if record.kind == "open_session":
        return _opened(notes.get("cookie"), notes.get("keys"))
    if record.kind == "save_session":
        return "Set-Cookie" if notes.get("cookies") else "nothing to save"
    if record.kind == "item":
        return count(notes.get("bytes", 0), "byte") + (
            f", raised {short(str(notes['raised']))}" if notes.get("raised") else ""
        )
    if record.kind == "unhandled":
        if notes.get("propagates"):
            return f"{notes.get('because') or 'PROPAGATE_EXCEPTIONS'}: it goes through to the server"
        return "becomes a 500"
    if record.kind == "sent":
        return f"{count(notes.get('bytes', 0), 'byte')} in {count(notes.get('items', 0), 'piece')}"
    returned = notes.get("returned")
    if returned and record.kind == "before_request":
        return f"returned {returned}: that is the response"
    if gave_none(record):
        return "returned None, which is no response"
    if returned == "str" and record.kind == "view":
        return ""
    if returned and record.kind in ("view", "error_handler", "after_request", "after_this_request"):
        return f"returned {returned}"
    return ""


def gave_none(record: Record) -> bool:
    """Whether a function that has to give a response gave None."""
    return record.notes.get("returned") == "NoneType" and record.kind in (
        "view",
        "after_request",
        "after_this_request",
        "error_handler",
    )


def short(text: str, most: int = 72) -> str:
    """The beginning of a long sentence, without the full stop at its end."""
    text = text.removesuffix(".")
    return text if len(text) <= most else f"{text[: most - 3].rstrip()}..."


def _opened(cookie: object, keys: object) -> str:
    if keys == -1:
        return "no SECRET_KEY: there is none"
    if not cookie:
        return "empty: no cookie came"
    return f"{keys} {'key' if keys == 1 else 'keys'}" if keys else "empty: the cookie was not accepted"
