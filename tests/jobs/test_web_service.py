"""The web server as it is run, gunicorn's threads and the real engine: a burst, a crowd of streams, who left."""

from __future__ import annotations

import socket
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest
from processes import LINUX

from labctl.jobs.service import Service
from labctl.jobs.settings import Settings

pytestmark = LINUX

USERS = tuple(f"u{number}" for number in range(8))
CAP, PER_USER = 50, 10


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="labctl-web-") as kept:
        settings = Settings(
            f"sqlite:///{kept}/jobs.db",
            kept,
            cap=CAP,
            per_user=PER_USER,
            heartbeat_s=0.2,
            threads=8,
            streams=4,
            streams_per_user=3,
        )
        with Service(settings, web=1, workers=1, users=USERS) as found:
            found.wait_ready(60)
            yield found


def ask(service: Service, method: str, path: str, user: str = "u0", **more: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {service.tokens[user]}"}
    return httpx.request(method, service.url + path, headers=headers, timeout=60, trust_env=False, **more)  # type: ignore[arg-type]


def submit(service: Service, user: str, steps: int, step_s: float) -> httpx.Response:
    body = {"kind": "report", "input": {"steps": steps, "step_s": step_s}}
    return ask(service, "POST", "/api/jobs", user, json=body)


class Listener:
    """A stream over a socket of its own, which can be left without a word."""

    def __init__(self, service: Service, job_id: str, user: str) -> None:
        there = urlsplit(service.url)
        assert there.hostname
        assert there.port
        self.socket = socket.create_connection((there.hostname, there.port), 60)
        head = f"GET /api/jobs/{job_id}/stream HTTP/1.1\r\nHost: {there.netloc}\r\n"
        self.socket.sendall(f"{head}Authorization: Bearer {service.tokens[user]}\r\n\r\n".encode())
        self.got = b""
        while b"\r\n\r\n" not in self.got:
            self._more()
        self.status = int(self.got.split(b" ", 2)[1])

    def until(self, wanted: bytes) -> None:
        while wanted not in self.got:
            self._more()

    def _more(self) -> None:
        data = self.socket.recv(65536)
        assert data, self.got
        self.got += data


def test_a_burst_fills_the_queue_to_its_cap_and_not_one_job_more(service: Service) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: submit(service, USERS[number % 8], 900, 0.1), range(200)))
    counted = Counter(answer.status_code for answer in answers)
    assert counted[202] == CAP, counted
    assert set(counted) <= {202, 429, 503}
    for answer in answers:
        if answer.status_code != 202:
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.json()["message"].endswith(".")
    accepted = {answer.json()["job_id"] for answer in answers if answer.status_code == 202}
    assert len(accepted) == CAP
    listed = {user: ask(service, "GET", "/api/jobs", user).json()["jobs"] for user in USERS}
    assert {job["job_id"] for jobs in listed.values() for job in jobs} == accepted
    assert max(map(len, listed.values())) <= PER_USER
    for user, jobs in listed.items():
        for job in jobs:
            assert ask(service, "DELETE", job["url"], user).json()["status"] == "cancelled"
    # There is room again.
    assert submit(service, "u0", 1, 0).status_code == 202


def test_who_has_left_gives_the_place_back_and_the_site_answers_all_the_while(service: Service) -> None:
    jobs = {user: submit(service, user, 100, 1.5).json()["job_id"] for user in ("u1", "u2")}
    with ExitStack() as held:
        listeners = [Listener(service, jobs[user], user) for user in ("u1", "u1", "u1", "u2")]
        for each in listeners:
            held.enter_context(each.socket)
            assert each.status == 200
            each.until(b": beat")
        mine, full = (ask(service, "GET", f"/api/jobs/{jobs[user]}/stream", user) for user in ("u1", "u2"))
        assert (full.status_code, full.json()["error"]) == (503, "no-place")
        assert mine.status_code in (429, 503)
        assert int(full.headers["Retry-After"]) >= 1
        assert httpx.get(service.url + "/healthz", trust_env=False).text == "ok\n"
        assert ask(service, "GET", "/api/jobs", "u2").status_code == 200
        listeners[0].socket.close()
        while (again := Listener(service, jobs["u2"], "u2")).status == 503:
            again.socket.close()
        with again.socket:
            again.until(b"event: started")
    for user, job_id in jobs.items():
        assert ask(service, "DELETE", f"/api/jobs/{job_id}", user).status_code == 200
