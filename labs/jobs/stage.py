"""A jobs service for one run: in a folder that is deleted, with the internet's fault, ended whatever happens."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from labctl.internet import Internet
from labs.jobs.wire import Wire

if TYPE_CHECKING:
    from labctl.jobs.eventsource import EventSource
    from labctl.jobs.postgres import PrivatePostgres
    from labctl.jobs.service import Service

Engine = Literal["sqlite", "postgres"]
READY_S = 30.0
ENDED = ("done", "failed", "cancelled")


class Reply(NamedTuple):
    """An answer; `fields` by lower-case name, `body` the JSON in it ({} without one). Monotonic seconds."""

    status: int
    fields: dict[str, str]
    body: dict[str, Any]
    sent_at: float
    at: float

    @property
    def took_ms(self) -> float:
        return (self.at - self.sent_at) * 1000


class Ran(NamedTuple):
    """A step that began, as the ledger has it; `at` in monotonic seconds of ours."""

    at: float
    job: str
    step: int
    pid: int
    worker: str


class Stage:
    """What a run of the lab asks: the service, and the wire to it that can be cut."""

    def __init__(
        self, service: Service, wire: Wire, folder: Path, boot_ms: float, postgres: PrivatePostgres | None
    ) -> None:
        self.service = service
        self.wire = wire
        self.folder = folder
        self.boot_ms = boot_ms
        self.postgres = postgres

    def fields(self, user: str = "ann") -> dict[str, str]:
        """The credentials of a user; none for ""."""
        return {"Authorization": f"Bearer {self.service.tokens[user]}"} if user else {}

    def ask(
        self,
        method: str,
        path: str,
        *,
        user: str = "ann",
        body: Mapping[str, Any] | None = None,
        fields: Mapping[str, str] | None = None,
        timeout_s: float = 20.0,
        wired: bool = False,
    ) -> Reply:
        """One request over a connection of its own. Raises OSError, HTTPException.

        `wired`: through the wire, else straight to the server.
        """
        there = urlsplit(self.wire.url if wired else self.service.url)
        assert there.hostname
        connection = http.client.HTTPConnection(there.hostname, there.port, timeout=timeout_s)
        content = None if body is None else json.dumps(body)
        sent = {**self.fields(user), **(fields or {})}
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        began = time.monotonic()
        try:
            connection.request(method, path, content, sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            raw = answer.read()
            return Reply(answer.status, found, _json(raw), began, time.monotonic())
        finally:
            connection.close()

    def submit(
        self, steps: int, step_s: float, *, user: str = "ann", key: str = "", wired: bool = False, **more: Any
    ) -> Reply:
        """POST a report of so many steps of so many seconds. Raises OSError, HTTPException."""
        wanted = {"kind": "report", "input": {"steps": steps, "step_s": step_s, **more}}
        fields = {"Idempotency-Key": key} if key else None
        return self.ask("POST", "/api/jobs", user=user, body=wanted, fields=fields, wired=wired)

    def stream(self, job_id: str, *, user: str = "ann", wired: bool = False, **more: Any) -> EventSource:
        """An EventSource of a job; it connects when it is iterated."""
        from labctl.jobs.eventsource import EventSource

        base = self.wire.url if wired else self.service.url
        return EventSource(f"{base}/api/jobs/{job_id}/stream", headers=self.fields(user), **more)

    def status(self, job_id: str, user: str = "ann") -> str:
        """Of a job; "" for one that is not there. Raises OSError, HTTPException."""
        return str(self.ask("GET", f"/api/jobs/{job_id}", user=user).body.get("status", ""))

    def wait_ended(self, job_id: str, timeout_s: float = 20.0) -> str:
        """The status of a job when it has ended, or what it is when the time is over."""
        self.until(lambda: self.status(job_id) in ENDED, timeout_s)
        return self.status(job_id)

    def until(self, true: Callable[[], bool], timeout_s: float = 20.0) -> bool:
        """Wait until something is so; whether it came to be."""
        deadline = time.monotonic() + timeout_s
        while not (found := true()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def ledger(self, job_id: str = "") -> tuple[Ran, ...]:
        """The steps that began, in order; of one job, or of all."""
        from labctl.jobs.effects import LEDGER

        path = self.folder / LEDGER
        if not path.exists():
            return ()
        ahead = time.time() - time.monotonic()
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        told = [json.loads(line) for line in lines]
        return tuple(
            Ran(each["at"] - ahead, each["job"], each["step"], each["pid"], str(each.get("worker", "")))
            for each in told
            if not job_id or each["job"] == job_id
        )


@contextmanager
def standing(
    internet: Internet,
    *,
    engine: Engine = "sqlite",
    faults: frozenset[str] = frozenset(),
    workers: int = 2,
    web: int = 1,
    restart: bool = True,
    stream_server: bool = False,
    users: tuple[str, ...] = ("ann", "bob"),
    wait: bool = True,
    **settings: Any,
) -> Iterator[Stage]:
    """A service that takes jobs; `settings` are fields of Settings. Raises CannotRun for what does not stand.

    `faults` are added to the internet's. `wait` False: it may still be starting.
    """
    from labctl.jobs.service import Service
    from labctl.jobs.settings import Settings, read_engine

    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="labctl-jobs-"))).resolve()
        postgres = None
        if engine == "postgres":
            postgres = held.enter_context(_postgres())
        wire = held.enter_context(Wire())
        database = read_engine("sqlite", folder) if postgres is None else postgres.url
        began = time.monotonic()
        service = held.enter_context(
            Service(
                Settings(
                    database,
                    str(folder),
                    hosts=(wire.place,),
                    faults=faults_of(internet) | faults,
                    **settings,
                ),
                web=web,
                workers=workers,
                restart=restart,
                stream_server=stream_server,
                users=users,
            )
        )
        if wait:
            service.wait_ready(READY_S)
            _warm(service)
        there = urlsplit(service.url)
        assert there.hostname
        assert there.port
        wire.aim(there.hostname, there.port)
        yield Stage(service, wire, folder, (time.monotonic() - began) * 1000, postgres)


def faults_of(internet: Internet) -> frozenset[str]:
    """What a fault of the sandbox switches on; nothing without one."""
    if not internet.fault:
        return frozenset()
    from labctl.sandbox.faults import town_under

    return town_under(internet.fault).web


@contextmanager
def _postgres() -> Iterator[PrivatePostgres]:
    """A PostgreSQL of our own, in a folder that its user may enter. Raises CannotRun postgres-missing."""
    from labctl.jobs.postgres import PrivatePostgres

    with tempfile.TemporaryDirectory(prefix="labctl-postgres-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103  # the server runs as another user when we are root
        with PrivatePostgres(Path(folder) / "data") as postgres:
            yield postgres


def _warm(service: Service) -> None:
    """A first request opens the store, which is no part of what is measured."""
    if not service.tokens:
        return
    there = urlsplit(service.url)
    assert there.hostname
    connection = http.client.HTTPConnection(there.hostname, there.port, timeout=READY_S)
    token = next(iter(service.tokens.values()))
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", "/api/jobs", headers={"Authorization": f"Bearer {token}"})
        connection.getresponse().read()


def _json(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
