"""What came of a request: the route, the response, and what the application printed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from labctl.events import Event, Row
from labctl.serving.flask_trace_reading import Request
from labs.telling import about, table
from labs.words import count, listed

if TYPE_CHECKING:
    from labctl.serving.asking import Answer

# What faulthandler writes stands in the error, in fewer words.
DUMP = re.compile(r"^(?:Timeout \(|Fatal Python error: )", re.MULTILINE)
_FIELDS, _BODY, _LINES, _COLUMNS = 20, 160, 10, 200


def route_said(request: Request) -> Iterator[Event]:
    """Which route matched, or why none did."""
    facts = request.facts
    route = facts.get("route")
    if route:
        arguments = ", ".join(f"{name} = {value}" for name, value in route.get("arguments", {}).items())
        methods = ", ".join(route.get("methods", ()))
        tail = f", with {arguments}" if arguments else ""
        yield about("route", f"{methods} {route['rule']} is the endpoint {route['endpoint']}{tail}.")
        return
    if facts.get("allowed"):
        yield about(
            "no route", f"for {request.method}; {request.path} is there for {listed(facts['allowed'])}: 405."
        )
    elif facts.get("redirect"):
        yield about("no route", f"without the slash at its end: a redirect to {facts['redirect']}.")
    elif "near" in facts:
        near = [f"{' '.join(methods)} {rule}".strip() for rule, methods in facts["near"]]
        yield about("no route", f"matches {request.path}. The nearest: {listed(near)}.")


def response_table(answer: Answer, id: str) -> Iterator[Event]:
    """Status line, fields and the beginning of the body."""
    rows = [_row("status", f"{answer.status} {answer.reason}".strip())]
    rows += [_row(name, value) for name, value in answer.fields[:_FIELDS]]
    if len(answer.fields) > _FIELDS:
        rows.append(_row("", f"and {len(answer.fields) - _FIELDS} more fields"))
    text = " ".join(answer.text[: _BODY * 4].split())
    shown = text if len(text) <= _BODY else f"{text[:_BODY]}..."
    size = f"{count(len(answer.body), 'byte')}{' so far' if answer.failure else ''}"
    rows.append(_row("body", f"{size}: {shown}" if answer.body else "none"))
    yield table(f"{id}.response", "The response", ("", ""), rows, named=False)


def _row(name: str, value: str) -> Row:
    cut = value if len(value) <= _COLUMNS else f"{value[:_COLUMNS]}..."
    return Row(f"{name or 'And'}: {cut}", (name, cut), hues=("mute", ""))


def printed(log: str, before: str, folder: str) -> Iterator[Event]:
    """What the application printed during a request, the last lines of it. Of a traceback its own frames are left."""
    # The log keeps its last part only: where the old one ends may be out of sight.
    fresh = log[len(before) :] if log.startswith(before) else log
    lines = [line[:_COLUMNS] for line in _own_lines(DUMP.split(fresh)[0], folder)]
    if not lines:
        return
    note = f"the last {_LINES} of {len(lines)} lines" if len(lines) > _LINES else ""
    rows = [Row(f"It printed: {line.strip()}", (line,), hues=("mute",)) for line in lines[-_LINES:]]
    yield table("printed", "What it printed", ("",), rows, note, named=False)


def _own_lines(log: str, folder: str) -> Iterator[str]:
    """The lines, without the frames of libraries, their source, and the marks under it."""
    inside = True
    for line in filter(str.strip, log.splitlines()):
        if line.startswith('  File "'):
            file = line.partition('"')[2].partition('"')[0]
            inside = file.startswith(folder + os.sep) and "site-packages" not in file
        elif not line.startswith("    "):
            inside = True
        elif set(line) <= set(" ^~"):
            continue
        if inside:
            yield line
