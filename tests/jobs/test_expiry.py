"""Jobs that ended long ago are deleted with all that they left, and the disk gets its space back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from jobs_engine import open_store, settings_on, submitted, wait_for, working
from processes import LINUX

from labctl.jobs import effects
from labctl.jobs.effects import LEDGER, SENT
from labctl.jobs.settings import Settings


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    with settings_on(request.param, retention_s=0.0, per_user=100, cap=100) as settings:
        yield settings


def test_what_ended_is_deleted_and_what_has_not_is_kept(settings: Settings) -> None:
    with open_store(settings, migrate=True) as store:
        ended, kept = submitted(store), submitted(store)
        assert store.cancel(ended)
        with open_store(replace(settings, faults=frozenset({"never-expires"}))) as broken:
            assert broken.purge() == 0
        with open_store(replace(settings, retention_s=3600.0)) as patient:
            assert patient.purge() == 0
        assert store.purge() == 1
        assert store.get(ended) is None
        assert store.events(ended) == ((), True)
        assert store.get(kept) is not None
        assert store.purge() == 0


def test_the_file_gets_smaller() -> None:
    with (
        settings_on("sqlite", retention_s=0.0, per_user=1000, cap=1000) as settings,
        open_store(settings, migrate=True) as store,
    ):
        for _ in range(40):
            store.cancel(submitted(store, text="x" * 50_000))
        before = settings.path.stat().st_size + settings.path.with_name("jobs.db-wal").stat().st_size
        assert store.purge() == 40
        after = settings.path.stat().st_size + settings.path.with_name("jobs.db-wal").stat().st_size
    assert before - after > 1_500_000


@LINUX
def test_a_worker_sweeps_by_itself() -> None:
    with (
        settings_on("sqlite", retention_s=0.0, sweep_s=0.1, takeover_s=0.05) as settings,
        open_store(settings, migrate=True) as store,
        working(settings, "w1"),
    ):
        job = submitted(store, steps=2, step_s=0)
        wait_for(lambda: store.get(job) is None)
        wait_for(lambda: job not in (Path(settings.folder) / LEDGER).read_text())
        assert not list((Path(settings.folder) / SENT).glob(f"{job}-*"))


def test_the_ledger_forgets_expired_jobs_and_nothing_else(tmp_path: Path) -> None:
    settings = Settings(f"sqlite:///{tmp_path}/jobs.db", str(tmp_path))
    for job in ("gone", "kept"):
        effects.ran(settings, job, 0, "w1", 1)
        assert effects.send(settings, job, 0)
    effects.forget(settings, ["gone"])
    effects.ran(settings, "kept", 1, "w1", 1)
    lines = (tmp_path / LEDGER).read_text().splitlines()
    assert [(json.loads(line)["job"], json.loads(line)["step"]) for line in lines] == [
        ("kept", 0),
        ("kept", 1),
    ]
    assert [mark.name for mark in (tmp_path / SENT).iterdir()] == ["kept-0"]
