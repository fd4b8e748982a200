"""Real workers, killed for real: no job is lost, no event twice, and only what was in flight ran twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from jobs_engine import (
    assert_complete,
    kill,
    open_store,
    settings_on,
    start_worker,
    steps_run,
    submitted,
    wait_for,
    whole,
    working,
)
from processes import LINUX

from labctl.jobs.settings import Settings
from labctl.jobs.store import Accepted

pytestmark = LINUX
STEPS = 8


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    with settings_on(request.param, takeover_s=0.1) as settings:
        yield settings


@pytest.fixture
def embedded() -> Iterator[Settings]:
    with settings_on("sqlite", takeover_s=0.1) as settings:
        yield settings


def test_survivors_finish_the_jobs_of_a_worker_that_was_killed(settings: Settings) -> None:
    with open_store(settings, migrate=True) as store, working(settings, "w1", "w2") as workers:
        jobs = [
            submitted(store, user, steps=STEPS, step_s=0.1) for user in ("ann", "ann", "bob", "bob", "cy")
        ]
        wait_for(lambda: all(len(store.events(job)[0]) > 2 for job in jobs[:2]))
        victim = next(job.worker for job_id in jobs if (job := store.get(job_id)) and job.worker)
        had = [job_id for job_id in jobs if (job := store.get(job_id)) and job.worker == victim]
        kill(workers.pop(int(victim == "w2")))
        for job in jobs:
            assert_complete(whole(store, job), STEPS)
            ran = steps_run(settings, job)
            assert set(ran) == set(range(STEPS))
            assert ran.total() <= STEPS + (1 if job in had else 0)
        assert wait_for(lambda: all(found.status == "done" for found in store.list("ann")))


def test_the_same_worker_comes_back_and_goes_on_and_a_failed_or_cancelled_job_ends(
    embedded: Settings,
) -> None:
    with open_store(embedded, migrate=True) as store, working(embedded, "w1") as workers:
        goes_on = submitted(store, steps=STEPS, step_s=0.1)
        wait_for(lambda: len(store.events(goes_on)[0]) > 3)
        kill(workers.pop())
        workers.append(start_worker(embedded, "w1"))
        failing = submitted(store, "bob", steps=3, step_s=0, fail_at=1)
        endless = submitted(store, "cy", steps=1000, step_s=0.05)
        assert_complete(whole(store, goes_on), STEPS)
        events = whole(store, failing)
        assert [event.type for event in events] == ["started", "progress", "failed"]
        failed = wait_for(lambda: (job := store.get(failing)) and job.over and job)
        assert (failed.status, failed.error) == ("failed", "Step 1 failed, as it was asked to.")
        wait_for(lambda: store.events(endless)[0])
        assert store.cancel(endless)
        assert whole(store, endless)[-1].type == "cancelled"
        assert workers[0].poll() is None


def test_a_job_that_kills_its_workers_is_given_up(embedded: Settings) -> None:
    settings = replace(embedded, max_attempts=1)
    with open_store(settings, migrate=True) as store, working(settings, "w1", "w2", "w3") as workers:
        poison = submitted(store, steps=3, step_s=0, crash_at=1)
        last = whole(store, poison)[-1]
        assert (last.id, last.type) == (-1, "failed")
        assert "without getting any further" in str(last.data["error"])
        alive = [worker for worker in workers if worker.poll() is None]
        assert len(alive) == 1
        assert_complete(whole(store, submitted(store, steps=2, step_s=0)), 2)


def test_a_job_of_ones_own_has_steps_and_progress(embedded: Settings, tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(
        "def double(number):\n    return 2 * number\n\n"
        "def export(job, numbers):\n"
        "    found = []\n"
        "    for number in numbers:\n"
        "        found.append(job.step('double', double, number))\n"
        "        job.progress(percent=50, so_far=len(found))\n"
        "    return found\n"
    )
    settings = replace(embedded, jobs_file=str(file))
    with open_store(settings, migrate=True) as store, working(settings, "w1"):
        accepted = store.submit("ann", "export", {"numbers": [1, 2]})
        assert isinstance(accepted, Accepted)
        events = whole(store, accepted.job_id)
    assert [event.type for event in events] == ["started", "progress", "progress", "done"]
    assert events[2].data == {"percent": 50, "so_far": 2}
    assert events[-1].data["result"] == [2, 4]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise SystemExit(3)", "SystemExit(3)"),
        ("job.step('x', exit)", "SystemExit(None)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt()"),
        ("return float('nan')", "what the job returned is no JSON"),
        ("return {1}", "what the job returned is no JSON"),
        ("job.progress(percent=float('nan'))", "what a job tells is no JSON"),
        ("job.step('x', object)", "what step 'x' returned is no JSON"),
        ("raise ValueError(chr(0xD800))", "?"),
    ],
)
def test_a_job_of_ones_own_that_misbehaves_fails_and_its_worker_goes_on(
    embedded: Settings, tmp_path: Path, body: str, why: str
) -> None:
    file = tmp_path / "own.py"
    file.write_text(f"def bad(job):\n    {body}\n")
    settings = replace(embedded, jobs_file=str(file))
    with open_store(settings, migrate=True) as store, working(settings, "w1") as workers:
        accepted = store.submit("ann", "bad", {})
        assert isinstance(accepted, Accepted)
        events = whole(store, accepted.job_id)
        assert [(event.id, event.type) for event in events] == [(0, "started"), (1, "failed")]
        assert why in str(events[-1].data["error"])
        assert workers[0].poll() is None


def test_under_the_fault_nobody_takes_over(embedded: Settings) -> None:
    settings = replace(embedded, faults=frozenset({"nobody-takes-over"}))
    with open_store(settings, migrate=True) as store, working(settings, "w1", "w2") as workers:
        job = submitted(store, steps=30, step_s=0.1)
        wait_for(lambda: len(store.events(job)[0]) > 2)
        found = store.get(job)
        assert found is not None
        kill(workers.pop(int(found.worker.startswith("w2"))))
        assert_complete(whole(store, submitted(store, steps=10, step_s=0.1)), 10)
        assert not store.events(job)[1]


def test_under_the_fault_effects_happen_twice_for_a_step_that_does(embedded: Settings) -> None:
    for faults in (frozenset[str](), frozenset({"effects-without-key"})):
        folder = Path(embedded.folder, f"f{len(faults)}")
        folder.mkdir()
        settings = replace(
            embedded, faults=faults, folder=str(folder), database=f"sqlite:///{folder}/jobs.db"
        )
        with open_store(settings, migrate=True) as store, working(settings, "w1", "w2") as workers:
            job = submitted(store, steps=3, step_s=0.6)
            wait_for(lambda: len(list(folder.glob("sent/*"))) == 2)  # noqa: B023
            found = store.get(job)
            assert found is not None
            kill(workers.pop(int(found.worker == "w2")))
            assert_complete(whole(store, job), 3)
            assert steps_run(settings, job) == {0: 1, 1: 2, 2: 1}
        assert len(list(folder.glob("sent/*"))) == (4 if faults else 3)


def test_under_the_fault_an_event_of_a_step_that_ran_twice_is_there_twice(embedded: Settings) -> None:
    settings = replace(embedded, faults=frozenset({"events-from-steps"}))
    with open_store(settings, migrate=True) as store, working(settings, "w1", "w2") as workers:
        job = submitted(store, steps=3, step_s=0.6)
        wait_for(lambda: len(store.events(job)[0]) == 3)
        found = store.get(job)
        assert found is not None
        kill(workers.pop(int(found.worker == "w2")))
        assert [event.data["step"] for event in whole(store, job)[1:-1]] == [0, 1, 1, 2]


def test_under_the_fault_a_step_that_was_noted_as_done_is_left_out(embedded: Settings) -> None:
    settings = replace(embedded, faults=frozenset({"done-before-run"}))
    with open_store(settings, migrate=True) as store, working(settings, "w1", "w2") as workers:
        job = submitted(store, steps=3, step_s=0.6)
        wait_for(lambda: len(list(Path(settings.folder).glob("sent/*"))) == 2)
        found = store.get(job)
        assert found is not None
        kill(workers.pop(int(found.worker == "w2")))
        assert_complete(whole(store, job), 3)
        assert steps_run(settings, job) == {0: 1, 2: 1}
