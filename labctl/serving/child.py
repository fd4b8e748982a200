"""The child of a job: `children/start.py` under a keeper, heard by a thread of ours."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labctl import children
from labctl.errors import CannotRun
from labctl.serving.application import App
from labctl.serving.hearing import Hearing

_SCRIPT = str(Path(__file__).with_name("children") / "start.py")
# What would speak to these servers besides us.
_NOT_OURS = (
    "GUNICORN_CMD_ARGS",
    "WEB_CONCURRENCY",
    "WERKZEUG_RUN_MAIN",
    "WERKZEUG_SERVER_FD",
    "LISTEN_FDS",
    "LISTEN_PID",
    "GUNICORN_FD",
    "GUNICORN_PID",
)


def start_child(
    app: App,
    job: Mapping[str, Any],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    fds: Sequence[int] = (),
) -> tuple[children.Kept, Hearing]:
    """The child of a job, and who hears it. Raises CannotRun python-unusable when it cannot be started."""
    if os.name != "posix":
        raise CannotRun(
            "needs-posix", "real servers as children need a Unix: Linux, macOS, or WSL on Windows"
        )
    hearing = Hearing()
    environment = {**os.environ, "LABCTL_EVENTS": str(hearing.events_fd), **(env or {})}
    for name in _NOT_OURS:
        environment.pop(name, None)
    try:
        process = children.keep(
            [app.python, "-u", _SCRIPT, json.dumps(job)],
            stdout=hearing.log_fd,
            stderr=hearing.log_fd,
            env=environment,
            cwd=cwd,
            pass_fds=(hearing.events_fd, *fds),
        )
    except OSError as problem:
        hearing.child_has_them()
        hearing.close()
        raise CannotRun(
            "python-unusable",
            f"{app.python} cannot be started",
            evidence=(("got", f"{type(problem).__name__}: {problem.strerror}"),),
        ) from problem
    except BaseException:
        hearing.child_has_them()
        hearing.close()
        raise
    hearing.child_has_them()
    return process, hearing
