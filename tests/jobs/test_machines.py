"""Two worker machines on one PostgreSQL share the queue; one dies, and the other finishes its job."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jobs_clients import Asking, Follower
from own_postgres import private_postgres
from processes import LINUX, Marked

from labctl.jobs.service import Service
from labctl.jobs.settings import Settings

pytestmark = LINUX


@contextlib.contextmanager
def machine(name: str, database: str, folder: Path, marked: Marked) -> Iterator[subprocess.Popen[bytes]]:
    """`labctl jobs work` with a name and a folder of its own, in a process group of its own, once it takes jobs."""
    words = ["jobs", "work", "--engine", database, "--name", name, "--folder", str(folder / name)]
    process = subprocess.Popen(
        [sys.executable, "-m", "labctl", *words, "--workers", "1", "--slots", "1", "--jsonl"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=marked.env,
        process_group=0,
    )
    with process:
        assert process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            assert told["kind"] == "listening"
            assert list(told["workers"]) == [f"{name}-w1"]
            yield process
        finally:
            process.terminate()
            process.stdout.read()


def worker_of(follower: Follower) -> set[str]:
    return {str(told["worker"]) for told in follower.data if "worker" in told}


def test_two_machines_share_the_queue_and_one_finishes_what_the_other_began() -> None:
    import threading

    both_run = threading.Semaphore(0)
    north, south = Marked(), Marked()
    with (
        tempfile.TemporaryDirectory(prefix="labctl-machines-") as kept,
        private_postgres() as postgres,
        Service(Settings(postgres.url, kept), workers=0) as service,
        machine("north", postgres.url, Path(kept), north) as doomed,
        machine("south", postgres.url, Path(kept), south),
    ):
        service.wait_ready(60)
        ann, bob = (Asking(service.url, token) for token in service.tokens.values())
        followers = [
            Follower(user, user.submit(20, 0.1), lambda number: both_run.release() if number == 2 else None)
            for user in (ann, bob)
        ]
        for _ in followers:
            assert both_run.acquire(timeout=60), service.log()
        assert {name for f in followers for name in worker_of(f)} == {"north-w1", "south-w1"}
        # The machine is gone at once, with all that ran on it.
        watched = north.watch()
        os.kill(doomed.pid, signal.SIGKILL)
        assert north.all_end(watched)
        for follower in followers:
            follower.join()
            assert follower.ids == list(range(22))
        assert sorted(map(sorted, map(worker_of, followers))) == [["north-w1", "south-w1"], ["south-w1"]]
    assert not south.alive()
