"""The database gone and back, and the disk full: clear answers meanwhile, and nothing lost afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from jobs_clients import Asking, Follower, steps_run
from own_postgres import private_postgres
from processes import LINUX, Marked

from labctl.jobs.service import Service
from labctl.jobs.settings import Settings

pytestmark = LINUX
SMALL = "8m"


def test_postgresql_is_killed_and_comes_back() -> None:
    begun = threading.Event()
    with (
        tempfile.TemporaryDirectory(prefix="labctl-gone-") as kept,
        private_postgres() as postgres,
        Service(Settings(postgres.url, kept, max_attempts=50), workers=1) as service,
    ):
        service.wait_ready(60)
        ann = Asking(service.url, next(iter(service.tokens.values())))
        job = ann.submit(20, 0.1)
        follower = Follower(ann, job, lambda number: begun.set() if number == 2 else None)
        assert begun.wait(30), service.log()
        postgres.kill()
        refused = ann.ask("POST", "/api/jobs", json={"kind": "report", "input": {"steps": 1, "step_s": 0}})
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.json()["message"].endswith(".")
        assert ann.ask("GET", f"/api/jobs/{job}").status_code == 503
        postgres.start()
        follower.join()
        assert follower.ids == list(range(22)), service.log()
        assert follower.types[-1] == "done"
        assert set(steps_run(Path(kept))) >= {(job, step) for _, step in steps_run(Path(kept))}
        after = Follower(ann, ann.submit(1, 0))
        after.join()
        assert after.types == ["started", "progress", "done"]


@pytest.mark.parametrize("fault", ["", "snapshot-store"])
def test_all_that_have_the_file_open_are_killed_at_once(fault: str) -> None:
    """The file is the database: nothing is lost. A store that only saves a snapshot now and then forgets the job."""
    begun = threading.Event()
    with tempfile.TemporaryDirectory(prefix="labctl-gone-") as kept:
        settings = Settings(f"sqlite:///{kept}/jobs.db", kept, faults=frozenset({fault} - {""}))
        with Service(settings, workers=1) as service:
            service.wait_ready(60)
            ann = Asking(service.url, next(iter(service.tokens.values())))
            job = ann.submit(10, 0.1)
            follower = Follower(ann, job, lambda number: begun.set() if number == 2 else None)
            assert begun.wait(30), service.log()
            killed = service.kill_store()
            assert set(killed) == {"web", "w1"}
            service.wait_ready(60)
            assert not set(killed.values()) & {service.web_pid(), *service.worker_pids().values()}
            if fault:
                assert ann.ask("GET", f"/api/jobs/{job}").status_code == 404
                with pytest.raises(AssertionError, match="status 404"):
                    follower.join()
            else:
                follower.join()
                assert follower.ids == list(range(12))


def mounted(command: str) -> list[str] | None:
    """A command line that runs this with a small disk at /mnt, which nobody else sees; None where that is refused."""
    program = shutil.which("unshare")
    if program is None:
        return None
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    mount = f"mount -t tmpfs -o size={SMALL},mode=0755 tmpfs /mnt"
    words = [program, *rights, "--mount", "--propagation", "private", "sh", "-c"]
    tried = subprocess.run([*words, mount], capture_output=True, check=False)
    return [*words, f"{mount} && exec {command}"] if tried.returncode == 0 else None


def test_the_disk_is_full_and_has_room_again() -> None:
    command = mounted('"$0" "$1"')
    if command is None:
        if os.environ.get("LABCTL_REQUIRE_BOX") == "1":
            pytest.fail("no disk of our own can be mounted here")
        pytest.skip("no disk of our own can be mounted here")
    marked = Marked()
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [*command, sys.executable, __file__],
        env={**marked.env, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("nothing was lost\n")
    assert not marked.alive()


def on_a_small_disk() -> None:
    """What runs where /mnt is a small disk."""
    folder, filler = Path("/mnt/jobs"), Path("/mnt/filler")
    begun = threading.Event()
    with Service(Settings(f"sqlite:///{folder}/jobs.db", str(folder), max_attempts=50), workers=1) as service:
        service.wait_ready(60)
        ann = Asking(service.url, next(iter(service.tokens.values())))
        job = ann.submit(20, 0.1)
        follower = Follower(ann, job, lambda number: begun.set() if number == 2 else None)
        assert begun.wait(30), service.log()
        with filler.open("wb", buffering=0) as file:
            for size in (65536, 4096, 512, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue
        seen = set()
        for number in range(50):
            body = {"kind": "report", "input": {"steps": 1, "step_s": 0}}
            got = ann.ask("POST", "/api/jobs", json=body, headers={"Idempotency-Key": f"full-{number}"})
            seen.add(got.status_code)
            if got.status_code == 507:
                assert got.json()["message"].endswith("."), got.text
                break
        assert 507 in seen, (seen, service.log())
        assert ann.ask("GET", f"/api/jobs/{job}").status_code == 200
        filler.unlink()
        follower.join()
        assert follower.ids == list(range(22)), (follower.ids, service.log())
        assert follower.types[-1] == "done"
        after = Follower(ann, ann.submit(1, 0))
        after.join()
        assert after.types == ["started", "progress", "done"]
    sys.stdout.write("nothing was lost\n")


if __name__ == "__main__":
    on_a_small_disk()
