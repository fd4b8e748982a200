"""The one way to the database: an engine with short patience, and its errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from labctl.jobs.records import StoreUnavailable

if TYPE_CHECKING:
    import sqlalchemy as sa

    from labctl.jobs.settings import Settings

_BUSY_MS = 5_000
_CONNECT_S = 3


def open_engine(settings: Settings, *, pool: int = 8) -> sa.Engine:
    """An engine for many threads. SQLite transactions take the write lock when they begin to write."""
    import sqlalchemy as sa
    from sqlalchemy import event

    if not settings.embedded:
        url = "postgresql+psycopg" + settings.database[settings.database.index("://") :]
        patience = {"connect_timeout": _CONNECT_S, "application_name": "labctl jobs"}
        return sa.create_engine(
            url, pool_size=pool, max_overflow=8, pool_pre_ping=True, pool_timeout=10, connect_args=patience
        )
    engine = sa.create_engine(
        settings.database, pool_size=pool, max_overflow=8, connect_args={"timeout": _BUSY_MS / 1000}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        connection.execute("PRAGMA foreign_keys=ON")

    return engine


def table(settings: Settings, name: str) -> str:
    """The engine's table as SQL names it."""
    return name if settings.embedded else f"dbos.{name}"


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the database become StoreUnavailable; those of ours in SQL stay what they are."""
    from sqlalchemy.exc import DBAPIError, ProgrammingError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    try:
        yield
    except ProgrammingError:
        raise
    except PoolTimeout as problem:
        raise StoreUnavailable("locked") from problem
    except DBAPIError as problem:
        raise StoreUnavailable(_why(problem)) from problem


def _why(problem: Exception) -> Any:
    said = str(problem).lower()
    if "disk is full" in said or "no space left" in said or "disk full" in said or "disk i/o error" in said:
        return "full"
    if "locked" in said or "busy" in said:
        return "locked"
    return "gone"
