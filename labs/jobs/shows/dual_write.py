"""`--show dual-write`: kill -9 of the one who accepts a job, between writing it down and putting it in the queue."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.jobs.claims import ONE_TRANSACTION
from labs.jobs.stage import Stage, standing
from labs.telling import command, note, opening, result, table
from labs.words import count

_ENDS_S = 15.0
# Long for a job of one short step with an idle worker.
_STUCK_S = 2.0
_SUBMIT = """
from labctl.jobs.settings import Settings
from labctl.jobs.store import Store
store = Store(Settings.from_environment())
store.submit("ann", "report", {"steps": 1, "step_s": 0.02})
store.close()
"""


class _Left(NamedTuple):
    """What is there behind it: jobs that are written down, and those of them that nobody will ever do."""

    code: int
    jobs: int
    stuck: int


def show(internet: Internet) -> Iterator[Event]:
    """A process that accepts a job, and one that is killed while it does."""
    with standing(internet, workers=1) as stage:
        yield opening("two writes, or one", "kill -9 before the last commit, live")
        whole = _accept(stage, crash=False)
        killed = _accept(stage, crash=True)
    yield table(
        "dual-write.jobs",
        "",
        ("the one that accepts", "jobs written down", "of those stuck"),
        [_row("ends as it should", whole), _row("is killed at the worst moment", killed)],
    )
    yield note(
        "create_job() and queue.push() are two writes. Who dies in between leaves a job that says queued and is in no "
        "queue. One transaction has both or neither; the client got no 202, and asks again with its key."
    )
    told = "After kill -9 in the middle no job was written down, and none was in the queue"
    if killed.jobs:
        job = count(killed.jobs, "job")
        told = f"After kill -9 in the middle {job} had been written down, and {killed.stuck} of them nobody ever began"
    if killed.code == 0 or whole.jobs != 1:
        yield ONE_TRANSACTION.not_seen("Nothing was killed in the middle.")
    else:
        yield ONE_TRANSACTION.judged(not killed.stuck, f"{told}.")
        if killed.stuck:
            yield result("A job that says queued, for ever.", "bad")
        else:
            yield result("Both or neither: nothing is left half done.")
    yield command("next", "labctl jobs --show cap", "a burst against a limit")


def _accept(stage: Stage, *, crash: bool) -> _Left:
    from labctl.jobs.admission import CRASH
    from labctl.jobs.settings import VARIABLE

    before = _jobs(stage)
    ours = str(Path(__file__).parents[3])
    path = os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH", ""))))
    environment = {**os.environ, VARIABLE: stage.service.settings.to_json(), "PYTHONPATH": path}
    environment.pop(CRASH, None)
    if crash:
        environment[CRASH] = "1"
    # Our own program, with what is ours.
    ended = subprocess.run(  # noqa: S603
        [sys.executable, "-c", _SUBMIT],
        env=environment,
        cwd=stage.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_ENDS_S,
        check=False,
    )
    new = set(_jobs(stage)) - set(before)
    stage.until(lambda: all(_jobs(stage)[each] == "done" for each in new), _STUCK_S)
    now = _jobs(stage)
    return _Left(ended.returncode, len(new), sum(1 for each in new if now[each] == "queued"))


def _jobs(stage: Stage) -> dict[str, str]:
    told = stage.ask("GET", "/api/jobs").body.get("jobs", [])
    return {str(each["job_id"]): str(each["status"]) for each in told}


def _row(who: str, left: _Left) -> Row:
    return Row(
        f"A process that {who}: {left.jobs} written down, {left.stuck} stuck.",
        (who, str(left.jobs), str(left.stuck)),
        hues=("accent", "", "bad" if left.stuck else "ok"),
    )
