"""What happens in the child before one of the lab's applications is imported: a changed Flask, and the tracer."""

from __future__ import annotations

HABITS: frozenset[str] = frozenset()


def prepare(habits: frozenset[str]) -> None:
    """Change Flask as the habits say, then trace it."""
    global HABITS
    HABITS = habits
    if habits:
        from labs.flask.apps.changed_flask import change

        change(habits)
    from labctl.serving.flask_trace_prepare import prepare as trace

    trace(habits)
