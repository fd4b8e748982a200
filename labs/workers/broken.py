"""The lab's faults where they are made: in the child, before gunicorn forks. Nothing of this runs in labctl itself.

`prepare` gets the habits that a fault switches on, and changes classes of gunicorn or of the lab's application.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labs.workers.broken_application import APPLICATION
from labs.workers.broken_master import MASTER
from labs.workers.broken_workers import WORKERS

CHANGES: Mapping[str, Callable[[], None]] = {**MASTER, **WORKERS, **APPLICATION}


def prepare(habits: frozenset[str]) -> None:
    """Make each of these habits true in this process and in what it forks."""
    for habit in habits:
        if habit in CHANGES:
            CHANGES[habit]()
