"""The store without any worker: what is accepted, what is told, and whose it is; on both databases."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs_engine import open_store, settings_on, submitted

from labctl.errors import UsageError
from labctl.jobs.admission import CRASH
from labctl.jobs.settings import VARIABLE, Settings, read_engine
from labctl.jobs.store import Accepted, Refused, Store, StoreUnavailable


@pytest.fixture(params=["sqlite", "postgres"], scope="module")
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with (
        settings_on(request.param, cap=10_000, per_user=10_000) as settings,
        open_store(settings, migrate=True) as store,
    ):
        yield store


def limited(store: Store, **more: object) -> Settings:
    """The settings of this store, with room for so many more than there are."""
    return replace(store.settings, **more)  # type: ignore[arg-type]


def active(store: Store) -> int:
    users = ("ann", "bob", "cy", "key", "two", "crash", *(f"u{number}" for number in range(12)))
    return sum(not job.over for user in users for job in store.list(user, 1000))


def test_an_accepted_job_is_told_to_its_user_and_to_nobody_else(store: Store) -> None:
    job_id = submitted(store, steps=3)
    job = store.get(job_id, "ann")
    assert job is not None
    assert (job.id, job.user, job.kind, job.status, job.over) == (job_id, "ann", "report", "queued", False)
    assert store.get(job_id, "bob") is None
    assert store.get("11111111-2222-3333-4444-555555555555") is None
    assert job_id in {each.id for each in store.list("ann")}
    assert job_id not in {each.id for each in store.list("bob")}


def test_a_queued_job_has_no_events_and_an_unknown_one_has_ended(store: Store) -> None:
    job_id = submitted(store)
    assert store.events_of({job_id: -1, "nobody": 3}) == {job_id: ((), False), "nobody": ((), True)}
    assert store.events_of({}) == {}


def test_the_list_begins_with_the_newest(store: Store) -> None:
    jobs = [submitted(store, "ann") for _ in range(5)]
    assert [job.id for job in store.list("ann", 3)] == jobs[:1:-1]


def test_a_cancelled_job_ends_with_a_word_that_is_not_stored(store: Store) -> None:
    job_id = submitted(store)
    assert store.cancel(job_id)
    assert not store.cancel(job_id)
    events, ended = store.events(job_id)
    assert ended
    assert [(event.id, event.type) for event in events] == [(-1, "cancelled")]


def test_a_key_makes_one_job_and_is_for_one_request(store: Store) -> None:
    first = store.submit("key", "report", {"steps": 1}, "k")
    assert isinstance(first, Accepted)
    assert first.new
    assert store.submit("key", "report", {"steps": 1}, "k") == Accepted(first.job_id, False)
    other = store.submit("key", "report", {"steps": 2}, "k")
    assert isinstance(other, Refused)
    assert other.status == 422
    elsewhere = store.submit("bob", "report", {"steps": 1}, "k")
    assert isinstance(elsewhere, Accepted)
    assert elsewhere.job_id != first.job_id


def test_a_key_at_the_same_time_makes_one_job(store: Store) -> None:
    answers: list[object] = []

    def ask() -> None:
        answers.append(store.submit("two", "report", {"steps": 1}, "double click"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.job_id for answer in answers if isinstance(answer, Accepted)}) == 1
    assert Counter(answer.new for answer in answers if isinstance(answer, Accepted)) == {True: 1, False: 5}


def test_the_cap_is_exact_with_two_stores_at_once(store: Store) -> None:
    settings = limited(store, cap=active(store) + 7)
    with open_store(settings) as one, open_store(settings) as other:
        answers: list[Accepted | Refused] = []

        def ask(number: int) -> None:
            answers.append((one, other)[number % 2].submit(f"u{number % 12}", "report", {}))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert len(answers) - len(refused) == 7
    assert {answer.status for answer in refused} == {503}
    assert all(answer.retry_after_s > 0 for answer in refused)


def test_one_user_is_refused_and_another_is_not(store: Store) -> None:
    own = sum(not job.over for job in store.list("cy", 1000))
    with open_store(limited(store, per_user=own + 1)) as strict:
        assert isinstance(strict.submit("cy", "report", {}), Accepted)
        refused = strict.submit("cy", "report", {})
        assert isinstance(refused, Refused)
        assert refused.status == 429
        assert isinstance(strict.submit("newcomer", "report", {}), Accepted)


@pytest.mark.parametrize("fault", ["", "two-transactions"])
def test_a_process_killed_while_it_submits_leaves_all_or_nothing(store: Store, fault: str) -> None:
    """With the fault it leaves half: a job that is told and that nobody will run."""
    settings = limited(store, faults=frozenset({fault} - {""}))
    code = (
        "from labctl.jobs import settings, store; s = settings.Settings.from_environment();"
        " store.Store(s).submit('crash', 'report', {})"
    )
    before = len(store.list("crash"))
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, VARIABLE: settings.to_json(), CRASH: "1"},
        check=False,
    )
    assert ended.returncode == -9
    assert len(store.list("crash")) - before == (1 if fault else 0)


def test_a_database_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    store = Store(Settings("postgresql://nobody@127.0.0.1:1/none", str(tmp_path)))
    try:
        with pytest.raises(StoreUnavailable) as gone:
            store.list("ann")
        assert gone.value.why == "gone"
        with pytest.raises(StoreUnavailable):
            store.submit("ann", "report", {})
    finally:
        store.close()


def test_a_full_database_is_said_to_be_full() -> None:
    with settings_on("sqlite") as settings, open_store(settings, migrate=True) as store:
        from sqlalchemy import event

        @event.listens_for(store.engine, "checkout")
        def no_more_pages(connection: sqlite3.Connection, *_: object) -> None:
            connection.execute("PRAGMA max_page_count=1")

        with pytest.raises(StoreUnavailable) as full:
            store.submit("ann", "report", {"text": "x" * 1_000_000})
        assert full.value.why == "full"


@given(
    st.builds(
        Settings,
        database=st.just("sqlite:////j.db"),
        folder=st.just("/j"),
        cap=st.integers(1, 10**6),
        retention_s=st.floats(0, 1e9),
        hosts=st.lists(st.text()).map(tuple),
        faults=st.frozensets(st.text()),
    )
)
def test_settings_come_back_from_the_environment_as_they_were(settings: Settings) -> None:
    assert Settings.from_environment({VARIABLE: settings.to_json()}) == settings


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("sqlite", "sqlite:////work/jobs.db"),
        ("sqlite:////var/j.db", "sqlite:////var/j.db"),
        ("postgres://u:p@h:1/n", "postgresql://u:p@h:1/n"),
        ("postgresql://h/n", "postgresql://h/n"),
    ],
)
def test_an_engine_is_read(text: str, url: str) -> None:
    assert read_engine(text, Path("/work")) == url


@pytest.mark.parametrize(
    "text", ["", "redis", "mysql://h/n", "postgres://", "postgres://u:secret@h", "postgres://h:x/n"]
)
def test_what_is_no_engine_is_refused_without_telling_a_password(text: str) -> None:
    with pytest.raises(UsageError) as problem:
        read_engine(text, Path("/work"))
    assert problem.value.code == "engine-invalid"
    assert "secret" not in str(problem.value)
