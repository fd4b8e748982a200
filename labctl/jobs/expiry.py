"""Jobs that ended long ago are deleted, with their events; and the disk gets its space back."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from labctl.jobs import effects
from labctl.jobs.database import table
from labctl.jobs.reading import OVER

if TYPE_CHECKING:
    import sqlalchemy as sa
    from dbos import DBOSClient

    from labctl.jobs.settings import Settings

_AT_ONCE = 500
# Free pages of a SQLite file that are worth writing it anew.
_WORTH_PAGES = 64


def purge(engine: sa.Engine, client: DBOSClient, settings: Settings) -> int:
    """See Store.purge."""
    if "never-expires" in settings.faults:
        return 0
    deleted = 0
    while ids := _expired(engine, settings):
        client.delete_workflows(ids)
        _forget(engine, settings, ids)
        deleted += len(ids)
    if deleted and settings.embedded:
        _give_back(engine)
    return deleted


def _expired(engine: sa.Engine, settings: Settings) -> list[str]:
    import sqlalchemy as sa

    before = int((time.time() - settings.retention_s) * 1000)
    query = (
        f"SELECT workflow_uuid FROM {table(settings, 'workflow_status')}"  # noqa: S608  # names of ours
        f" WHERE authenticated_user IS NOT NULL AND status IN {OVER} AND updated_at <= :before LIMIT {_AT_ONCE}"
    )
    with engine.connect() as connection:
        return [row[0] for row in connection.execute(sa.text(query), {"before": before})]


def _forget(engine: sa.Engine, settings: Settings, ids: list[str]) -> None:
    import sqlalchemy as sa

    with engine.begin() as connection:
        for job_id in ids:
            connection.execute(sa.text("DELETE FROM labctl_attempts WHERE job_id = :id"), {"id": job_id})
    effects.forget(settings, ids)


def _give_back(engine: sa.Engine) -> None:
    """SQLite keeps what it freed; VACUUM writes the file anew. Not while somebody writes: the next time then."""
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        free = int(connection.execute(sa.text("PRAGMA freelist_count")).scalar() or 0)
        if free < _WORTH_PAGES:
            return
        with suppress(DBAPIError):
            connection.execute(sa.text("VACUUM"))
            connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))
