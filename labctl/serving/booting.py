"""Wait until a server is ready, and say what is wrong when it will not be."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable

from labctl.children import Kept
from labctl.errors import CannotRun
from labctl.serving import refusals
from labctl.serving.application import App
from labctl.serving.child_events import ChildEvent
from labctl.serving.children.job import WHERE
from labctl.serving.hearing import Hearing

Done = Callable[[list[ChildEvent]], bool]
_POLL_S = 0.25
# A traceback is written line by line, and nothing marks its end.
_QUIET_S = 0.05
_TRACEBACK_S = 1.0


class Boot:
    """One start. `deadline` is in time.monotonic(), `limit_s` the whole that it allows."""

    def __init__(
        self, app: App, kind: str, process: Kept, hearing: Hearing, deadline: float, limit_s: float
    ) -> None:
        self._app = app
        self._kind = kind
        self._process = process
        self._hearing = hearing
        self._deadline = deadline
        self._limit_s = limit_s

    def wait(self, workers: int) -> None:
        """Until so many processes are ready. Raises CannotRun."""
        self.until(lambda events: _ready(events) >= workers)

    def until(self, done: Done) -> None:
        """Until `done` says so of all events so far. They stay with the hearing. Raises CannotRun."""
        over = False
        while True:
            left = self._deadline - time.monotonic()
            wait_s = 0 if over else min(_POLL_S, max(left, 0))
            reached = self._hearing.wait_for(lambda events: _reached(events, done), wait_s)
            if reached is not None:
                if reached.kind == "failed":
                    raise refusals.of_event(self._app, self._kind, reached)
                if reached.kind == "gone":
                    raise self._ended_while_loading(reached)
                return
            if over:
                raise self._ended()
            if self._process.poll() is not None or (self._hearing.deaf and self._gone(left)):
                # All its processes are gone. One more look: what they told is complete then.
                self._hearing.close()
                over = True
            elif left <= 0:
                raise self._too_long()

    def _gone(self, left: float) -> bool:
        try:
            self._process.wait(max(left, 0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _ended_while_loading(self, gone: ChildEvent) -> CannotRun:
        return self._exited(gone.data.get("status"), int(gone.data.get("signal", 0)))

    def _exited(self, status: object, number: int) -> CannotRun:
        at = [event.data.get("at", ()) for event in self._hearing.untaken() if event.kind == "leaving"]
        return refusals.exited(self._app, status, number, at[0] if at else (), self._hearing.log())

    def _ended(self) -> CannotRun:
        status = self._process.returncode
        kinds = [event.kind for event in self._hearing.untaken()]
        if "loading" in kinds and "loaded" not in kinds:
            return self._exited(max(status, 0), max(-status, 0))
        if not kinds:
            return refusals.unusable(self._app, status, self._hearing.log())
        return refusals.server_ended(self._kind, status, self._hearing.log())

    def _too_long(self) -> CannotRun:
        loading = _loading(self._hearing.untaken())
        if not loading:
            return refusals.server_hangs(self._kind, self._limit_s, self._hearing.log())
        printed = self._hearing.log()
        with contextlib.suppress(OSError):
            os.kill(loading[-1], WHERE)
            self._hearing.listen_until_quiet(_QUIET_S, _TRACEBACK_S)
        return refusals.hangs(self._app, self._limit_s, self._hearing.log().removeprefix(printed), printed)


def _loading(events: list[ChildEvent]) -> list[int]:
    """The processes that are importing the application."""
    found: dict[int, None] = {}
    for event in events:
        if event.kind == "loading":
            found[event.pid] = None
        elif event.kind in ("loaded", "gone"):
            found.pop(event.pid, None)
    return list(found)


def _ready(events: list[ChildEvent]) -> int:
    """How many processes have booted and are not gone."""
    gone = {event.pid for event in events if event.kind == "gone"}
    return len({event.pid for event in events if event.kind == "booted"} - gone)


def _reached(events: list[ChildEvent], done: Done) -> ChildEvent | None:
    """What decides: a failure, a process that ended while it imported the application, or being done."""
    loading: set[int] = set()
    for event in events:
        if event.kind == "failed" or (event.kind == "gone" and event.pid in loading):
            return event
        if event.kind == "loading":
            loading.add(event.pid)
        elif event.kind == "loaded":
            loading.discard(event.pid)
    return events[-1] if events and done(events) else None
