"""Who dies is started again; who cannot start is told of; nobody outlives the supervisor."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import LINUX, Marked, children_of_ours

from labctl.jobs.supervise import Program, ServiceEvent, Supervisor

READY = "import sys, time; print('ready', flush=True); time.sleep(600)"
FORKS = "import os, time; os.fork() or time.sleep(600); print('ready', flush=True); time.sleep(600)"
Supervise = Callable[..., Supervisor]


@pytest.fixture
def happened() -> queue.SimpleQueue[ServiceEvent]:
    return queue.SimpleQueue()


@pytest.fixture
def marked() -> Marked:
    return Marked()


@pytest.fixture
def supervise(
    marked: Marked, tmp_path: Path, happened: queue.SimpleQueue[ServiceEvent]
) -> Iterator[Supervise]:
    """Starts programs by their Python source; in the end none of them is left, nor a thread of ours."""
    before, children = set(threading.enumerate()), children_of_ours()
    made: list[Supervisor] = []

    def begin(*sources: str, restart: bool = True, tells: bool = True) -> Supervisor:
        programs = [
            Program(
                "worker", f"w{n}", (sys.executable, "-S", "-c", text), marked.env, str(tmp_path), (), tells
            )
            for n, text in enumerate(sources, 1)
        ]
        made.append(Supervisor(programs, restart=restart, on_event=happened.put))
        return made[-1]

    yield begin
    for supervisor in made:
        supervisor.end()
    assert set(threading.enumerate()) <= before
    assert children_of_ours() <= children
    assert not marked.alive()


def next_of(happened: queue.SimpleQueue[ServiceEvent], kind: str) -> ServiceEvent:
    while (event := happened.get(timeout=30)).kind != kind:
        pass
    return event


def test_a_program_is_ready_when_it_says_so(supervise: Supervise) -> None:
    supervisor = supervise(READY, READY)
    assert supervisor.wait_ready(30) == ""
    assert supervisor.pid("worker", "w1") != supervisor.pid("worker", "w2")


def test_a_killed_program_is_started_again_with_another_pid(
    supervise: Supervise, happened: queue.SimpleQueue[ServiceEvent]
) -> None:
    supervisor = supervise(READY)
    supervisor.wait_ready(30)
    pid = supervisor.kill("worker", "w1")
    died = next_of(happened, "died")
    assert (died.pid, died.why) == (pid, "it was ended by SIGKILL")
    assert died.sentence() == f"Worker w1 (pid {pid}) died: it was ended by SIGKILL."
    again = next_of(happened, "restarted")
    assert again.pid != pid
    assert supervisor.wait_ready(30) == ""
    assert supervisor.pid("worker", "w1") == again.pid


@LINUX
def test_what_a_killed_program_forked_is_gone_too(supervise: Supervise, marked: Marked) -> None:
    supervisor = supervise(FORKS, restart=False)
    supervisor.wait_ready(30)
    assert len(marked.alive()) >= 2
    watched = marked.watch()
    supervisor.kill("worker", "w1")
    assert marked.all_end(watched)
    assert supervisor.pid("worker", "w1") == 0


def test_without_restart_the_dead_stay_dead(
    supervise: Supervise, happened: queue.SimpleQueue[ServiceEvent]
) -> None:
    supervisor = supervise(READY, READY, restart=False)
    supervisor.wait_ready(30)
    supervisor.kill("worker", "w1")
    supervisor.kill("worker", "w2")
    supervisor.end()
    kinds = []
    while not happened.empty():
        kinds.append(happened.get().kind)
    assert "restarted" not in kinds
    assert kinds.count("died") == 2


def test_a_program_that_ends_at_once_is_told_of_in_its_own_words(supervise: Supervise) -> None:
    supervisor = supervise("import sys; sys.exit('no module named reports')")
    assert supervisor.wait_ready(30) == "no module named reports"
    assert "w1: no module named reports" in supervisor.log()


def test_a_program_that_never_tells_is_waited_for_no_longer_than_allowed(supervise: Supervise) -> None:
    supervisor = supervise("import time; time.sleep(600)")
    assert supervisor.wait_ready(0.05) == "worker was not ready after 0.05 s"


def test_who_is_held_is_not_started_before_it_is_let_go(
    supervise: Supervise, happened: queue.SimpleQueue[ServiceEvent]
) -> None:
    supervisor = supervise(READY, READY)
    supervisor.wait_ready(30)
    supervisor.hold()
    supervisor.kill("worker", "w1")
    supervisor.kill("worker", "w2")
    next_of(happened, "died")
    next_of(happened, "died")
    assert [supervisor.pid("worker", name) for name in supervisor.names("worker")] == [0, 0]
    supervisor.let_go()
    assert {next_of(happened, "restarted").name, next_of(happened, "restarted").name} == {"w1", "w2"}


def test_a_program_that_ignores_sigterm_and_talks_for_ever_is_ended(supervise: Supervise) -> None:
    source = (
        "import signal, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\n"
        "while True: print('x' * 1000, flush=True)"
    )
    supervisor = supervise(source)
    supervisor.wait_ready(30)
    supervisor.end()
    assert supervisor.pid("worker", "w1") == 0
    assert len(supervisor.log()) <= 262144


@LINUX
def test_nothing_is_left_when_whoever_supervises_is_killed(marked: Marked, tmp_path: Path) -> None:
    import subprocess

    source = f"""
import sys
from labctl.jobs.supervise import Program, Supervisor
import os
programs = [Program("worker", "w1", (sys.executable, "-c", {FORKS!r}), os.environ, {str(tmp_path)!r})]
supervisor = Supervisor(programs, restart=True, on_event=None)
assert supervisor.wait_ready(30) == ""
print("up", flush=True)
supervisor.wait_ready(600)
import time; time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", source], env=marked.env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        watched = marked.watch()
        assert len(watched) >= 4
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert marked.all_end(watched)
