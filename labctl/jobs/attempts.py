"""How often a job was begun without getting any further: a job that kills its workers is given up.

DBOS counts too (max_recovery_attempts), and forgets when a job is resumed on another worker; and it counts all
attempts of a job, so that a long one would not survive many restarts. Here only those count that told no new event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.jobs.database import table

if TYPE_CHECKING:
    import sqlalchemy as sa

    from labctl.jobs.settings import Settings


def begin(engine: sa.Engine, settings: Settings, job_id: str) -> int:
    """One more attempt; how many there were since the job last told anything, this one included."""
    import sqlalchemy as sa

    streams = table(settings, "streams")
    count = f"(SELECT count(*) FROM {streams} WHERE workflow_uuid = :id AND key = 'events')"  # noqa: S608
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                f"INSERT INTO labctl_attempts (job_id, attempts, events) VALUES (:id, 1, {count})"  # noqa: S608
                " ON CONFLICT (job_id) DO UPDATE SET attempts = CASE WHEN labctl_attempts.events = excluded.events"
                " THEN labctl_attempts.attempts + 1 ELSE 1 END, events = excluded.events"
            ),
            {"id": job_id},
        )
        found = connection.execute(
            sa.text("SELECT attempts FROM labctl_attempts WHERE job_id = :id"), {"id": job_id}
        )
        return int(found.scalar_one())
