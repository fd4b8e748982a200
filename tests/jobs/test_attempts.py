"""A job is given up for what it does not do, however often its workers die."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from jobs_engine import open_store, settings_on, submitted

from labctl.jobs import attempts
from labctl.jobs.database import table
from labctl.jobs.store import Event, Store


@pytest.fixture(params=["sqlite", "postgres"], scope="module")
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with settings_on(request.param) as settings, open_store(settings, migrate=True) as store:
        yield store


def tell(store: Store, job_id: str, first: int, count: int) -> None:
    """Events as the engine writes them."""
    streams = table(store.settings, "streams")
    row = f'INSERT INTO {streams} (workflow_uuid, key, value, "offset") VALUES (:id, :key, :value, :offset)'
    told = '{"type": "progress", "data": {}}'
    with store.engine.begin() as connection:
        for offset in range(first, first + count):
            connection.execute(sa.text(row), {"id": job_id, "key": "events", "value": told, "offset": offset})


def test_attempts_without_an_event_count_and_an_event_begins_the_count_anew(store: Store) -> None:
    job = submitted(store)
    other = submitted(store, "bob")

    def begun() -> int:
        return attempts.begin(store.engine, store.settings, job)

    assert [begun() for _ in range(3)] == [1, 2, 3]
    found = store.get(job)
    assert found is not None
    assert found.attempts == 3
    for offset in range(20):
        tell(store, job, offset, 1)
        assert begun() == 1
    assert begun() == 2
    assert attempts.begin(store.engine, store.settings, other) == 1


def test_a_thousand_events_are_a_page_and_the_word_of_the_end_comes_behind_the_last_one(store: Store) -> None:
    job = submitted(store, "pages")
    tell(store, job, 0, 1001)
    assert store.cancel(job)
    first, ended = store.events(job)
    assert [event.id for event in first] == list(range(1000))
    assert not ended
    assert store.events(job, 999) == ((Event(1000, "progress", {}), Event(-1, "cancelled", {})), True)
    assert store.events(job, 0) == ((*(Event(n, "progress", {}) for n in range(1, 1001)),), False)
    assert store.events(job, 1000) == ((Event(-1, "cancelled", {}),), True)
    assert store.events(job, 990, 3) == (tuple(Event(n, "progress", {}) for n in (991, 992, 993)), False)
    assert store.events(job, 999, 1) == ((Event(1000, "progress", {}),), False)
