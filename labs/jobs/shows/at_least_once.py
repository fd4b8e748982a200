"""`--show at-least-once`: kill -9 in mid-step, and how often each step ran, and had its effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.jobs.claims import AT_LEAST_ONCE, IDEMPOTENT_STEP
from labs.jobs.stage import Ran, Stage, standing
from labs.telling import command, note, opening, result, table
from labs.words import count, listed

_STEPS = 5
_STEP_S = 0.5
_KILLED_IN = 2
_MOST_S = 20.0


class _Step(NamedTuple):
    """A step of the job: its runs, and how often the outside world was asked for its effect and did it."""

    number: int
    runs: tuple[Ran, ...]
    effects: int


def show(internet: Internet) -> Iterator[Event]:
    """One job, one kill -9, the ledger."""
    with standing(internet, restart=False) as stage:
        yield opening("what runs twice", "kill -9 in mid-step, 2 workers, live")
        job = str(stage.submit(_STEPS, _STEP_S).body.get("job_id", ""))
        killed = _kill_in_mid_step(stage, job)
        status = stage.wait_ended(job, _MOST_S) if killed else stage.status(job)
        steps = _steps(stage, job)
    yield table(
        "at-least-once.steps",
        "",
        ("step", "run by", "runs", "effects"),
        [_row(step) for step in steps],
    )
    yield note(
        "A step's result is written down when the step has ended. Who dies in mid-step has written nothing, so "
        "that step runs again: no engine can know whether the e-mail was sent."
    )
    yield note("Here each effect has a key, made of job and step, and whoever does it does a key once.")
    yield from _judged(steps, status, killed)
    yield command("next", "labctl jobs --show double-click", "the same idea, for a POST")


def _kill_in_mid_step(stage: Stage, job: str) -> str:
    """Kill the worker that runs the job, in its third step; its name, "" when it was too late."""
    from labctl.jobs.effects import SENT

    begun = stage.folder / SENT / f"{job}-{_KILLED_IN}"

    def in_step() -> bool:
        # The ledger tells the beginning; under a fault it is written at the end, and the effect tells it.
        ran = any(each.step == _KILLED_IN for each in stage.ledger(job))
        return ran or any(begun.parent.glob(f"{begun.name}*"))

    stage.until(in_step, _MOST_S)
    worker = next((each.worker for each in stage.ledger(job)), "")
    if not worker or stage.status(job) != "running":
        return ""
    stage.service.kill("worker", worker)
    return worker


def _steps(stage: Stage, job: str) -> list[_Step]:
    from labctl.jobs.effects import SENT

    ledger = stage.ledger(job)
    folder = stage.folder / SENT
    found = []
    for number in range(_STEPS):
        runs = tuple(each for each in ledger if each.step == number)
        name = f"{job}-{number}"
        effects = [
            each for each in folder.glob(f"{name}*") if each.name in (name,) or each.name[len(name)] == "-"
        ]
        found.append(_Step(number, runs, len(effects)))
    return found


def _row(step: _Step) -> Row:
    who = listed([f"{run.worker} (pid {run.pid})" for run in step.runs], "nobody to the end")
    runs, effects = len(step.runs), step.effects
    times = f"{count(runs, 'run')}, {count(effects, 'effect')}"
    return Row(
        f"Step {step.number}: {times}, by {who}.",
        (f"{step.number}", who, str(runs), str(effects)),
        hues=(
            "accent",
            "",
            "warn" if runs > 1 else "bad" if not runs else "",
            "bad" if effects > 1 else "ok",
        ),
    )


def _judged(steps: list[_Step], status: str, killed: str) -> Iterator[Event]:
    twice = [step for step in steps if len(step.runs) > 1]
    out = [step for step in steps if not step.runs]
    runs = sum(len(step.runs) for step in steps)
    told = f"{count(len(steps), 'step')}, {count(runs, 'run')} to the end or to the kill, and the job is {status}"
    if not killed:
        for claim in (AT_LEAST_ONCE, IDEMPOTENT_STEP):
            yield claim.not_seen("The job ended before its worker was killed: this machine was too busy.")
        return
    if out:
        missing = listed([str(step.number) for step in out])
        yield AT_LEAST_ONCE.judged(
            False, f"{told}: step {missing} was noted as done and never came to its end."
        )
    elif status != "done":
        yield AT_LEAST_ONCE.not_seen(f"{told}: nobody took it over in time.")
    else:
        again = listed([str(step.number) for step in twice])
        fine = [step.number for step in twice] in ([], [_KILLED_IN], [_KILLED_IN + 1])
        yield AT_LEAST_ONCE.judged(fine, f"{told}. Killed in step {_KILLED_IN}; run again: {again}.")
    if not twice:
        yield IDEMPOTENT_STEP.not_seen("No step ran twice in this run.")
        return
    effects = sum(step.effects for step in twice)
    yield IDEMPOTENT_STEP.judged(
        effects == len(twice),
        f"Step {twice[0].number} ran {len(twice[0].runs)} times, and had {count(twice[0].effects, 'effect')}.",
    )
    if effects == len(twice):
        yield result(f"{count(runs, 'run')}, {count(len(steps), 'effect')}: twice run, once done.")
    else:
        yield result("Run twice, and done twice.", "bad")
