"""Children that end with us, however we end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labctl import children

LINUX = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="prctl(2) and pidfd_open(2) are Linux's"
)
SLEEP = [sys.executable, "-c", "import time; time.sleep(1000)"]


def ended(pidfd: int) -> bool:
    """Whether the process ends within ten seconds."""
    try:
        return bool(select.select([pidfd], [], [], 10)[0])
    finally:
        os.close(pidfd)


def test_a_child_leads_a_process_group_of_its_own() -> None:
    child = children.start(SLEEP)
    try:
        assert os.getpgid(child.pid) == child.pid
    finally:
        assert children.end(child) == -signal.SIGTERM


def test_a_child_that_ignores_sigterm_is_killed() -> None:
    program = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('on', flush=True); signal.pause()"
    )
    child = children.start([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"on\n"
    assert children.end(child, patience=0.05) == -signal.SIGKILL


def test_ending_a_child_that_has_ended_tells_its_exit_status() -> None:
    child = children.start([sys.executable, "-c", "raise SystemExit(7)"])
    child.wait()
    assert children.end(child) == 7


def test_a_program_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        children.start([str(tmp_path / "nothing")])


def test_what_a_child_started_ends_with_its_group() -> None:
    program = (
        "import signal, subprocess, sys; "
        "print(subprocess.Popen(sys.argv[1:]).pid, flush=True); signal.pause()"
    )
    child = children.start([sys.executable, "-c", program, *SLEEP], stdout=subprocess.PIPE)
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())
    if not sys.platform.startswith("linux"):
        children.end(child)
        return
    pidfd = os.pidfd_open(grandchild)
    children.end(child)
    assert ended(pidfd)


@LINUX
def test_kill_9_of_the_parent_kills_the_child() -> None:
    program = (
        "import sys, time; from labctl import children; "
        "print(children.start(sys.argv[1:]).pid, flush=True); time.sleep(1000)"
    )
    with subprocess.Popen([sys.executable, "-c", program, *SLEEP], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pidfd = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    assert ended(pidfd)


def test_a_child_that_watches_a_pipe_ends_with_the_pipe() -> None:
    program = (
        "import sys, time; from labctl.children import end_with; end_with(sys.stdin.buffer); "
        "print('on', flush=True); time.sleep(1000)"
    )
    child = children.start([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == b"on\n"
    child.stdin.close()
    assert child.wait(10) == 1
    children.end(child)
