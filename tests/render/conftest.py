"""Makes the example run importable (tests are imported by path), and helps to render it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from example_walk import lesson, run_of

from labctl.events import Event
from labctl.play import Run
from labctl.render import make
from labctl.render.mode import Flags, Plan, Streams, resolve

COLOUR = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


def plan_of(width: int = 80, env: dict[str, str] | None = None, **flags: object) -> Plan:
    """A plan for a terminal of this width, without colour unless asked for."""
    flags = {"width": width, "color": "never", **flags}
    return resolve(Flags(**flags), Streams(True, True, True, "utf-8", width), env or COLOUR)  # type: ignore[arg-type]


def rendered(plan: Plan, events: list[Event] | None = None, run: Run | None = None) -> str:
    """What a renderer prints of a run."""
    events = lesson() if events is None else events
    run = run or run_of(events)
    out = io.StringIO()
    renderer = make(plan, out, command=run.command, stderr=io.StringIO())
    renderer.begin(run)
    for event in events:
        renderer.show(event)
    renderer.end(run)
    return out.getvalue()


@pytest.fixture
def show() -> Callable[..., str]:
    """Render the example run for a terminal of some width."""

    def one(
        width: int = 80, events: list[Event] | None = None, run: Run | None = None, **flags: object
    ) -> str:
        return rendered(plan_of(width, **flags), events, run)  # type: ignore[arg-type]

    return one
