"""Finished jobs do not stay for ever: what is left of them before and after."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.jobs.claims import EXPIRY
from labs.jobs.stage import standing
from labs.telling import command, note, opening, result, table

JOBS, STEPS, PATIENCE_S = 4, 20, 5.0
# The engine's clock on SQLite has whole seconds: long enough to count before, whatever second it is.
KEPT_S, SWEEP_S = 2.0, 0.2
_TABLES = {"workflow_status": "jobs", "streams": "events", "operation_outputs": "checkpoints"}


def show(internet: Internet) -> Iterator[Event]:
    """Short jobs and a short memory; the tables of the store are counted before and after."""
    with standing(internet, workers=1, retention_s=KEPT_S, sweep_s=SWEEP_S, running_per_user=JOBS) as stage:
        yield opening(f"{JOBS} finished jobs that are kept for {KEPT_S:g} s")
        path = stage.service.settings.path
        ids = [stage.submit(STEPS, 0).body["job_id"] for _ in range(JOBS)]
        for job_id in ids:
            stage.wait_ended(job_id)
        found = stage.ask("GET", f"/api/jobs/{ids[-1]}").status
        before = _counted(path)
        stage.until(lambda: not any(_counted(path).values()), PATIENCE_S)
        after = _counted(path)
        gone = stage.ask("GET", f"/api/jobs/{ids[-1]}").status
    rows = [
        Row(
            f"{what}: {before[name]} before, {after[name]} after.",
            (what, str(before[name]), str(after[name])),
        )
        for name, what in _TABLES.items()
    ]
    yield table("expiry.rows", "", ("rows of", "before", "after"), rows)
    yield note(
        f"GET of the last job was {found} and is {gone}: an expired job is a job that never was. A worker looks for "
        f"expired jobs every {SWEEP_S:g} s here, and deletes each with all that belongs to it."
    )
    if found != 200:
        yield EXPIRY.not_seen("This machine was too busy: the jobs had expired before they could be counted.")
        return
    left, had = sum(after.values()), sum(before.values())
    yield EXPIRY.judged(
        left == 0 and gone == 404,
        f"{left} rows of {had} are left, and the job's URL went from {found} to {gone}.",
    )
    yield result(f"{had} rows became {left}.")
    yield command("next", "labctl jobs serve --help", "how long your own service keeps jobs")


def _counted(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path, timeout=10)) as database:
        return {
            name: int(database.execute(f"SELECT count(*) FROM {name}").fetchone()[0])  # noqa: S608  # names of ours
            for name in _TABLES
        }
