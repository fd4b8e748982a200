"""What one request did, record by record, and how it is told. Child side, stdlib only.

A record is a list that goes to the parent as it is:
[kind, name, file, line, scope, began_us, ended_us (-1: never), depth, notes]; times since the request began.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from labctl.serving.flask_trace_places import LONGEST, Location, raised_at, stack_of

Emit = Callable[[str, dict[str, Any]], None]
# So many records of one kind are kept of a request; a loop in a view may render a million templates.
MOST = 60
# An event is one line of a pipe, and at most 4096 bytes so that it arrives whole.
_EVENT_BYTES = 3000
BEGAN, ENDED, NOTES = 5, 6, 8

CURRENT: ContextVar[Trace | None] = ContextVar("labctl.flask_trace", default=None)
_numbers = iter(range(1, 1 << 62))


class Trace:
    """The records of one request, from the call of the application to close() of what it returned."""

    def __init__(self, environ: dict[str, Any], emit: Emit) -> None:
        self.number = next(_numbers)
        self.method = str(environ.get("REQUEST_METHOD", ""))[:20]
        self.path = str(environ.get("PATH_INFO", ""))[:LONGEST]
        self.thread = threading.get_ident()
        self.records: list[list[Any]] = []
        self.facts: dict[str, Any] = {}
        self.ran: set[tuple[str, int]] = set()
        # How many calls of Flask.wsgi_app are under way: an application may call another one, or itself.
        self.inside = 0
        self.entered = False
        self.matched = False
        self.later: list[Callable[[], None]] = []
        self.response: Any = None
        self.lost = 0
        self._counts: dict[str, int] = {}
        self._open: list[list[Any]] = []
        self._emit = emit
        self._told = False
        self.began_ns = time.monotonic_ns()

    def now(self) -> float:
        """Microseconds since the request began."""
        return (time.monotonic_ns() - self.began_ns) / 1000

    def begin(self, kind: str, where: Location, scope: str = "") -> list[Any]:
        """A record that has begun."""
        name, file, line = where
        record = [kind, name, file, line, scope, self.now(), -1, len(self._open), {}]
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        if count <= MOST:
            self.records.append(record)
        else:
            self.lost += 1
        self._open.append(record)
        return record

    def end(self, record: list[Any]) -> None:
        """It is over, and with it whatever began inside of it and never said that it ended."""
        record[ENDED] = self.now()
        # By identity: two records may well say the same.
        if any(each is record for each in self._open):
            while (inner := self._open.pop()) is not record:
                inner[ENDED] = record[ENDED]
                inner[NOTES]["left"] = True

    def forget(self, record: list[Any]) -> None:
        """It began nothing after all."""
        self.end(record)
        if self.records and self.records[-1] is record:
            self.records.pop()

    def raised(self, record: list[Any], error: BaseException) -> None:
        """It ended with an exception."""
        record[NOTES]["raised"] = named(error)
        at = raised_at(error.__traceback__)
        record[NOTES]["raised_at"] = [at.file, at.line]
        self.end(record)

    def note(self, **facts: Any) -> None:
        """Facts of the request, and not of another one that is made inside of it."""
        if self.inside <= 1:
            self.facts.update(facts)

    def mark(self, kind: str, name: str = "", **notes: Any) -> list[Any]:
        """A moment."""
        record = self.begin(kind, Location(name[:LONGEST]))
        record[NOTES].update(notes)
        self.end(record)
        return record

    def open_record(self, kind: str) -> list[Any] | None:
        """The innermost record of this kind that is under way."""
        return next((r for r in reversed(self._open) if r[0] == kind), None)

    def tell(self) -> None:
        """Everything to the parent, once, in pieces of a line each."""
        if self._told:
            return
        self._told = True
        if self.lost:
            self.facts["lost"] = self.lost
        self._send()
        self._emit("flask-end", {"request": self.number})

    def tell_stuck(self) -> None:
        """Where the request is now, and what it did so far."""
        self._send()
        frames = [list(frame) for frame in stack_of(self.thread)]
        while len(json.dumps(frames)) > _EVENT_BYTES:
            frames.pop()
        self._emit("flask-stuck", {"request": self.number, "after_ms": self.now() / 1000, "frames": frames})

    def _send(self) -> None:
        self._emit(
            "flask-begin",
            {
                "request": self.number,
                "method": self.method,
                "path": self.path,
                "began_ns": self.began_ns,
                "thread": self.thread,
            },
        )
        batch: list[list[Any]] = []
        size = 0
        for record in list(self.records):
            length = _length(record)
            if batch and size + length > _EVENT_BYTES:
                self._emit("flask-part", {"request": self.number, "records": batch})
                batch, size = [], 0
            batch.append(record)
            size += length
        if batch:
            self._emit("flask-part", {"request": self.number, "records": batch})
        for name, value in list(self.facts.items()):
            self._emit("flask-fact", {"request": self.number, "name": name, "value": value})


def _length(record: list[Any]) -> int:
    """About as many bytes as a record has in JSON, rather more. To write it twice would cost more than the rest."""
    text = f"{record[1]}{record[2]}{record[4]}{record[NOTES] or ''}"
    return 80 + len(text) if text.isascii() else 80 + 6 * len(text)


def named(error: BaseException) -> str:
    """`ValueError: db down`, its first line, cut; of an HTTPException `NotFound: 404`."""
    code = getattr(error, "code", None)
    if isinstance(code, int) and hasattr(error, "get_response"):
        return f"{type(error).__name__}: {code}"
    try:
        text = str(error).strip().partition("\n")[0]
    except Exception:
        text = "(its text cannot be made)"
    return f"{type(error).__name__}: {text}"[:LONGEST] if text else type(error).__name__
