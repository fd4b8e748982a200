"""Clients of a jobs service for tests: over HTTP, with an SSE reader that we did not write."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import connect_sse

PATIENCE_S = 60.0


class Asking:
    """One user of a service."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request. A server that dies meanwhile is asked again, as a client with an Idempotency-Key may."""
        headers = {**self.headers, **more.pop("headers", {})}
        for _ in range(20):
            try:
                with httpx.Client(trust_env=False, timeout=PATIENCE_S) as client:
                    return client.request(method, self.url + path, headers=headers, **more)
            except (httpx.ReadError, httpx.RemoteProtocolError, httpx.ConnectError):
                continue
        raise AssertionError(f"{method} {path} was never answered")

    def submit(self, steps: int, step_s: float, key: str = "") -> str:
        """The id of a new report."""
        body = {"kind": "report", "input": {"steps": steps, "step_s": step_s}}
        got = self.ask("POST", "/api/jobs", json=body, headers={"Idempotency-Key": key} if key else {})
        assert got.status_code == 202, got.text
        return str(got.json()["job_id"])


class Follower:
    """Reads a stream in a thread, again and again after its last id, until a terminal event. `ids` as they came."""

    def __init__(self, asking: Asking, job: str, heard: Callable[[int], None] = lambda number: None) -> None:
        self.job = job
        self.ids: list[int] = []
        self.types: list[str] = []
        self.data: list[dict[str, Any]] = []
        self.connections = 0
        self.problem = ""
        self._asking = asking
        self._heard = heard
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow {job}", daemon=True)
        self._thread.start()

    def join(self, timeout_s: float = 90.0) -> None:
        """Until the end of the stream."""
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._stop.set()
            raise AssertionError(f"{self.job} did not end: {self.types} after {self.connections} connections")
        assert not self.problem, self.problem

    def _run(self) -> None:
        while not self._stop.is_set():
            self.connections += 1
            try:
                if self._read():
                    return
            except httpx.HTTPError:
                continue  # the server died: whoever connects waits until another one accepts

    def _read(self) -> bool:
        headers = {**self._asking.headers, **({"Last-Event-ID": str(self.ids[-1])} if self.ids else {})}
        url = f"{self._asking.url}/api/jobs/{self.job}/stream"
        with (
            httpx.Client(trust_env=False, timeout=PATIENCE_S, follow_redirects=True) as client,
            connect_sse(client, "GET", url, headers=headers) as source,
        ):
            if source.response.status_code == 503:
                return False
            if source.response.status_code != 200:
                self.problem = f"{self.job}: status {source.response.status_code}"
                return True
            for event in source.iter_sse():
                if not event.data:
                    continue  # `retry` alone
                self.ids.append(int(event.id))
                self.types.append(event.event)
                self.data.append(json.loads(event.data))
                self._heard(self.ids[-1])
                if event.event in ("done", "failed", "cancelled"):
                    return True
        return False


def steps_run(folder: Path) -> dict[tuple[str, int], int]:
    """How often each (job, step) was begun, by the ledger of effects."""
    found: dict[tuple[str, int], int] = {}
    for line in (folder / "effects.jsonl").read_text().splitlines():
        told = json.loads(line)
        place = (str(told["job"]), int(told["step"]))
        found[place] = found.get(place, 0) + 1
    return found
