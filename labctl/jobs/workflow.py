"""Jobs as workflows of DBOS. Imported by worker processes only: the decorators register with the engine.

The body of a workflow is run again from its beginning after a crash, and what it did is replayed from checkpoints: a
step that ended is not run again, an event that was written is not written again. So events are written in the body,
where event and checkpoint are one transaction; in a step they would be written once more with it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from dbos import DBOS, WorkflowSerializationFormat
from sqlalchemy.exc import DBAPIError

from labctl.events import Json
from labctl.jobs import anew, attempts, doorbell, effects
from labctl.jobs.store import STREAM, Store

_Result = TypeVar("_Result")


class Failed(Exception):
    """The end of a job that is not done; the message is for its user."""

    def __init__(self, said: str, job_id: str) -> None:
        super().__init__(said)
        self.job_id = job_id


class GivenUp(Failed):
    """A job was begun too often without getting any further."""


class Broken(Failed):
    """Its function, or a step of it, raised."""


class Bench:
    """What all jobs of this process work with; set once, before the engine is launched."""

    store: Store
    worker: str = ""
    # The jobs whose function runs here now.
    busy: ClassVar[set[str]] = set()


class JobRun:
    """One run of a job, as its function sees it. `step` is done once; `progress` tells whoever listens."""

    def __init__(self, job_id: str, attempt: int) -> None:
        self.id = job_id
        self.attempt = attempt
        self._steps = 0
        self.raised: BaseException | None = None

    def step(self, name: str, function: Callable[..., _Result], *arguments: Any, **named: Any) -> _Result:
        """Run `function` once: its result, which must be JSON, is kept, and given back when the job is run again."""
        number, self._steps = self._steps, self._steps + 1

        def run() -> _Result:
            effects.ran(Bench.store.settings, self.id, number, Bench.worker, self.attempt)
            try:
                return _json(_called(function, *arguments, **named), f"what step {name!r} returned")
            except Exception as problem:
                self.raised = problem
                raise

        return DBOS.run_step({"name": name}, run)

    def progress(self, **data: Json) -> None:
        """One event. `percent`, 0 to 100, draws a bar."""
        self.tell("progress", data)

    def tell(self, type: str, data: Mapping[str, Json]) -> None:
        """Write an event and wake who listens. Raises TypeError for what is no JSON."""
        DBOS.write_stream(STREAM, {"type": type, "data": _json(dict(data), "what a job tells")})
        doorbell.ring(Bench.store.settings, self.id)


def _called(function: Callable[..., _Result], *arguments: Any, **named: Any) -> _Result:
    """What it returns. A job that wants to end the process has failed: the jobs beside it go on."""
    try:
        return function(*arguments, **named)
    except (SystemExit, KeyboardInterrupt) as problem:
        raise RuntimeError(f"It asked the worker to end ({problem!r}).") from problem


def _json(value: _Result, what: str) -> _Result:
    """`value`, which browsers can read as JSON. Raises TypeError."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as problem:
        raise TypeError(f"{what} is no JSON: {problem}") from problem
    return value


def _said(problem: Exception) -> str:
    """Why a job failed, for its user: text that can be stored, and not too much of it."""
    try:
        said = str(problem)
    except Exception:  # an exception of the user's own, with a bug
        said = ""
    return (said or type(problem).__name__)[:300].encode("utf-8", "replace").decode()


def job_of(name: str, body: Callable[[JobRun, dict[str, Any]], Json]) -> None:
    """Register `body` as the job of this name: it begins with `started`, and ends with `done` or `failed`."""

    def run(given: dict[str, Any]) -> Json:
        job_id = DBOS.workflow_id or ""
        settings = Bench.store.settings
        Bench.busy.add(job_id)
        try:
            attempt = anew.insisted(lambda: attempts.begin(Bench.store.engine, settings, job_id))
            if attempt > settings.max_attempts:
                times = "once" if attempt == 2 else f"{attempt - 1} times"
                raise GivenUp(f"It was begun {times} without getting any further.", job_id)
            job = JobRun(job_id, attempt)
            job.tell("started", {"kind": name})
            try:
                result = _json(_called(body, job, given), "what the job returned")
            except Exception as problem:
                if isinstance(problem, DBAPIError) and problem is not job.raised:
                    # Not the job failed: the engine could not write. What it has written is still right.
                    anew.begin(Bench.store, f"job {job_id}: {type(problem).__name__}")
                said = _said(problem)
                job.tell("failed", {"error": said})
                DBOS.close_stream(STREAM)
                raise Broken(said, job_id) from problem
            job.tell("done", {"percent": 100, "result": result})
            DBOS.close_stream(STREAM)
            return result
        finally:
            Bench.busy.discard(job_id)
            doorbell.ring(settings, job_id)

    run.__name__ = run.__qualname__ = name
    # Recovery without a limit of the engine's: see attempts.py.
    DBOS.workflow(
        name=name, max_recovery_attempts=None, serialization_type=WorkflowSerializationFormat.PORTABLE
    )(run)


def report(job: JobRun, given: dict[str, Any]) -> Json:
    """The job of the labs: so many steps of so long, each with an effect that must happen once."""
    settings, steps = Bench.store.settings, int(given.get("steps", 10))
    step_s = float(given.get("step_s", 0.5))
    for number in range(steps):
        told: dict[str, Json] = {"step": number, "steps": steps, "percent": round(100 * (number + 1) / steps)}

        def work(number: int = number, told: dict[str, Json] = told) -> dict[str, Json]:
            if "events-from-steps" in settings.faults:
                DBOS.write_stream(STREAM, {"type": "progress", "data": told})
                doorbell.ring(settings, job.id)
            if given.get("crash_at") == number:
                os.kill(os.getpid(), signal.SIGKILL)
            if given.get("fail_at") == number:
                raise RuntimeError(f"Step {number} failed, as it was asked to.")
            effects.send(settings, job.id, number)
            time.sleep(step_s)
            return {"pid": os.getpid(), "worker": Bench.worker}

        if "done-before-run" in settings.faults:
            where = _claimed_first(job, number, work)
        else:
            where = job.step(f"step {number}", work)
        if "events-from-steps" not in settings.faults:
            job.progress(**told, **where)
    return {"steps": steps}


def _claimed_first(job: JobRun, number: int, work: Callable[[], dict[str, Json]]) -> dict[str, Json]:
    """The fault: the step is noted as done, and then done. Whoever is killed in between has lost it."""
    first = []

    def claim() -> dict[str, Json]:
        first.append(True)
        return {"pid": os.getpid(), "worker": Bench.worker}

    where = DBOS.run_step({"name": f"step {number}"}, claim)
    if first:
        done = work()
        # The ledger's line comes last here: what was noted is not what was done.
        effects.ran(Bench.store.settings, job.id, number, Bench.worker, job.attempt)
        return done
    return where
