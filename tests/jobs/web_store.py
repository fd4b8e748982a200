"""A store in memory with everything that the web application asks of one, and an application around it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jobs.scripted_store import ScriptedStore, settings_in
from werkzeug.test import TestResponse

from labctl.jobs.access import make_tokens
from labctl.jobs.settings import Settings
from labctl.jobs.store import Accepted, Event, Job, Refused, StoreUnavailable
from labctl.jobs.web import create_app

HOST = "jobs.test:8000"
REPORT = {"kind": "report", "input": {"steps": 3, "step_s": 0}}


class WebStore(ScriptedStore):
    """Jobs end when a test says so. `refusal` is what a submission gets; `why` of a store that is away."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, tuple[str, Any]] = {}
        self.cancelled: set[str] = set()
        self.refusal: Refused | None = None
        self.why = "gone"

    def _there(self) -> None:
        if self.away:
            raise StoreUnavailable(self.why)  # type: ignore[arg-type]

    def submit(self, user: str, kind: str, given: Mapping[str, Any], key: str = "") -> Accepted | Refused:
        self._there()
        if self.refusal is not None:
            return self.refusal
        name = f"{user} {key}" if key else f"{user} {len(self.rows)} {time.monotonic_ns()}"
        job_id = hashlib.sha256(name.encode()).hexdigest()[:32]
        if job_id in self.rows:
            same = self.keys[job_id] == (kind, given)
            return Accepted(job_id, False) if same else Refused(422, 0, "This key was used for another job.")
        self.keys[job_id] = (kind, given)
        self.add(job_id, user)
        return Accepted(job_id, True)

    def get(self, job_id: str, user: str | None = None) -> Job | None:
        job = super().get(job_id, user)
        return job._replace(status="cancelled") if job is not None and job_id in self.cancelled else job

    def list(self, user: str, limit: int = 50) -> tuple[Job, ...]:
        self._there()
        return tuple(job for job_id in self.rows if (job := self.get(job_id, user)) is not None)[:limit]

    def cancel(self, job_id: str) -> bool:
        self.cancelled.add(job_id)
        self.end(job_id)
        return True

    def events_of(self, wanted: Mapping[str, int]) -> dict[str, tuple[tuple[Event, ...], bool]]:
        found = super().events_of(wanted)
        for job_id in self.cancelled & found.keys():
            events, ended = found[job_id]
            found[job_id] = ((*events, Event(-1, "cancelled", {})), ended)
        return found


class Web:
    """The application with two users, ann and bob."""

    def __init__(self, folder: Path, **changes: object) -> None:
        self.settings: Settings = settings_in(folder, **{"hosts": (HOST,), **changes})
        self.tokens = make_tokens(folder, ("ann", "bob"))
        self.store = WebStore()
        self.app: Flask = create_app(self.settings, store=self.store)
        self.app.testing = False
        self.backend = self.app.extensions["jobs"]
        self.places = self.app.extensions["places"]

    def client(self) -> FlaskClient:
        """A browser that knows nothing yet."""
        return self.app.test_client()

    def ask(self, method: str, path: str, user: str = "ann", **more: Any) -> TestResponse:
        """One request with the token of `user`; "": without one."""
        headers = {"Authorization": f"Bearer {self.tokens[user]}"} if user else {}
        headers |= more.pop("headers", {})
        return self.client().open(path, method=method, base_url=f"http://{HOST}", headers=headers, **more)

    def submit(self, user: str = "ann") -> str:
        return str(self.ask("POST", "/api/jobs", user, json=REPORT).json["job_id"])


@contextmanager
def web_in(folder: Path, **changes: object) -> Iterator[Web]:
    web = Web(folder, **changes)
    try:
        yield web
    finally:
        web.backend.close()
