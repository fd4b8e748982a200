"""What a fault makes of the lab's apps. Runs in a child only."""

from __future__ import annotations

from collections.abc import Iterable

# Filled before the server loads an app.
HABITS: set[str] = set()


def prepare(habits: Iterable[str]) -> None:
    """Called in the server's first process, before the app is loaded."""
    HABITS.update(habits)
