"""Events of a job on a terminal (a bar), on a pipe (a line each), or as lines of JSON."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from labctl.cli.page import Page

SCHEMA = "labctl/jobs/1"


class Screen(Protocol):
    """`opened` is told with the id after which it goes on, "" at the beginning."""

    def event(self, number: str, kind: str, data: str) -> None: ...
    def opened(self, last: str) -> None: ...
    def lost(self, why: str, wait_s: float) -> None: ...
    def ended(self, status: str) -> None: ...


@contextlib.contextmanager
def shown(job: str, jsonl: bool) -> Iterator[Screen]:
    """The screen for this stdout."""
    if jsonl:
        yield _Json(job)
    elif Page().plan.styled and sys.stdout.isatty():
        with _Bar() as bar:
            yield bar
    else:
        yield _Lines()


class _Json:
    def __init__(self, job: str) -> None:
        self._job = job

    def event(self, number: str, kind: str, data: str) -> None:
        self._say(
            "event",
            id=int(number) if number.isascii() and number.isdigit() else None,
            type=kind,
            data=_read(data),
        )

    def opened(self, last: str) -> None:
        self._say("opened", last_event_id=last)

    def lost(self, why: str, wait_s: float) -> None:
        self._say("lost", why=why, wait_s=round(wait_s, 3))

    def ended(self, status: str) -> None:
        self._say("ended", status=status)

    def _say(self, kind: str, **more: Any) -> None:
        _write(json.dumps({"schema": SCHEMA, "kind": kind, "job_id": self._job, **more}))


class _Lines:
    def event(self, number: str, kind: str, data: str) -> None:
        _write(sentence(number, kind, _read(data)))

    def opened(self, last: str) -> None:
        if last:
            _write(f"The stream goes on after event {last}.")

    def lost(self, why: str, wait_s: float) -> None:
        _write(f"The connection is lost ({_clean(why)}). Again in {wait_s:.1f} s.")

    def ended(self, status: str) -> None:
        _write(f"There is nothing more: the job is {_clean(status)}.")


class _Bar:
    """A bar of rich's; what is not progress stands above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("  {task.description}"),
            BarColumn(40),
            TaskProgressColumn(),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=Console(highlight=False), transient=False)
        self._task = self._progress.add_task("queued", total=100)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def event(self, number: str, kind: str, data: str) -> None:
        told = _read(data)
        percent = told.get("percent")
        if kind == "progress" and isinstance(percent, (int, float)):
            self._progress.update(self._task, completed=percent, description=f"event {_clean(number)}")
        elif kind == "done":
            self._progress.update(self._task, completed=100, description="done")
        elif kind == "started":
            self._progress.update(self._task, description="started")
        else:
            self._progress.update(self._task, description=_clean(kind))
            self._above(sentence(number, kind, told))

    def opened(self, last: str) -> None:
        if last:
            self._above(f"The stream goes on after event {last}.")

    def lost(self, why: str, wait_s: float) -> None:
        self._above(
            f"The connection is lost ({_clean(why)}). Again in {wait_s:.1f} s. The job does not notice."
        )

    def ended(self, status: str) -> None:
        self._progress.update(self._task, description=_clean(status))

    def _above(self, line: str) -> None:
        from rich.text import Text

        self._progress.console.print(Text("  " + line))


def sentence(number: str, kind: str, data: Mapping[str, Any]) -> str:
    """One event in a line."""
    who = f"Event {_clean(number)}: " if number else ""
    if kind == "progress" and "percent" in data:
        step, of = data.get("step"), data.get("steps")
        # Steps are numbered from 0; a person counts from 1.
        steps = f", step {step + 1} of {of}" if isinstance(step, int) and of is not None else ""
        return _clean(f"{who}progress {data['percent']}%{steps}.")
    why = data.get("error") or data.get("message") or data.get("why") or ""
    return _clean(f"{who}{kind}" + (f": {str(why).rstrip('.')}" if why else "") + ".")


def _read(data: str) -> dict[str, Any]:
    """The JSON object of an event; {} for anything else."""
    with contextlib.suppress(ValueError):
        told = json.loads(data)
        if isinstance(told, dict):
            return told
    return {}


def _clean(text: str) -> str:
    """Text of a server: nothing that moves a cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
