"""A real waitress: one process, a pool of threads, and a main thread that reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Any

from labctl.serving.children.job import Job, missing, started, tell
from labctl.serving.children.loading import load


def serve(job: Job, settings: Mapping[str, object]) -> None:
    """Serve until a signal ends it. Raises CannotServe. `threads` 1 stays 1; waitress itself would take 4."""
    try:
        waitress: Any = import_module("waitress")
    except ImportError as problem:
        raise missing("waitress", problem) from None
    started(f"waitress {version('waitress')}")
    server = waitress.create_server(
        load(job), sockets=[job.listener()], threads=max(job.threads, 1), backlog=job.backlog or 1024
    )
    tell("booted")
    server.run()
