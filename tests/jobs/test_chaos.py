"""Several jobs, and kill -9 at random: all of them end, and every stream has exactly its events, in order, once."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from jobs_clients import Asking, Follower, steps_run
from own_postgres import private_postgres
from processes import LINUX

from labctl.jobs.service import Service
from labctl.jobs.settings import Settings

pytestmark = LINUX
JOBS, STEPS, STEP_S, KILLS = 6, 8, 0.05, 6
# Fewer when the jobs are done before: how many events come between two kills is a matter of chance.
FEWEST_KILLS = 3


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    with tempfile.TemporaryDirectory(prefix="labctl-chaos-") as folder:
        # A job that is in a worker whenever one is killed is begun more often than usual.
        more = {"max_attempts": 100, "takeover_s": 0.2}
        if request.param == "sqlite":
            yield Settings(f"sqlite:///{folder}/jobs.db", folder, **more)
        else:
            with private_postgres() as postgres:
                yield Settings(postgres.url, folder, **more)


class Progress:
    """Counts what all clients hear, and lets somebody wait for more of it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heard = 0
        self._all = JOBS * (STEPS + 2)

    def heard(self, number: int) -> None:
        with self._changed:
            self._heard += 1
            self._changed.notify_all()

    def wait_for_more(self, events: int) -> bool:
        with self._changed:
            wanted = self._heard + events
            self._changed.wait_for(lambda: self._heard >= min(wanted, self._all), 60)
            return wanted <= self._heard < self._all


def kill_one(service: Service, chance: random.Random) -> str:
    """A worker, the web server with all that it forked, or only a child of it."""
    what = chance.choice(["worker", "worker", "server", "child"])
    if what == "worker":
        service.kill("worker", chance.choice(["w1", "w2"]))
    elif what == "server":
        service.kill("server")
    else:
        for pid in Path(f"/proc/{service.web_pid()}/task/{service.web_pid()}/children").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
    return what


@pytest.mark.timeout(240)
def test_all_jobs_end_and_no_event_is_lost_or_doubled(settings: Settings) -> None:
    chance, progress = random.Random(6), Progress()
    with Service(settings, workers=2) as service:
        service.wait_ready(60)
        users = [Asking(service.url, token) for token in service.tokens.values()]
        followers = []
        for number in range(JOBS):
            user = users[number % len(users)]
            job = user.submit(STEPS, STEP_S, key=f"chaos-{number}")
            followers.append(Follower(user, job, progress.heard))
        killed: list[str] = []
        while len(killed) < KILLS and progress.wait_for_more(chance.randint(1, 5)):
            killed.append(kill_one(service, chance))
        assert len(killed) >= FEWEST_KILLS, service.log()
        for follower in followers:
            follower.join(120)
        for follower in followers:
            assert follower.ids == list(range(STEPS + 2)), (killed, service.log())
            assert follower.types == ["started", *["progress"] * STEPS, "done"]
        ran = steps_run(Path(settings.folder))
        assert {job for job, _ in ran} == {follower.job for follower in followers}
        assert len(ran) == JOBS * STEPS
        # At most the step in flight of each job runs twice, for each kill.
        assert sum(ran.values()) - len(ran) <= len(killed) * JOBS
        # Whoever comes later reads the same, and then that there is nothing more.
        late = Follower(users[0], followers[0].job)
        late.join()
        assert late.data == followers[0].data
        ended = users[0].ask(
            "GET", f"/api/jobs/{followers[0].job}/stream", headers={"Last-Event-ID": str(STEPS + 1)}
        )
        assert ended.status_code == 204
