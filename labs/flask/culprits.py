"""Which functions of the application made an answer fail: those that raised, and those that gave no response."""

from __future__ import annotations

from labctl.serving.flask_trace_reading import Record, Request
from labs.flask.picture import HOOKS
from labs.flask.words import gave_none, short

_MOST = 2


def failures(request: Request) -> list[str]:
    """`gate raised ValueError: no`, in their order, the first two. The same one again is no news: Flask calls
    after_request for the error page as well. What one function let through is the other one's.
    """
    found: dict[tuple[str, str, int], str] = {}
    for record in request.records:
        said = _said(record)
        if said and not _went_through(record, request):
            found.setdefault((record.name, record.file, record.line), said)
    told = list(found.values())[:_MOST]
    return [f"then {each}" if at else each for at, each in enumerate(told)]


def _said(record: Record) -> str:
    if record.kind not in (*HOOKS, "item"):
        return ""
    name = record.name or record.kind
    if record.notes.get("raised"):
        return f"{name} raised {short(str(record.notes['raised']))}"
    if gave_none(record):
        return f"{name} returned None, which is no response"
    return ""


def _went_through(record: Record, request: Request) -> bool:
    """Whether the exception came from another function of the application, inside of this one."""
    raised = record.notes.get("raised")
    return bool(raised) and any(
        each.kind in HOOKS
        and each.depth > record.depth
        and each.began_ms >= record.began_ms
        and each.took_ms <= record.took_ms
        and each.notes.get("raised") == raised
        for each in request.records
    )
