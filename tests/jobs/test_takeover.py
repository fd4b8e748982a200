"""Locks that die with their worker, and who notices."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import cast

import pytest
from jobs_engine import open_store, settings_on
from processes import LINUX

from labctl.jobs import anew
from labctl.jobs.alive import Alive, NameTaken
from labctl.jobs.records import StoreUnavailable
from labctl.jobs.settings import Settings
from labctl.jobs.store import Store
from labctl.jobs.takeover import Watch

pytestmark = LINUX


@pytest.fixture(params=["sqlite", "postgres"], scope="module")
def settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    with settings_on(request.param) as settings, open_store(settings, migrate=True):
        yield settings


def test_a_worker_is_dead_when_nobody_holds_its_lock(settings: Settings) -> None:
    one, two = Alive(settings, "w1"), Alive(settings, "w2")
    try:
        assert not one.dead("w2")
        assert not one.dead("w1")
        assert one.dead("w3")
        two.close()
        assert one.dead("w2")
        one.hold()
    finally:
        one.close()
        two.close()


def test_two_workers_cannot_have_one_name(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labctl.jobs.alive._PATIENCE_S", 0.0)
    one = Alive(settings, "w1")
    try:
        with pytest.raises(NameTaken):
            Alive(settings, "w1")
    finally:
        one.close()


def test_a_name_that_is_free_in_a_moment_is_waited_for(settings: Settings) -> None:
    one = Alive(settings, "w1")
    timer = threading.Timer(0.1, one.close)
    timer.start()
    two = Alive(settings, "w1")
    timer.join()
    two.close()


def test_what_cannot_be_done_now_is_done_again_until_it_can() -> None:
    answers: list[StoreUnavailable | int] = [StoreUnavailable("gone"), StoreUnavailable("full"), 7]

    def ask() -> int:
        answer = answers.pop(0)
        if isinstance(answer, StoreUnavailable):
            raise answer
        return answer

    assert anew.insisted(ask) == 7


class StoreThatSaysSo:
    """A store in whose eyes worker w1 runs job j."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def running(self) -> tuple[tuple[str, str], ...]:
        return (("j", "w1"),)


@pytest.mark.parametrize("busy", [frozenset({"j"}), frozenset[str]()])
def test_a_worker_that_does_not_run_what_it_should_begins_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, busy: frozenset[str]
) -> None:
    begun: list[str] = []
    monkeypatch.setattr("labctl.jobs.takeover._PATIENCE_S", -1.0)
    monkeypatch.setattr(anew, "begin", lambda _store, why: begun.append(why))
    alive = Alive(settings, "w1")
    try:
        Watch(cast(Store, StoreThatSaysSo(settings)), alive, busy)._look_behind()
    finally:
        alive.close()
    assert begun == ([] if busy else ["nobody runs j"])
