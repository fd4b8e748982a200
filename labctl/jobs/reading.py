"""Queries on the engine's tables: `workflow_status` and `streams` (docs.dbos.dev, System Tables)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labctl.events import Json
from labctl.jobs.database import table
from labctl.jobs.records import Event, Job, Status

if TYPE_CHECKING:
    import sqlalchemy as sa

    from labctl.jobs.settings import Settings

# What DBOS ends a stream with.
_CLOSED = "__DBOS_STREAM_CLOSED__"
_PAGE = 1000
_JOBS_AT_ONCE = 400
_STATUS: Mapping[str, Status] = {
    "ENQUEUED": "queued",
    "DELAYED": "queued",
    "PENDING": "running",
    "SUCCESS": "done",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}
ACTIVE = ("ENQUEUED", "DELAYED", "PENDING")
OVER = tuple(status for status in _STATUS if status not in ACTIVE)
_COLUMNS = (
    "s.workflow_uuid, s.authenticated_user, s.name, s.status, s.created_at, s.updated_at, s.executor_id,"
    " coalesce(a.attempts, 0), o.error"
)


def _jobs(connection: sa.Connection, settings: Settings, where: str, **values: Any) -> tuple[Job, ...]:
    import sqlalchemy as sa

    query = (
        f"SELECT {_COLUMNS} FROM {table(settings, 'workflow_status')} s"  # noqa: S608  # names of ours
        " LEFT JOIN labctl_attempts a ON a.job_id = s.workflow_uuid"
        f" LEFT JOIN {table(settings, 'workflow_output')} o ON o.workflow_uuid = s.workflow_uuid"
        # Not by its queue: one that was cancelled has none.
        f" WHERE s.authenticated_user IS NOT NULL AND {where}"
    )
    return tuple(
        Job(
            id=row[0],
            user=row[1] or "",
            kind=row[2],
            status=_STATUS.get(row[3], "running"),
            created_ms=int(row[4]),
            updated_ms=int(row[5]),
            worker=row[6] or "",
            attempts=int(row[7]),
            error=_said(row[8]),
        )
        for row in connection.execute(sa.text(query), values)
    )


def job(connection: sa.Connection, settings: Settings, job_id: str) -> Job | None:
    """The job of this id."""
    found = _jobs(connection, settings, "s.workflow_uuid = :id", id=job_id)
    return found[0] if found else None


def jobs_of(connection: sa.Connection, settings: Settings, user: str, limit: int) -> tuple[Job, ...]:
    """The latest jobs of a user."""
    # SQLite's clock here has whole seconds; its rows have an order of their own.
    order = "s.rowid" if settings.embedded else "s.workflow_uuid"
    where = f"s.authenticated_user = :user ORDER BY s.created_at DESC, {order} DESC LIMIT :limit"
    return _jobs(connection, settings, where, user=user, limit=limit)


def running(connection: sa.Connection, settings: Settings) -> tuple[tuple[str, str], ...]:
    """See Store.running."""
    import sqlalchemy as sa

    query = (
        f"SELECT workflow_uuid, executor_id FROM {table(settings, 'workflow_status')}"  # noqa: S608
        " WHERE queue_name = 'jobs' AND status = 'PENDING'"
    )
    return tuple((row[0], row[1] or "") for row in connection.execute(sa.text(query)))


def _said(error: str | None) -> str:
    """The sentence of a portable error: JSON with a message."""
    if not error:
        return ""
    try:
        told = json.loads(error)
    except ValueError:
        return error[:300]
    return str(told.get("message", error) if isinstance(told, dict) else told)[:300]


def events_of(
    connection: sa.Connection, settings: Settings, wanted: Mapping[str, int]
) -> dict[str, tuple[tuple[Event, ...], bool]]:
    """See Store.events_of. At most 1000 events a job: who gets so many asks again."""
    found: dict[str, tuple[tuple[Event, ...], bool]] = {}
    jobs = list(wanted.items())
    for begin in range(0, len(jobs), _JOBS_AT_ONCE):
        found |= _events_of(connection, settings, dict(jobs[begin : begin + _JOBS_AT_ONCE]))
    return found


def _events_of(
    connection: sa.Connection, settings: Settings, wanted: Mapping[str, int]
) -> dict[str, tuple[tuple[Event, ...], bool]]:
    import sqlalchemy as sa

    values: dict[str, Any] = {}
    rows = []
    for number, (job_id, after) in enumerate(wanted.items()):
        values |= {f"j{number}": job_id, f"a{number}": after}
        rows.append(f"(CAST(:j{number} AS TEXT), CAST(:a{number} AS INTEGER))")
    query = (
        f"WITH wanted(id, after_id) AS (VALUES {', '.join(rows)})"  # noqa: S608  # names of ours
        ' SELECT w.id, s.status, o.error, t."offset", t.value FROM wanted w'
        f" LEFT JOIN {table(settings, 'workflow_status')} s ON s.workflow_uuid = w.id"
        f" LEFT JOIN {table(settings, 'workflow_output')} o ON o.workflow_uuid = w.id"
        f" LEFT JOIN {table(settings, 'streams')} t ON t.workflow_uuid = w.id AND t.key = 'events'"
        f' AND t."offset" > w.after_id AND t."offset" <= w.after_id + {_PAGE}'
        ' ORDER BY w.id, t."offset"'
    )
    events: dict[str, list[Event]] = {job_id: [] for job_id in wanted}
    statuses: dict[str, tuple[str | None, str | None]] = {}
    closed: set[str] = set()
    for job_id, status, error, offset, value in connection.execute(sa.text(query), values):
        statuses[job_id] = (status, error)
        if offset is None or job_id in closed:
            continue
        stored = json.loads(value)
        if stored == _CLOSED:
            closed.add(job_id)
            continue
        events[job_id].append(Event(int(offset), stored["type"], stored["data"]))
    return {
        job_id: _ended(tuple(events[job_id]), *statuses[job_id], job_id in closed, after)
        for job_id, after in wanted.items()
    }


def _ended(
    events: tuple[Event, ...], status: str | None, error: str | None, closed: bool, after: int
) -> tuple[tuple[Event, ...], bool]:
    if closed or status is None:
        return events, True
    if status in ACTIVE or len(events) >= _PAGE:
        return events, False
    # It ended without a word of its own: cancelled, or given up. The last event is told, and not stored.
    word: dict[str, Json] = {} if status == "CANCELLED" else {"error": _said(error)}
    return (*events, Event(-1, _STATUS[status], word)), True
