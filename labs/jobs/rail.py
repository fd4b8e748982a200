"""The rows of the rail: what happened to one stream, each as it happens. See labctl.events.Exchange."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from labctl.events import Exchange, Hue
from labs.jobs.stage import Ran, Reply

_CLIENT, _SERVER = "client", "server"
_SHOWN = 8


class Got(NamedTuple):
    """An event that the client got. `at` in monotonic seconds; `step` None for one that is of no step."""

    at: float
    id: str
    type: str
    step: int | None
    percent: float | None
    worker: str = ""
    pid: int = 0

    @property
    def key(self) -> tuple[str, int | None]:
        """Which event it is, also when it has no id."""
        return self.type, self.step


def read(type: str, data: str, id: str) -> Got:
    """An event as the client got it, now."""
    try:
        told: Any = json.loads(data)
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    return Got(
        time.monotonic(),
        id,
        type,
        told.get("step"),
        told.get("percent"),
        str(told.get("worker", "")),
        int(told.get("pid", 0)),
    )


def short(job_id: str) -> str:
    """As much of an id as fits: its first characters, and that there are more."""
    return f"{job_id[:_SHOWN]}…" if len(job_id) > _SHOWN else job_id


class Rail:
    """Builds the rows; times are since `began`, monotonic seconds."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.job_id = ""

    def s(self, at: float) -> str:
        return f"{at - self.began:.1f} s"

    def submitted(self, reply: Reply) -> Exchange:
        self.job_id = str(reply.body.get("job_id", ""))
        took = f"{reply.took_ms:.0f} ms" if reply.took_ms < 1000 else f"{reply.took_ms / 1000:.1f} s"
        reason = {202: "202 Accepted", 200: "200 OK"}.get(reply.status, str(reply.status))
        return self._row(
            reply.sent_at,
            "request",
            "POST /api/jobs",
            f"POST /api/jobs: {reason} in {took}, job_id {self.job_id}.",
            f"{reason} in {took}, job_id={short(self.job_id)}",
        )

    def opened(self, at: float, last_event_id: str, again: bool) -> Exchange:
        path = f"/api/jobs/{self.job_id}/stream"
        label = f"GET /api/jobs/{short(self.job_id)}/stream"
        if not again:
            return self._row(
                at, "opened", label, f"At {self.s(at)} GET {path}: text/event-stream.", "text/event-stream"
            )
        if not last_event_id:
            return self._row(
                at, "request", label, f"At {self.s(at)} GET {path} again, without Last-Event-ID.", "no id"
            )
        said = f"Last-Event-ID: {last_event_id}"
        return self._row(at, "request", label, f"At {self.s(at)} GET {path} again, {said}.", said, hue="warn")

    def event(self, got: Got, late_s: float | None, twice: bool = False) -> Exchange:
        """`late_s`: how long it was there before the client got it; None for one that is told at once."""
        last = got.type in ("done", "failed", "cancelled")
        role = ("ended" if got.type == "done" else "failed") if last else "event"
        remark, said = "live", ""
        if twice:
            role = role if last else "replayed"
            remark, said = "a second time", "a second time"
        elif late_s is not None:
            role = role if last else "replayed"
            remark = said = f"replayed, {late_s:.1f} s late"
        elif got.worker:
            remark = f"live, {got.worker}"
        name = f"id {got.id}" if got.id else "no id"
        percent = f", {got.percent:.0f}%" if got.percent is not None else ""
        text = f"At {self.s(got.at)} {got.type}, {name}{percent}{', ' + said if said else ''}."
        share = got.percent / 100 if got.percent is not None else 0.0
        hue: Hue = "alt" if role == "replayed" else "ok" if role == "ended" else "accent"
        return self._row(got.at, role, name, text, remark, progress=share, event=got.type, hue=hue)

    def lost(self, at: float, remark: str) -> Exchange:
        text = f"At {self.s(at)} the connection was lost; {remark}."
        return self._row(at, "lost", "connection lost", text, remark, hue="bad")

    def killed(self, at: float, who: str, remark: str) -> Exchange:
        return self._row(at, "killed", f"kill -9 {who}", f"At {self.s(at)} kill -9 {who}; {remark}.", remark)

    def away(self, remark: str) -> Exchange:
        return self._row(time.monotonic(), "away", "", f"{remark[:1].upper()}{remark[1:]}.", remark)

    def _row(
        self,
        at: float,
        role: str,
        label: str,
        text: str,
        remark: str = "",
        *,
        progress: float | None = None,
        event: str = "",
        hue: Hue = "accent",
    ) -> Exchange:
        to_client = role in ("opened", "event", "replayed", "ended", "failed")
        return Exchange(
            text=text,
            at_ms=round((at - self.began) * 1000, 1),
            source=_SERVER if to_client else _CLIENT,
            target=_CLIENT if to_client else _SERVER,
            label=label,
            role=role,
            hue=hue,
            lost=role == "lost",
            data={"event": event} if event else {},
            picture="rail",
            progress=progress,
            remark=remark,
        )


def written_at(got: Got, ledger: Sequence[Ran], step_s: float, steps: int) -> float | None:
    """When an event was written, as the ledger tells: behind its own step, and so when the next one first began.

    None when it does not tell. Of a job of so many `steps`; the last one has none behind it.
    """
    last = got.type == "done" or got.step == steps - 1
    step = 0 if got.type == "started" else steps - 1 if last else (got.step or 0) + 1
    runs = [each.at for each in ledger if each.step == step]
    if not runs or (got.step is None and not last and got.type != "started"):
        return None
    return runs[-1] + step_s if last else runs[0]
