"""kill -9 in the middle of a stream: of the worker, of the web server, of all that have the database open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Literal

from labctl.events import Event
from labctl.internet import Internet
from labs.jobs.claims import EVENT_IDS, SURVIVES_SERVER, SURVIVES_STORE, SURVIVES_WORKER
from labs.jobs.rail import Got, Rail
from labs.jobs.stage import Engine, Stage, standing
from labs.jobs.watching import Watched, watch
from labs.jobs.whole import STEP_S, STEPS, STORES, booted, counted, submitted
from labs.telling import command, note, opening
from labs.words import count, ms

Victim = Literal["worker", "server", "database"]
_AFTER = 3
_MOST_S = {"worker": 10.0, "server": 25.0, "database": 30.0}
# How long a killed PostgreSQL is away.
_AWAY_S = 1.0
_LOST = {
    "worker": "the job does not notice",
    "server": "the job does not notice",
    "database": "nobody works, and nobody answers",
}
_NEXT = {
    "worker": ("labctl jobs --kill server", "and the web server"),
    "server": ("labctl jobs --kill database", "and all that have the database open"),
    "database": ("labctl jobs --show at-least-once", "what ran twice"),
}


class Killing:
    """Who was killed, and when; monotonic seconds."""

    def __init__(self, stage: Stage, rail: Rail, what: Victim) -> None:
        self.stage = stage
        self.rail = rail
        self.what = what
        self.at = 0.0
        self.worker = ""
        self.pid = 0
        self.names: tuple[str, ...] = ()

    def __call__(self, got: Got) -> Iterator[Event]:
        service = self.stage.service
        self.at = time.monotonic()
        ledger = self.stage.ledger(self.rail.job_id)
        self.worker = ledger[-1].worker if ledger else got.worker
        if self.what == "worker":
            self.pid = service.kill("worker", self.worker)
            yield self.rail.killed(
                self.at,
                f"worker {self.worker} (pid {self.pid})",
                "in the middle of a step; nobody starts it again",
            )
        elif self.what == "server":
            self.pid = service.kill("server")
            yield self.rail.killed(self.at, f"gunicorn (pid {self.pid})", "the worker does not notice")
        elif self.stage.postgres is not None:
            self.pid = self.stage.postgres.pid
            self.stage.postgres.kill()
            yield self.rail.killed(
                self.at, f"postgres (pid {self.pid})", f"it is away for {_AWAY_S:g} s, then started again"
            )
            time.sleep(_AWAY_S)
            self.stage.postgres.start()
        else:
            killed = service.kill_store()
            self.names = tuple(killed)
            yield self.rail.killed(
                self.at, f"{len(killed)} processes", f"all that had the file open: {', '.join(killed)}"
            )


def kill(internet: Internet, what: Victim, *, engine: Engine = "sqlite") -> Iterator[Event]:
    """A run of the lab with one kill -9 in it."""
    with standing(internet, engine=engine, restart=what != "worker") as stage:
        yield opening(f"one job, and kill -9 of the {what}", f"{STORES[engine]}, 2 workers, live")
        yield booted(stage)
        rail, reply = submitted(stage)
        yield rail.submitted(reply)
        seen = Watched(reply, rail.job_id, STEPS)
        killing = Killing(stage, rail, what)
        yield from watch(
            stage,
            rail,
            seen,
            STEP_S,
            disturb_after=_AFTER,
            disturb=killing,
            most_s=_MOST_S[what],
            lost=_LOST[what],
        )
        yield counted(seen)
        yield from _about_steps(stage, seen)
        if not killing.at:
            claims = {"worker": (EVENT_IDS, SURVIVES_WORKER), "server": (SURVIVES_SERVER,)}
            for claim in claims.get(what, (SURVIVES_STORE,)):
                yield claim.not_seen("The job ended before anything was killed.")
        elif what == "worker":
            yield from _worker(stage, seen, killing)
        elif what == "server":
            yield _server(stage, seen, killing)
        else:
            yield _store(stage, seen, killing)
    line, remark = _NEXT[what]
    other = " --engine postgres" if engine == "postgres" and "--kill" in line else ""
    yield command("next", line + other, remark)


def _about_steps(stage: Stage, seen: Watched) -> Iterator[Event]:
    ran = [each.step for each in stage.ledger(seen.job_id)]
    twice = len(ran) - len(set(ran))
    yield note(f"{count(STEPS, 'step')}, and {count(len(ran), 'run')} of them: {twice} ran a second time.")


def _worker(stage: Stage, seen: Watched, killing: Killing) -> Iterator[Event]:
    before = f"Worker {killing.worker} (pid {killing.pid}) was killed in mid-step"
    after = [each for each in stage.ledger(seen.job_id) if each.worker != killing.worker]
    ids = ", ".join(each.id for each in seen.got)
    if seen.once:
        yield EVENT_IDS.judged(True, f"{before}, and the ids are {ids}.")
    elif seen.twice or seen.done:
        yield EVENT_IDS.judged(
            False, f"{before}, and the ids are {ids}: {seen.twice} told a step a second time."
        )
    else:
        yield EVENT_IDS.not_seen("The job did not go on, and so there were no more ids.")
    if seen.done and after:
        taken = ms((after[0].at - killing.at) * 1000)
        yield SURVIVES_WORKER.judged(
            True, f"{before}; {after[0].worker} went on, and began the step again {taken} later."
        )
    else:
        yield SURVIVES_WORKER.judged(
            False, f"{before}, and in {_MOST_S['worker']:g} s nobody went on with it."
        )


def _server(stage: Stage, seen: Watched, killing: Killing) -> Event:
    status = stage.ask("GET", f"/api/jobs/{seen.job_id}").status
    before = f"gunicorn (pid {killing.pid}) was killed, and another one started"
    if seen.once and status == 200:
        return SURVIVES_SERVER.judged(
            True, f"{before}: it knew the job (200) and had all {seen.sent} events, each came once."
        )
    said = f"the stream got {seen.closed}" if seen.closed is not None else "the stream was not whole"
    return SURVIVES_SERVER.judged(False, f"{before}: asked for the job it said {status}, and {said}.")


def _store(stage: Stage, seen: Watched, killing: Killing) -> Event:
    names = ", ".join(killing.names)
    who = f"PostgreSQL (pid {killing.pid})" if killing.pid else f"All with the file open ({names})"
    status = stage.ask("GET", f"/api/jobs/{seen.job_id}").status
    if seen.once and status == 200:
        return SURVIVES_STORE.judged(
            True, f"{who} died by kill -9; the job was there (200), ended, and each of its events came once."
        )
    said = f"; the stream got {seen.closed}" if seen.closed is not None else ""
    return SURVIVES_STORE.judged(
        False,
        f"{who} died by kill -9; asked for the job the service says {status}, and {seen.missing} events are missing"
        f"{said}.",
    )
