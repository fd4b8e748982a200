"""The doorbell on PostgreSQL: heard across processes, and again after the database was killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from own_postgres import private_postgres

from labctl.jobs.doorbell import Doorbell, hear, ring
from labctl.jobs.doorbell_postgres import stop_notifying
from labctl.jobs.postgres import PrivatePostgres
from labctl.jobs.settings import Settings


@pytest.fixture(scope="module")
def postgres() -> Iterator[PrivatePostgres]:
    with private_postgres() as standing:
        yield standing


@pytest.fixture
def settings(postgres: PrivatePostgres, tmp_path: Path) -> Iterator[Settings]:
    yield Settings(database=postgres.url, folder=str(tmp_path))
    stop_notifying()


def test_everybody_who_listens_hears_which_job_has_news(settings: Settings) -> None:
    with closing(hear(settings)) as one, closing(hear(settings)) as other:
        ring(settings, "j1")
        ring(settings, "j2")
        heard = {bell: set[str]() for bell in (one, other)}
        for bell, jobs in heard.items():
            while jobs != {"j1", "j2"}:
                said = bell.wait(20)
                assert said, "nothing was heard"
                jobs |= said


def test_after_the_database_was_killed_any_job_may_have_news_and_the_bell_rings_again(
    postgres: PrivatePostgres, settings: Settings
) -> None:
    with closing(hear(settings)) as bell:
        ring(settings, "j1")
        assert bell.wait(20) == {"j1"}
        postgres.kill()
        _wait_for_any(bell)
        ring(settings, "j1")  # no error, and nobody hears it
        postgres.start()
        _wait_for_any(bell)
        said: frozenset[str] | None = None
        while not (said := bell.wait(0.1)):
            ring(settings, "j2")
        assert said == {"j2"}


def _wait_for_any(bell: Doorbell) -> None:
    """Until any job may have news. PostgreSQL's last words wake the bell too."""
    while (said := bell.wait(20)) is not None:
        assert said == frozenset()


def test_a_bell_at_a_database_that_is_not_there_waits_for_it(tmp_path: Path) -> None:
    settings = Settings(database="postgresql://nobody@127.0.0.1:1/none", folder=str(tmp_path))
    ring(settings, "j1")
    with closing(hear(settings)) as bell:
        bell.wake()
        assert bell.wait(20) == frozenset()
