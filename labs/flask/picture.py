"""One request as a picture: everything that ran, in its order, with its times, and what did not run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Row
from labctl.serving.flask_trace_reading import Record, Request
from labs.flask.stage import Seen
from labs.flask.words import HUES, called, gave_none, number, outcome, place, short, where
from labs.telling import table

# Moments that say nothing a learner asks for, and functions of Flask's own.
_HIDDEN = ("application", "flask")
_OF_FLASK = ("context_processor",)
# Of what happens again and again so many are shown.
_FEW = 4
COLUMNS = ("ms", "took", "what runs", "of", "function")
HOOKS = (
    "url_value_preprocessor",
    "before_request",
    "view",
    "error_handler",
    "after_this_request",
    "after_request",
    "teardown_request",
    "teardown_appcontext",
    "call_on_close",
)


class _Line(NamedTuple):
    at_ms: float
    row: Row


def picture(seen: Seen, folder: str, *, id: str = "order", title: str = "") -> Iterator[Event]:
    """The table of a traced request. `folder` is where the application's files are."""
    request = seen.traced
    if request is None:
        return
    shown = [record for record in request.records if _is_shown(record, request)]
    lines = [_Line(r.began_ms, _row(r, request, folder, more)) for r, more in _grouped(shown)]
    if seen.answer.status:
        lines.append(_Line(seen.first_byte_ms, _moment(seen.first_byte_ms, "first byte", "at the client")))
    # A stable order: what began at the same microsecond stays as it was told.
    lines.sort(key=lambda line: line.at_ms)
    rows = [line.row for line in lines]
    for skipped in reversed(request.skipped):
        if skipped.kind == "url_value_preprocessor" and request.first("match") is None:
            continue
        rows.insert(_slot(rows, skipped.kind), _skipped(skipped.kind, skipped.scope, where(skipped, folder)))
    yield table(id, title or f"{request.method} {request.path}", COLUMNS, rows)
    lost = request.facts.get("lost")
    if lost:
        from labs.telling import warning

        yield warning(f"{lost:,} more records are left out.")


def _is_shown(record: Record, request: Request) -> bool:
    if record.kind in _HIDDEN or (record.kind == "sent" and record.notes.get("items", 0) < 2):
        return False
    if record.kind == "raised" and _follows(record, request):
        return False
    return not (record.kind in _OF_FLASK and "/flask/" in record.file.replace("\\", "/"))


def _follows(record: Record, request: Request) -> bool:
    """Whether the function that raised it says so itself."""
    return any(
        r.notes.get("raised") == record.name and r.kind in (*HOOKS, "method") and _before(r, record)
        for r in request.records
    )


def _was_told(record: Record, request: Request) -> bool:
    """Whether an exception that nobody handled stands in the picture already."""
    return any(
        record.name in (r.notes.get("raised"), r.name if r.kind == "raised" else "") and _before(r, record)
        for r in request.records
    )


def _before(first: Record, second: Record) -> bool:
    return first.ended_ms is not None and first.ended_ms <= second.began_ms


def _scope(record: Record) -> str:
    if record.kind == "view":
        return record.scope.rpartition(".")[0] or "app"
    if record.kind in ("error_handler", "signal", "method"):
        return record.scope
    if record.kind in HOOKS[:2] or record.kind in ("after_request", "teardown_request", "context_processor"):
        return record.scope or "app"
    return "app" if record.kind == "teardown_appcontext" else ""


def _grouped(records: list[Record]) -> Iterator[tuple[Record, int]]:
    """Each record with how many like it follow: a template in a loop, pieces of a body. A few stand as they are."""
    start = 0
    while start < len(records):
        first, end = records[start], start + 1
        while end < len(records) and _alike(first, records[end]):
            end += 1
        if end - start > _FEW and not any(r.notes.get("raised") for r in records[start:end]):
            yield first, end - start - 1
        else:
            yield from ((each, 0) for each in records[start:end])
        start = end


def _alike(one: Record, other: Record) -> bool:
    return (one.kind, one.name, one.file, one.depth) == (other.kind, other.name, other.file, other.depth)


def _row(record: Record, request: Request, folder: str, more: int) -> Row:
    inner = max(0, record.depth - _ground(request))
    said = outcome(record)
    what = called(record.kind)
    function = where(record, folder)
    if record.kind == "match":
        function = str(record.notes.get("rule", "no route"))
    elif record.kind in ("open_session", "save_session"):
        function = ""
    elif record.kind in ("start_response", "template", "raised", "unhandled"):
        # What a function raised stands beside the function already.
        function = "" if record.kind == "unhandled" and _was_told(record, request) else short(record.name)
    raised_at = record.notes.get("raised_at")
    if raised_at and raised_at[0] and record.kind in HOOKS:
        said += f" at {place(str(raised_at[0]), int(raised_at[1]), folder)}"
    told = ": ".join(filter(None, (function, said)))
    if more:
        told += f", and {more:,} more like it"
    scope = _scope(record)
    wrong = (record.notes.get("raised") and record.kind != "match") or gave_none(record)
    hue: Hue = "bad" if wrong else HUES.get(record.kind, "")
    ended = "" if record.ended_ms is None else number(record.took_ms)
    moment = record.kind in ("start_response", "raised", "unhandled", "sent")
    of = f" of {scope}" if scope else ""
    text = f"{number(record.began_ms)} ms: {what}{of}" + (f", {told}" if told else "")
    text += "." if moment else f", {ended} ms." if ended else ", and it does not end."
    return Row(
        text,
        (
            number(record.began_ms),
            "" if moment else ended or "never",
            "  " * inner + what,
            scope,
            told,
        ),
        hues=("mute", "mute", hue, "mute", hue if hue in ("bad", "warn") else ""),
        data={
            "kind": record.kind,
            "name": record.name,
            "file": record.file.rpartition("/")[2],
            "scope": record.scope,
        },
    )


def _ground(request: Request) -> int:
    """The depth of what Flask calls itself."""
    flask = request.first("flask")
    return flask.depth + 1 if flask is not None else 0


def _moment(at_ms: float, what: str, told: str) -> Row:
    return Row(
        f"{number(at_ms)} ms: {what} {told}.",
        (number(at_ms), "", what, "", told),
        hues=("mute", "mute", HUES.get(what, ""), "mute", HUES.get(what, "")),
        bold=(2,),
        data={"kind": what},
    )


def _skipped(kind: str, scope: str, function: str) -> Row:
    of = (scope.rpartition(".")[0] if kind == "view" else scope) or "app"
    return Row(
        f"Skipped: {called(kind)} of {of}, {function}.",
        ("──", "", called(kind), of, f"{function}: skipped"),
        hues=("mute", "mute", "mute", "mute", "mute"),
        data={"kind": kind, "skipped": True},
    )


def _slot(rows: list[Row], kind: str) -> int:
    """Where a function that did not run would have: behind the last of its kind or of what comes before it."""
    order = ("match", *HOOKS)
    before = order[: order.index(kind) + 1] if kind in order else order
    behind = [
        i for i, row in enumerate(rows) if row.data.get("kind") in before and not row.data.get("skipped")
    ]
    return behind[-1] + 1 if behind else 0
