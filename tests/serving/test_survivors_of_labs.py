"""Must show, from the command line: a lab that ends in the middle of a request leaves no process behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import LINUX, Marked

pytestmark = LINUX

# Says that a request has come, and never answers it. A daemon stands beside it.
STUCK = """
import os, signal
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        signal.pause()

def app(environ, start_response):
    with open(os.environ["FIFO"], "w") as came:
        came.write("here")
    while True:
        signal.pause() if environ["wsgi.multithread"] is False else __import__("time").sleep(1000)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "lab", [["flask", "stuck:app", "GET", "/"], ["wsgi", "stuck:app"], ["workers", "stuck:app"]]
)
def test_a_lab_that_ends_in_the_middle_leaves_nothing(
    lab: list[str], end: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "stuck.py").write_text(STUCK)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    marked = Marked()
    came = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    run = subprocess.Popen(
        [sys.executable, "-m", "labctl", *lab, "--no-input"],
        cwd=tmp_path,
        env={**marked.env, "FIFO": str(fifo), "LABCTL_HOME": str(tmp_path / "home")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        assert select.select([came], [], [], 30)[0], "no request came"
        watched = marked.watch()
        assert len(watched) >= 4  # labctl, a keeper, a server, the daemon
        os.killpg(run.pid, end)
        assert marked.all_end(watched)
        assert run.wait(10) == (130 if end == signal.SIGINT else -end)
    finally:
        os.close(came)
        run.kill()
        run.wait()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_lab_with_proxies_that_ends_after_its_first_event_leaves_nothing(
    end: signal.Signals, tmp_path: Path
) -> None:
    marked = Marked()
    with subprocess.Popen(
        [sys.executable, "-m", "labctl", "proxy", "--jsonl"],
        env={**marked.env, "LABCTL_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
    ) as run:
        try:
            assert run.stdout is not None
            assert run.stdout.readline().startswith(b"{")
            watched = marked.watch()
            os.killpg(run.pid, end)
            assert marked.all_end(watched)
        finally:
            run.kill()
