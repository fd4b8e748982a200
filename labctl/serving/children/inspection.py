"""Look at an application without serving it: what it is, how long its import takes, what it starts besides."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping

from labctl.serving.children.job import Job, started, tell
from labctl.serving.children.loading import find
from labctl.serving.children.looking import is_asgi, is_flask, takes


def serve(job: Job, settings: Mapping[str, object]) -> None:
    """Tell "inspected" and end at once. Raises CannotServe."""
    started("")
    before = time.monotonic()
    found, app = find(job)
    import_ms = (time.monotonic() - before) * 1000
    tell("loaded", load_ms=import_ms)
    kind = "flask" if is_flask(app) else "asgi" if is_asgi(app) else "wsgi"
    if not callable(app) or (kind == "wsgi" and takes(app, 2) is False):
        kind = "none"
    of = app if hasattr(app, "__qualname__") else type(app)
    tell(
        "inspected",
        app=kind,
        name=f"{of.__module__}.{of.__qualname__}".removeprefix("builtins."),
        target=f"{job.module}:{found}",
        value=repr(app)[:120],
        import_ms=import_ms,
        threads=[each.name for each in threading.enumerate() if each is not threading.main_thread()],
        children=_children(),
    )
    # Whatever the application has started: nobody waits for it.
    os._exit(0)


def _children() -> int:
    """Processes that were started from here and still run; 0 where the system does not say."""
    count = 0
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children", encoding="ascii") as file:
                count += len(file.read().split())
    except OSError:
        return count
    return count
