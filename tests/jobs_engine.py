"""Stores and real worker processes of the jobs engine, for tests. Nothing of them is left afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from own_postgres import private_postgres

from labctl import children
from labctl.jobs.settings import VARIABLE, Settings
from labctl.jobs.store import Accepted, Event, Store

_PATIENCE = 1200


@contextlib.contextmanager
def settings_on(engine: str, **more: Any) -> Iterator[Settings]:
    """Settings with a database of their own; `engine` is sqlite or postgres (skipped where it is missing)."""
    with tempfile.TemporaryDirectory(prefix="labctl-engine-") as folder:
        if engine == "sqlite":
            yield Settings(f"sqlite:///{folder}/jobs.db", folder, **more)
        else:
            with private_postgres() as postgres:
                yield Settings(postgres.url, folder, **more)


@contextlib.contextmanager
def open_store(settings: Settings, *, migrate: bool = False) -> Iterator[Store]:
    store = Store(settings, migrate=migrate)
    try:
        yield store
    finally:
        store.close()


def start_worker(
    settings: Settings, name: str, *, log: int = subprocess.DEVNULL, **environment: str
) -> subprocess.Popen[bytes]:
    """A worker that takes jobs already; `log` is where it writes what it has to say."""
    worker = children.start(
        [sys.executable, "-m", "labctl.jobs.worker", name],
        env={**os.environ, VARIABLE: settings.to_json(), **environment},
        stdout=subprocess.PIPE,
        stderr=log,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"ready\n"
    return worker


def kill(worker: subprocess.Popen[bytes]) -> None:
    """kill -9, and nothing of it is left."""
    worker.kill()
    worker.wait()
    assert worker.stdout is not None
    worker.stdout.close()


@contextlib.contextmanager
def working(settings: Settings, *names: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers of these names; whoever of them is left is killed in the end."""
    workers: list[subprocess.Popen[bytes]] = []
    try:
        for name in names:
            workers.append(start_worker(settings, name))
        yield workers
    finally:
        for worker in workers:
            kill(worker)


def wait_for(what: Callable[[], Any]) -> Any:
    """The first true value of it. Looks every 25 ms, for half a minute."""
    tick = threading.Event()
    for _ in range(_PATIENCE):
        if value := what():
            return value
        tick.wait(0.025)
    raise AssertionError("it did not happen")


def submitted(store: Store, user: str = "ann", **given: Any) -> str:
    """The id of a new report."""
    answer = store.submit(user, "report", given)
    assert isinstance(answer, Accepted), answer
    return answer.job_id


def whole(store: Store, job_id: str) -> list[Event]:
    """All events of a job, when it has ended."""

    def look() -> tuple[list[Event]] | None:
        events, ended = store.events(job_id)
        return (list(events),) if ended else None

    found: tuple[list[Event]] = wait_for(look)
    return found[0]


def steps_run(settings: Settings, job_id: str) -> Counter[int]:
    """How often each step was begun, from the ledger."""
    lines = [json.loads(line) for line in Path(settings.folder, "effects.jsonl").read_text().splitlines()]
    return Counter(line["step"] for line in lines if line["job"] == job_id)


def assert_complete(events: list[Event], steps: int) -> None:
    """Ids without a gap, every step once and in order, done at the end."""
    assert [event.id for event in events] == list(range(steps + 2))
    assert [event.type for event in events] == ["started", *["progress"] * steps, "done"]
    assert [event.data["step"] for event in events[1:-1]] == list(range(steps))
