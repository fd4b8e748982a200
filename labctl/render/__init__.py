"""Showing runs. Renderers never measure, labs never print. Each form is imported when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from labctl.play import Renderer
    from labctl.render.mode import Plan
    from labctl.render.waiting import Waiting


def make(
    plan: Plan, stream: IO[str], *, command: str, stderr: IO[str] | None = None, at_once: bool = False
) -> Renderer:
    """The renderer of a plan; `command` is the command line as one types it, with or without `labctl`.

    The rich form needs room for diagrams; where there is none its place is taken by sentences. While an
    answer is awaited the seconds tick on `stderr` (default: this process's), when the plan wants that.
    `at_once` shows each message when it comes, instead of waiting a moment for what belongs to it: for a
    pace that is not the run's own.
    """
    if plan.format == "json":
        from labctl.render.json_lines import JsonRenderer

        return JsonRenderer(stream)
    if plan.format == "jsonl":
        from labctl.render.json_lines import JsonLinesRenderer

        return JsonLinesRenderer(stream)
    if plan.format == "rich" and plan.diagrams:
        from labctl.render.rich_renderer import RichRenderer

        waiting = _waiting(plan, stderr)
        return RichRenderer(plan, stream, command=command, waiting=waiting, at_once=at_once)
    from labctl.render.plain import PlainRenderer

    return PlainRenderer(plan, stream, command=command, waiting=_waiting(plan, stderr), at_once=at_once)


def junit(path: str | Path) -> Renderer:
    """A renderer that writes a JUnit XML file at the end."""
    from labctl.render.junit_report import JUnitRenderer

    return JUnitRenderer(Path(path))


def _waiting(plan: Plan, stderr: IO[str] | None) -> Waiting | None:
    if plan.progress != "bar":
        return None
    import sys

    from labctl.render.waiting import Waiting

    return Waiting(plan, stderr or sys.stderr)
