"""A whole service: from a worker's write to a client's read, and the p99 of POST under load. Part of jobs.py.

The jobs are of the kind `ticks` (below), which puts the monotonic clock into each event just before it writes it; the
clock is the same in all processes of a machine. The commit is part of what is measured.
"""

from __future__ import annotations

import http.client
import json
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

EVENTS = 100
POSTS = 400
POSTERS = 8
_TICKS = """import time

def ticks(job, n=10, each_s=0.02):
    for number in range(n):
        job.step(f"wait {number}", time.sleep, each_s)
        job.progress(percent=100 * number / n, at=time.monotonic())
"""
_AT = re.compile(rb'"at": ?([0-9.]+)')


@contextmanager
def service(database: str, folder: Path, **changes: Any) -> Iterator[Any]:
    from labctl.jobs.service import Service
    from labctl.jobs.settings import Settings

    jobs = folder / "ticks.py"
    folder.mkdir(parents=True, exist_ok=True)
    jobs.write_text(_TICKS)
    settings = Settings(
        database=database or f"sqlite:///{folder / 'jobs.db'}",
        folder=str(folder),
        cap=100_000,
        per_user=100_000,
        jobs_file=str(jobs),
        **changes,
    )
    with Service(settings, workers=2, stream_server=True) as found:
        found.wait_ready(40)
        yield found


def _post(connection: http.client.HTTPConnection, token: str, kind: str, given: dict[str, object]) -> str:
    body = json.dumps({"kind": kind, "input": given})
    fields = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    connection.request("POST", "/api/jobs", body, fields)
    response = connection.getresponse()
    told = json.loads(response.read())
    assert response.status == 202, told
    return str(told["job_id"])


def _connect(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)


def waited_ms(running: Any) -> list[float]:
    """Of each event of one job, from its writing to our reading it from the stream server."""
    token = running.tokens["ann"]
    job = _post(_connect(running.url), token, "ticks", {"n": EVENTS})
    connection = _connect(running.stream_url)
    connection.request("GET", f"/api/jobs/{job}/stream", headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    found = []
    while data := response.read1(65536):
        now = time.monotonic()
        found += [(now - float(at)) * 1000 for at in _AT.findall(data)]
    assert len(found) == EVENTS, len(found)
    return found[5:]  # the first ones were there before we asked


def post_ms(running: Any) -> list[float]:
    """Of POSTs by several clients at once, while workers run the jobs."""
    found: list[float] = []

    def client(number: int) -> None:
        connection = _connect(running.url)
        token = list(running.tokens.values())[number % 2]
        for _ in range(POSTS // POSTERS):
            before = time.monotonic()
            _post(connection, token, "report", {"steps": 1, "step_s": 0})
            found.append((time.monotonic() - before) * 1000)
        connection.close()

    clients = [threading.Thread(target=client, args=(number,)) for number in range(POSTERS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    assert len(found) == POSTS
    return found


def _rows(engine: str, database: str, folder: Path) -> list[tuple[str, str, str]]:
    with service(database, folder / "bell") as running:
        told = waited_ms(running)
        posted = sorted(post_ms(running))
    with service(database, folder / "poll", faults=frozenset({"polls-every-250-ms"})) as running:
        polled = waited_ms(running)
    what = "from a worker's write to a client's read"
    return [
        (f"{what}, {engine}, median ms", f"{statistics.median(told):.1f}", "20"),
        ("(the same, p99; polled each 250 ms, median)",
         f"{sorted(told)[int(len(told) * 0.99) - 1]:.1f}; {statistics.median(polled):.0f}", ""),
        (f"POST of {POSTERS} clients at once, {engine}, p99 ms", f"{posted[int(POSTS * 0.99) - 1]:.0f}", ""),
        ("(median; POSTs a second)",
         f"{statistics.median(posted):.0f}; {POSTERS * 1000 / statistics.mean(posted):.0f}", ""),
    ]  # fmt: skip


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, figure, goal)."""
    from labctl.errors import CannotRun
    from labctl.jobs.postgres import PrivatePostgres

    found = []
    with tempfile.TemporaryDirectory() as name:
        found += _rows("SQLite", "", Path(name) / "sqlite")
        try:
            Path(name).chmod(0o755)
            with PrivatePostgres(Path(name)) as database:
                found += _rows("PostgreSQL", database.url, Path(name) / "jobs")
        except CannotRun as missing:
            found.append(("the same on PostgreSQL", f"not measured: {missing}", "20"))
    return found


if __name__ == "__main__":
    for row in report():
        print(*row, sep="  |  ")
