"""A worker process: `python -m labctl.jobs.worker ID`, with the settings in its environment.

It prints one line, "ready", when it takes jobs. SIGTERM ends it at once: what it had in hand is resumed by others, from
the last checkpoint.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import sys
import threading
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labctl.errors import CannotRun
from labctl.jobs.settings import Settings


def main(name: str) -> int:
    """Work until SIGTERM or SIGINT. Status 3: the id is taken, or the database is not there."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    settings = Settings.from_environment()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    # A service of ours must not be somebody's tracing: nothing is sent anywhere.
    os.environ.pop("DBOS_CONDUCTOR_KEY", None)
    from labctl.jobs.alive import Alive, NameTaken
    from labctl.jobs.store import Store, StoreUnavailable

    try:
        alive = Alive(settings, name)
        store = Store(settings)
    except NameTaken:
        print(f"another living worker is called {name}", file=sys.stderr, flush=True)  # noqa: T201
        return 3
    except StoreUnavailable as problem:
        print(problem, file=sys.stderr, flush=True)  # noqa: T201
        return 3
    try:
        _launch(settings, store, name)
    except CannotRun as problem:
        # One line: who supervises us shows the last one that we said.
        why = "; ".join(text for _, text in problem.evidence)
        print(" ".join(f"{problem}: {why}".split()), file=sys.stderr, flush=True)  # noqa: T201
        os._exit(3)
    from labctl.jobs.takeover import Watch
    from labctl.jobs.workflow import Bench

    watch = Watch(store, alive, Bench.busy)
    watch.start()
    print("ready", flush=True)  # noqa: T201
    over.wait()
    # At once and without farewell: steps in flight are threads that cannot be ended, and others resume them.
    os._exit(0)


def in_one_line(record: logging.LogRecord) -> bool:
    """A filter for the engine's log: a job that fails or is cancelled is a line there, and not a traceback."""
    from dbos import error

    from labctl.jobs.workflow import Failed

    problem = record.exc_info[1] if record.exc_info else None
    if isinstance(problem, Failed):
        said = " ".join(str(problem).split())
        cause = problem.__cause__
        frames = traceback.extract_tb(cause.__traceback__) if cause is not None else []
        if frames:
            said += f" ({type(cause).__name__}, {Path(frames[-1].filename).name}, line {frames[-1].lineno})"
        record.msg = f"Job {problem.job_id} failed: {said}"
    elif isinstance(problem, error.DBOSAwaitedWorkflowCancelledError):
        record.msg = f"Job {problem.workflow_id} was cancelled."
    else:
        return True
    record.args, record.exc_info, record.exc_text = None, None, None
    record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def _call(function: Callable[..., Any], job: object, given: dict[str, Any]) -> Any:
    return function(job, **given)


def _launch(settings: Settings, store: object, name: str) -> None:
    from dbos import DBOS

    from labctl.jobs import workflow
    from labctl.jobs.own_jobs import read_jobs
    from labctl.jobs.store import QUEUE, VERSION, Store, queue_options

    assert isinstance(store, Store)
    workflow.Bench.store, workflow.Bench.worker = store, name
    workflow.job_of("report", workflow.report)
    if settings.jobs_file:
        for kind, function in read_jobs(Path(settings.jobs_file)).items():
            workflow.job_of(kind, functools.partial(_call, function))
    if "nobody-takes-over" in settings.faults:
        # DBOS resumes what the same id had; here nobody ever has the same one.
        name = f"{name}-{uuid.uuid4().hex[:6]}"
    logging.getLogger("dbos").addFilter(in_one_line)
    DBOS(
        config={
            "name": "labctl",
            "application_version": VERSION,
            "system_database_url": settings.database,
            "executor_id": name,
            "log_level": "WARNING",
            "run_migrations": False,
        }
    )
    DBOS.launch()
    DBOS.register_queue(QUEUE, **queue_options(settings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
