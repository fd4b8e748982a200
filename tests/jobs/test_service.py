"""The whole service as a user meets it: `labctl jobs serve` and its clients, restarts, and no process left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jobs_clients import Asking, Follower
from processes import LINUX, Marked, children_of_ours

from labctl.errors import CannotRun
from labctl.jobs.service import Service
from labctl.jobs.service_folder import running
from labctl.jobs.settings import Settings
from labctl.jobs.supervise import ServiceEvent

pytestmark = LINUX


class Standing:
    """A service with stream server in this process, and the events of its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[ServiceEvent] = []
        self.service = Service(
            Settings(f"sqlite:///{folder}/jobs.db", str(folder), takeover_s=0.2, max_attempts=50),
            stream_server=True,
            on_event=self.events.append,
        )
        self.ann, self.bob = (Asking(self.service.url, token) for token in self.service.tokens.values())


@pytest.fixture(scope="module")
def standing() -> Iterator[Standing]:
    before = children_of_ours()
    with tempfile.TemporaryDirectory(prefix="labctl-service-") as kept:
        standing = Standing(Path(kept))
        try:
            standing.service.wait_ready(60)
            yield standing
        finally:
            standing.service.end()
    assert children_of_ours() <= before


def cli(standing: Standing, *words: str) -> subprocess.CompletedProcess[str]:
    """`labctl jobs ...` for this service, by its folder alone."""
    return subprocess.run(
        [sys.executable, "-m", "labctl", "jobs", *words, "--folder", str(standing.folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_its_folder_is_closed_to_others_and_says_where_it_is(standing: Standing) -> None:
    assert stat.S_IMODE(standing.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((standing.folder / "tokens.json").stat().st_mode) == 0o600
    there = running(standing.folder)
    assert there is not None
    assert (there.url, there.stream_url) == (standing.service.url, standing.service.stream_url)


def test_a_second_service_with_the_folder_is_refused_and_told_of_the_first(standing: Standing) -> None:
    with pytest.raises(CannotRun) as told:
        Service(standing.service.settings)
    assert told.value.code == "jobs-folder-in-use"
    assert standing.service.url in told.value.evidence[0][1]


def test_submit_and_watch_find_the_service_and_the_token_by_themselves(standing: Standing) -> None:
    done = cli(standing, "submit", "report", '{"steps": 3, "step_s": 0.02}', "--watch")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "202 Accepted" in lines[0]
    assert lines[1] == "Event 0: started."
    assert lines[-1] == "Event 4: done."
    assert [line for line in lines if "progress" in line] == [
        f"Event {n}: progress {percent}%, step {n} of 3." for n, percent in ((1, 33), (2, 67), (3, 100))
    ]


def test_the_same_key_is_the_same_job_and_each_user_sees_their_own(standing: Standing) -> None:
    words = ("submit", "report", '{"steps": 1, "step_s": 0}', "--json", "--idempotency-key", "monday")
    first, second = (json.loads(cli(standing, *words).stdout) for _ in range(2))
    assert first["job_id"] == second["job_id"]
    job = first["job_id"]
    assert cli(standing, "watch", job).returncode == 0
    assert job in cli(standing, "list").stdout
    assert job not in cli(standing, "list", "--user", "bob", "--json").stdout
    for words in (("watch", job), ("cancel", job)):
        done = cli(standing, *words, "--user", "bob")
        assert done.returncode == 3
        assert "jobs-no-such-job" in done.stderr


def test_a_job_that_fails_and_one_that_is_cancelled_end_a_watch_with_1(standing: Standing) -> None:
    body = '{"steps": 2, "step_s": 0, "fail_at": 1}'
    failed = cli(standing, "submit", "report", body, "--watch", "--jsonl")
    assert failed.returncode == 1, failed.stderr
    assert json.loads(failed.stdout.splitlines()[-1])["type"] == "failed"
    job = standing.ann.submit(600, 0.05)
    follower = Follower(standing.ann, job)
    done = cli(standing, "cancel", job)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is cancelled" in done.stdout
    assert cli(standing, "watch", job).returncode == 1
    assert follower.job == job
    with contextlib.suppress(AssertionError):
        follower.join(30)


@pytest.mark.parametrize("what", ["worker", "server", "stream"])
def test_a_watch_goes_on_over_the_death_of_any_process(standing: Standing, what: Any) -> None:
    job = standing.ann.submit(25, 0.05)
    watch = subprocess.Popen(
        [sys.executable, "-m", "labctl", "jobs", "watch", job, "--jsonl", "--folder", str(standing.folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with watch:
        assert watch.stdout is not None
        told = [json.loads(watch.stdout.readline())]
        while told[-1]["kind"] != "event":
            told.append(json.loads(watch.stdout.readline()))
        pid = standing.service.kill(what)
        told += [json.loads(line) for line in watch.stdout]
    assert watch.returncode == 0
    assert [each["id"] for each in told if each["kind"] == "event"] == list(range(27))
    standing.service.wait_ready(60)
    assert any(event.kind == "died" and event.pid == pid for event in standing.events)
    assert any(event.kind == "restarted" and event.what == what for event in standing.events)


def serve(marked: Marked, folder: Path) -> subprocess.Popen[bytes]:
    words = ["jobs", "serve", "--listen", "127.0.0.1:0", "--folder", str(folder), "--stream-server"]
    return subprocess.Popen(
        [sys.executable, "-m", "labctl", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=marked.env,
        process_group=0,
    )


def test_serve_says_how_to_use_it_and_kill_9_leaves_no_process_while_a_job_runs(tmp_path: Path) -> None:
    marked, folder = Marked(), tmp_path / "jobs"
    with serve(marked, folder) as process:
        assert process.stdout is not None
        lines = []
        while not lines or "submit --watch" not in lines[-1]:
            lines.append(process.stdout.readline().decode())
            assert lines[-1], lines
        text = "".join(lines)
        there = running(folder)
        assert there is not None
        for words in (
            there.url,
            there.stream_url,
            f"{there.url}/login",
            str(folder / "tokens.json"),
            "SQLite",
        ):
            assert words in text
        token = next(iter(json.loads((folder / "tokens.json").read_text()).values()))
        assert there.pid == process.pid
        Asking(there.url, token).submit(100, 0.1)
        watched = marked.watch()
        # Ours, gunicorn with a worker, the stream server, two workers; each of the last four has a keeper.
        assert len(watched) >= 10
        os.kill(process.pid, signal.SIGKILL)
    assert marked.all_end(watched)
    assert not marked.alive()
    assert running(folder) is None


def test_ctrl_c_ends_serve_and_everything(tmp_path: Path) -> None:
    marked = Marked()
    with serve(marked, tmp_path / "jobs") as process:
        assert process.stdout is not None
        while b"submit --watch" not in process.stdout.readline():
            assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        assert "Stopped." in process.stdout.read().decode()
    assert process.returncode == 0
    assert not marked.alive()
