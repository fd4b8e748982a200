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

JOBS, STEPS, KEPT_S = 4, 20, 0.5
_TABLES = {"workflow_status": "jobs", "streams": "events", "operation_outputs": "checkpoints"}


def show(internet: Internet) -> Iterator[Event]:
    """Short jobs and a short memory; the tables of the store are counted before and after."""
    with standing(internet, workers=1, retention_s=3600.0, sweep_s=3600.0, running_per_user=JOBS) as stage:
        yield opening(f"{JOBS} finished jobs that expire after {KEPT_S} s")
        ids = [stage.submit(STEPS, 0).body["job_id"] for _ in range(JOBS)]
        for job_id in ids:
            stage.wait_ended(job_id)
        before = _counted(stage.service.settings.path)
        found = stage.ask("GET", f"/api/jobs/{ids[0]}").status
        _sweep(stage.service.settings)
        after = _counted(stage.service.settings.path)
        gone = stage.ask("GET", f"/api/jobs/{ids[0]}").status
    rows = [
        Row(
            f"{what}: {before[name]} before, {after[name]} after.",
            (what, str(before[name]), str(after[name])),
        )
        for name, what in _TABLES.items()
    ]
    yield table("expiry.rows", "", ("rows of", "before", "after"), rows)
    yield note(
        f"GET of the first job was {found} and is {gone}: an expired job is a job that never was. The service sweeps "
        "now and then, one job with all that belongs to it at a time, and SQLite gives the disk its space back."
    )
    left = sum(after.values())
    yield EXPIRY.judged(
        left == 0 and found == 200 and gone == 404,
        f"{left} rows of {sum(before.values())} are left, and the job's URL went from {found} to {gone}.",
    )
    yield result(f"{sum(before.values())} rows became {left}.")
    yield command("next", "labctl jobs serve --help", "how long your own service keeps jobs")


def _sweep(settings: object) -> None:
    """What a worker does each `sweep_s`, at once: the store of another process with a shorter memory."""
    import time
    from dataclasses import replace

    from labctl.jobs.settings import Settings
    from labctl.jobs.store import Store

    assert isinstance(settings, Settings)
    # SQLite's clock of the engine has whole seconds.
    time.sleep(KEPT_S + 1)
    store = Store(replace(settings, retention_s=KEPT_S))
    try:
        store.purge()
    finally:
        store.close()


def _counted(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as database:
        return {
            name: int(database.execute(f"SELECT count(*) FROM {name}").fetchone()[0])  # noqa: S608  # names of ours
            for name in _TABLES
        }
