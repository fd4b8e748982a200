"""Jobs from the user's file: what is a job in it, what a kill leaves of them, and what the log says of a failed one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from jobs_engine import kill, open_store, settings_on, start_worker, wait_for, whole
from processes import LINUX

from labctl.errors import CannotRun
from labctl.jobs.own_jobs import read_jobs
from labctl.jobs.settings import Settings
from labctl.jobs.store import Accepted, Store

pytestmark = LINUX

_FILE = """
import os, threading
from pathlib import Path

def dice():
    return os.urandom(8).hex()

def gate(path):
    Path(path + ".reached").touch()
    while not Path(path).exists():
        threading.Event().wait(0.02)

def export(job, path):
    number = job.step("dice", dice)
    job.progress(number=number)
    job.step("gate", gate, path)
    return number

def broken(job):
    job.step("nothing", {}.__getitem__, "row 7\\nof 9")
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    file = tmp_path / "own.py"
    file.write_text(_FILE)
    with settings_on("sqlite") as settings:
        yield replace(settings, jobs_file=str(file))


def accepted(store: Store, kind: str, **given: str) -> str:
    answer = store.submit("ann", kind, given)
    assert isinstance(answer, Accepted)
    return answer.job_id


def test_the_jobs_of_a_file_are_its_functions_that_take_job_first(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(_FILE + "def _hidden(job): ...\nfrom os.path import join\n")
    assert sorted(read_jobs(file)) == ["broken", "export"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def f(x): ...", "no function in it takes job"),
        ("def report(job): ...", "labctl's own"),
        ("def f(job: ...", "SyntaxError"),
        ("raise RuntimeError('no')\n", "RuntimeError: no"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
    ],
)
def test_a_file_without_usable_jobs_is_refused_with_the_reason(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "own.py"
    file.write_text(text)
    with pytest.raises(CannotRun) as refused:
        read_jobs(file)
    assert refused.value.code == "jobs-file-broken"
    assert why in str(refused.value.evidence)


def test_what_a_step_gave_is_kept_over_a_kill_and_a_failed_job_is_one_line_of_the_log(
    settings: Settings, tmp_path: Path
) -> None:
    log, open_gate = tmp_path / "log", tmp_path / "gate"
    with open_store(settings, migrate=True) as store, log.open("wb") as said:
        worker = start_worker(settings, "w1", log=said.fileno())
        try:
            job = accepted(store, "export", path=str(open_gate))
            wait_for((tmp_path / "gate.reached").exists)
            number = store.events(job)[0][1].data["number"]
            kill(worker)
            open_gate.touch()
            worker = start_worker(settings, "w1", log=said.fileno())
            events = whole(store, job)
            assert [event.type for event in events] == ["started", "progress", "done"]
            assert events[-1].data["result"] == events[1].data["number"] == number
            failing = accepted(store, "broken")
            assert whole(store, failing)[-1].type == "failed"
            wait_for(lambda: b"failed" in log.read_bytes())
        finally:
            kill(worker)
    lines = log.read_text().splitlines()
    assert not any("Traceback" in line for line in lines), lines
    told = [line for line in lines if failing in line]
    assert len(told) == 1
    assert re.search(rf"Job {failing} failed: .*row 7.*\(KeyError, \w+\.py, line \d+\)$", told[0])


def test_a_file_that_ends_the_program_is_told_like_any_other_that_is_broken(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("raise SystemExit('bye')\n")
    with pytest.raises(CannotRun) as told:
        read_jobs(file)
    assert told.value.evidence == (("why", "SystemExit: bye"),)
