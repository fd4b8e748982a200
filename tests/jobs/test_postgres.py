"""A PostgreSQL of our own: it takes connections, survives kill -9, and leaves nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_postgres import private_postgres
from processes import children_of_ours

from labctl.errors import CannotRun
from labctl.jobs import postgres as module
from labctl.jobs.postgres import PrivatePostgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[PrivatePostgres]:
    before = children_of_ours()
    with private_postgres() as standing:
        yield standing
    assert children_of_ours() <= before


def test_what_was_committed_is_there_after_kill_9(postgres: PrivatePostgres) -> None:
    import psycopg

    with psycopg.connect(postgres.url) as asking:
        asking.execute("create table seen (number int)")
        asking.execute("insert into seen values (1), (2)")
    port, pid = postgres.port, postgres.pid
    assert postgres.kill() == pid
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.url)
    postgres.start()
    assert postgres.port == port
    assert postgres.pid not in (0, pid)
    with psycopg.connect(postgres.url) as asking:
        assert asking.execute("select sum(number) from seen").fetchone() == (3,)


def test_it_wants_its_password_and_runs_as_nobody_important(postgres: PrivatePostgres) -> None:
    import psycopg

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url.replace(":", ":x", 2).replace("postgresql:x", "postgresql:", 1))
    assert os.stat(f"/proc/{postgres.pid}").st_uid != 0


def test_its_data_is_closed_to_others(postgres: PrivatePostgres) -> None:
    with_data = Path(os.readlink(f"/proc/{postgres.pid}/cwd"))
    assert stat.S_IMODE(with_data.stat().st_mode) == 0o700


def test_without_the_programs_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotRun) as told:
        PrivatePostgres(tmp_path)
    assert told.value.code == "postgres-missing"
