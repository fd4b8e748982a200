"""A worker that is frozen, not dead: it wakes up when another has its job, and can write no more."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from jobs_engine import (
    assert_complete,
    kill,
    open_store,
    settings_on,
    steps_run,
    submitted,
    wait_for,
    whole,
    working,
)
from processes import LINUX

from labctl.jobs.settings import Settings
from labctl.jobs.store import QUEUE, Store

pytestmark = LINUX
STEPS = 8


@pytest.fixture
def settings() -> Iterator[Settings]:
    with settings_on("sqlite", takeover_s=0.1) as settings:
        yield settings


def others_can_write(store: Store) -> bool:
    """Whether the frozen worker was not frozen in the middle of a transaction, which would hold its locks."""
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=300")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except sa.exc.OperationalError:
            return False
        finally:
            connection.rollback()
            connection.exec_driver_sql("PRAGMA busy_timeout=5000")
    return True


def freeze(store: Store, worker: subprocess.Popen[bytes]) -> None:
    tick = threading.Event()
    worker.send_signal(signal.SIGSTOP)
    while not others_can_write(store):
        worker.send_signal(signal.SIGCONT)
        tick.wait(0.02)
        worker.send_signal(signal.SIGSTOP)


def test_a_worker_that_wakes_up_after_another_has_taken_its_job_adds_no_event(settings: Settings) -> None:
    with open_store(settings, migrate=True) as store, working(settings, "w1", "w2") as workers:
        job = submitted(store, steps=STEPS, step_s=0.2)
        wait_for(lambda: len(store.events(job)[0]) > 2)
        found = store.get(job)
        assert found is not None
        zombie = found.worker
        freeze(store, workers[int(zombie == "w2")])
        # It holds its lock and nobody may think it dead: somebody says so, as a broken connection would.
        store.resume(job, QUEUE)
        had = len(store.events(job)[0])
        wait_for(lambda: len(store.events(job)[0]) > had)
        workers[int(zombie == "w2")].send_signal(signal.SIGCONT)
        events = whole(store, job)
        assert_complete(events, STEPS)
        assert {event.data["worker"] for event in events[had:-1]} == {"w1", "w2"} - {zombie}
        ran = steps_run(settings, job)
        assert set(ran) == set(range(STEPS))
        assert ran.total() <= STEPS + 1
        # It is a worker like any other again.
        kill(workers.pop(int(zombie == "w1")))
        assert_complete(whole(store, submitted(store, steps=1, step_s=0)), 1)
        assert_complete(list(store.events(job)[0]), STEPS)
