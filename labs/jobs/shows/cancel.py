"""DELETE in the middle of a job: what still runs, and what never begins."""

from __future__ import annotations

import time
from collections.abc import Iterator

from labctl.events import Event
from labctl.internet import Internet
from labs.jobs.claims import CANCEL
from labs.jobs.stage import standing
from labs.telling import command, measured, note, opening, result
from labs.words import ms

STEPS, STEP_S, AFTER = 12, 0.12, 3


def show(internet: Internet) -> Iterator[Event]:
    """A job is cancelled after a few steps, and the ledger of steps is watched for as long as others would take."""
    with standing(internet, workers=1) as stage:
        yield opening(f"DELETE after {AFTER} of {STEPS} steps", f"each takes {ms(STEP_S * 1000)}")
        job_id = stage.submit(STEPS, STEP_S).body["job_id"]
        stage.until(lambda: len(stage.ledger(job_id)) >= AFTER)
        reply = stage.ask("DELETE", f"/api/jobs/{job_id}")
        status = stage.status(job_id)
        # Long enough for every step that was left.
        time.sleep(STEP_S * (STEPS - AFTER) + 0.3)
        began = [ran.step for ran in stage.ledger(job_id)]
        late = sum(ran.at > reply.at + 0.02 for ran in stage.ledger(job_id))
        after = stage.status(job_id)
        again = stage.ask("GET", f"/api/jobs/{job_id}/stream", fields={"Last-Event-ID": str(STEPS)})
    yield note(
        f"DELETE was answered {reply.status} in {ms(reply.took_ms)}; the job was {status}, and is {after} now."
    )
    yield note(
        f"{len(began)} of {STEPS} steps had begun in all, {late} of them after the answer. A step in flight runs to "
        "its end: code in the middle of its work cannot be stopped from outside. The next one never begins, because "
        "the engine looks before each step whether the job is still wanted."
    )
    yield note(f"A client that comes back to the stream gets {again.status}, and stays away.")
    yield measured("jobs.cancel.steps", len(began), f"{len(began)} steps began.", "steps")
    if late == 1 and after == "cancelled":
        yield CANCEL.not_seen("A step was just beginning when DELETE was answered.")
        return
    yield CANCEL.judged(
        late == 0 and after == "cancelled",
        f"{late} steps began after DELETE was answered, and the job is {after}.",
    )
    yield result(f"{STEPS - len(began)} steps never began.")
    yield command("next", "labctl jobs cancel JOB", "on a service of your own: labctl jobs serve")
