"""Which jobs are accepted: so many in all, so many of a user, and none twice. Exact with any number of processes."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import uuid
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

from labctl.events import Json
from labctl.jobs.database import table
from labctl.jobs.reading import ACTIVE
from labctl.jobs.records import Accepted, Refused

if TYPE_CHECKING:
    import sqlalchemy as sa
    from dbos import DBOSClient

    from labctl.jobs.settings import Settings

# pg_advisory_xact_lock: any number that nobody else uses in this database.
_LOCK = 720_101
_KEYS = uuid.UUID("6e1c1d6a-6f0c-5b8e-9b65-0d6c2b7c4f11")
_FULL_S, _USER_S = 5, 2
# Of the fault: long enough that whoever checks at the same time sees the same.
_BETWEEN_S = 0.05
# SQLite's writers wait for each other by looking again, later and later; those of one process queue up instead.
_ONE_WRITER = threading.Lock()
_LATER_S = 10 * 365 * 86400.0
# With this variable a lab has a process killed at the worst moment, between its writing and the end of it.
CRASH = "LABCTL_JOBS_CRASH"


def submit(
    engine: sa.Engine,
    client: DBOSClient,
    settings: Settings,
    user: str,
    kind: str,
    given: dict[str, Json],
    key: str,
) -> Accepted | Refused:
    """See Store.submit. First without a lock, so that a full house says so at once; then again with it."""
    job_id = str(uuid.uuid5(_KEYS, json.dumps([user, key]))) if key else str(uuid.uuid4())
    with engine.connect() as connection:
        if said := _known(connection, settings, job_id, kind, given) if key else None:
            return said
        if said := _refusal(connection, settings, user):
            return said
    if "cap-without-lock" in settings.faults:
        time.sleep(_BETWEEN_S)
    held = _ONE_WRITER if settings.embedded else nullcontext()
    with held, engine.connect() as connection:
        if "cap-without-lock" not in settings.faults:
            _lock(connection, settings)
            said = _known(connection, settings, job_id, kind, given) if key else None
            said = said or _refusal(connection, settings, user)
            if said:
                connection.rollback()
                return said
        options = _options(settings, user, kind, job_id)
        if "two-transactions" in settings.faults:
            client.enqueue_in_transaction(
                connection, cast(Any, {**options, "delay_seconds": _LATER_S}), given
            )
            connection.commit()
            _crash()
            client.set_workflow_delay(job_id, delay_seconds=0)
        else:
            client.enqueue_in_transaction(connection, cast(Any, options), given)
            _crash()
            connection.commit()
    return Accepted(job_id, True)


def _crash() -> None:
    if os.environ.get(CRASH):
        os.kill(os.getpid(), signal.SIGKILL)


def _lock(connection: sa.Connection, settings: Settings) -> None:
    import sqlalchemy as sa

    if settings.embedded:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _options(settings: Settings, user: str, kind: str, job_id: str) -> dict[str, Any]:
    from dbos import WorkflowSerializationFormat

    from labctl.jobs.store import QUEUE, VERSION

    return {
        "queue_name": QUEUE,
        "workflow_name": kind,
        "workflow_id": job_id,
        "app_version": VERSION,
        "authenticated_user": user,
        "queue_partition_key": user,
        "serialization_type": WorkflowSerializationFormat.PORTABLE,
    }


def _known(
    connection: sa.Connection, settings: Settings, job_id: str, kind: str, given: dict[str, Json]
) -> Accepted | Refused | None:
    """The job that this key has made; a key is for one request (draft-ietf-httpapi-idempotency-key-header)."""
    import sqlalchemy as sa

    query = (
        f"SELECT s.name, i.inputs FROM {table(settings, 'workflow_status')} s"  # noqa: S608  # names of ours
        f" LEFT JOIN {table(settings, 'workflow_input')} i ON i.workflow_uuid = s.workflow_uuid"
        " WHERE s.workflow_uuid = :id"
    )
    row = connection.execute(sa.text(query), {"id": job_id}).fetchone()
    if row is None:
        return None
    was = json.loads(row[1]).get("positionalArgs", [None])[0] if row[1] else None
    if row[0] == kind and was == json.loads(json.dumps(given)):
        return Accepted(job_id, False)
    return Refused(422, 0, "This Idempotency-Key was used with another request.")


def _refusal(connection: sa.Connection, settings: Settings, user: str) -> Refused | None:
    import sqlalchemy as sa

    query = (
        f"SELECT authenticated_user, count(*) FROM {table(settings, 'workflow_status')}"  # noqa: S608
        f" WHERE queue_name = 'jobs' AND status IN {ACTIVE} GROUP BY authenticated_user"
    )
    active = {row[0]: int(row[1]) for row in connection.execute(sa.text(query))}
    total = sum(active.values())
    own = total if "one-limit-for-all" in settings.faults else active.get(user, 0)
    if own >= settings.per_user:
        return Refused(429, _USER_S, f"This user has {own} active jobs, and may have {settings.per_user}.")
    if total >= settings.cap:
        return Refused(503, _FULL_S, f"There are {total} jobs, and no more than {settings.cap} are accepted.")
    return None
