"""The jobs and their events, as web processes and the command line ask for them.

Jobs are workflows of DBOS Transact and events rows of its streams (docs.dbos.dev, System Tables). What is written is
written by the engine; what is read is read from its tables in one query, for a stream of its own would hold a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labctl.events import Json
from labctl.jobs import admission, doorbell, expiry, reading
from labctl.jobs.database import open_engine, translated
from labctl.jobs.records import Accepted, Event, Job, Refused, Status, StoreUnavailable
from labctl.jobs.settings import Settings

if TYPE_CHECKING:
    from dbos import DBOSClient

__all__ = ["Accepted", "Event", "Job", "Refused", "Status", "Store", "StoreUnavailable"]

QUEUE = "jobs"
# Fixed: by default it is a hash of the code, and a job of another version waits for ever.
VERSION = "1"
STREAM = "events"


class Store:
    """One connection pool to the jobs of a service; any thread may use it. `migrate` makes the tables first.

    Every method raises StoreUnavailable, within seconds, when the database cannot be used.
    """

    def __init__(self, settings: Settings, *, migrate: bool = False) -> None:
        from dbos import DBOSClient

        self.settings = settings
        if migrate:
            with translated():
                _make_tables(settings)
        self.engine = open_engine(settings)
        self._client: DBOSClient = DBOSClient(
            system_database_engine=self.engine, lazy=True, retry_connection_errors=False
        )

    def close(self) -> None:
        """Gives the connections back."""
        with suppress(Exception):
            self._client.destroy()
        self.engine.dispose()

    def submit(self, user: str, kind: str, given: Mapping[str, Json], key: str = "") -> Accepted | Refused:
        """Accept a job, in one transaction with its enqueueing, or say why not."""
        if "forgets-keys" in self.settings.faults:
            key = ""
        with translated():
            return admission.submit(self.engine, self._client, self.settings, user, kind, dict(given), key)

    def get(self, job_id: str, user: str | None = None) -> Job | None:
        """The job; None when it is unknown, or another user's."""
        with translated(), self.engine.connect() as connection:
            job = reading.job(connection, self.settings, job_id)
        return job if job is not None and user in (None, job.user) else None

    def list(self, user: str, limit: int = 50) -> tuple[Job, ...]:
        """The latest jobs of this user, newest first."""
        with translated(), self.engine.connect() as connection:
            return reading.jobs_of(connection, self.settings, user, limit)

    def cancel(self, job_id: str) -> bool:
        """Whether there was anything to cancel: a job that has not ended. A step in flight runs to its end."""
        job = self.get(job_id)
        if job is None or job.over:
            return False
        if "cancel-ignored" not in self.settings.faults:
            with translated():
                self._client.cancel_workflow(job_id)
            doorbell.ring(self.settings, job_id)
        return True

    def events(self, job_id: str, after: int = -1, limit: int = 1000) -> tuple[tuple[Event, ...], bool]:
        """Events behind the id `after`, and whether nothing follows them."""
        events, ended = self.events_of({job_id: after})[job_id]
        return events[:limit], ended and len(events) <= limit

    def events_of(self, wanted: Mapping[str, int]) -> dict[str, tuple[tuple[Event, ...], bool]]:
        """The same for many jobs (id: after) in one query; an unknown job has none and has ended."""
        if not wanted:
            return {}
        with translated(), self.engine.connect() as connection:
            return reading.events_of(connection, self.settings, wanted)

    def running(self) -> tuple[tuple[str, str], ...]:
        """The jobs that run, as far as the store knows, each with the id of its worker."""
        with translated(), self.engine.connect() as connection:
            return reading.running(connection, self.settings)

    def resume(self, job_id: str, queue: str) -> None:
        """Put a job back in the queue; what it has done stays done. Whoever still runs it can write no more."""
        with translated():
            self._client.resume_workflow(job_id, queue_name=queue)

    def touch(self) -> None:
        """Write something that changes nothing: whether it can be done."""
        import sqlalchemy as sa

        with translated(), self.engine.begin() as connection:
            connection.execute(
                sa.text("INSERT INTO labctl_attempts (job_id, attempts, events) VALUES ('', 0, 0)")
            )
            connection.execute(sa.text("DELETE FROM labctl_attempts WHERE job_id = ''"))

    def purge(self) -> int:
        """Delete the jobs that ended longer ago than they are kept, with their events; how many."""
        with translated():
            return expiry.purge(self.engine, self._client, self.settings)


def _make_tables(settings: Settings) -> None:
    import sqlalchemy as sa
    from dbos import DBOS

    if settings.embedded:
        Path(settings.path).parent.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings, pool=1)
    try:
        with engine.connect() as connection:
            # A database that is not there is said here, in its own words.
            connection.execute(sa.text("SELECT 1"))
        if settings.embedded:
            with engine.connect() as connection:
                connection.execute(sa.text("PRAGMA journal_mode=WAL"))
        DBOS.migrate(settings.database)
        with engine.begin() as connection:
            connection.execute(
                sa.text(
                    "CREATE TABLE IF NOT EXISTS labctl_attempts"
                    " (job_id TEXT PRIMARY KEY, attempts INTEGER NOT NULL, events INTEGER NOT NULL)"
                )
            )
    finally:
        engine.dispose()
    store = Store(settings)
    try:
        # Known from the start: a worker that finds the queue when it launches need not look for it.
        store._client.register_queue(QUEUE, **queue_options(settings))
    finally:
        store.close()


def queue_options(settings: Settings) -> dict[str, Any]:
    """How the queue is worked: so many at once in a worker, and of a user."""
    return {
        "worker_concurrency": settings.slots,
        "partition_concurrency": settings.running_per_user,
        "polling_interval_sec": settings.poll_s,
    }
