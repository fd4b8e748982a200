"""The feed: each event once and in order, whatever happens to bells and stores."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from jobs.scripted_store import ScriptedStore, settings_in

from labctl.jobs.doorbell import ring
from labctl.jobs.feed import Feed
from labctl.jobs.settings import Settings
from labctl.jobs.store import Event


class Heard:
    """A follower, and a way to wait for what it heard."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.calls = 0
        self.ended = False
        self._news = threading.Condition()

    def __call__(self, events: tuple[Event, ...], ended: bool) -> None:
        with self._news:
            self.ids += [each.id for each in events]
            self.ended = ended
            self.calls += 1
            self._news.notify_all()

    def until(self, so: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(so, 20), (self.ids, self.ended)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def store() -> ScriptedStore:
    found = ScriptedStore()
    found.add("j1")
    return found


@pytest.fixture
def feed(store: ScriptedStore, settings: Settings) -> Iterator[Feed]:
    with closing(Feed(store, settings)) as found:
        yield found


def test_what_was_there_before_comes_first_and_then_what_is_new(
    feed: Feed, store: ScriptedStore, settings: Settings
) -> None:
    store.put("j1")
    store.put("j1")
    heard = Heard()
    feed.follow("j1", 0, heard)
    heard.until(lambda: heard.ids == [1])
    store.put("j1")
    ring(settings, "j1")
    heard.until(lambda: heard.ids == [1, 2])
    store.put("j1", "done")
    store.end("j1")
    ring(settings, "j1")
    heard.until(lambda: heard.ended)
    assert heard.ids == [1, 2, 3]


def test_an_event_whose_bell_was_not_rung_comes_all_the_same(feed: Feed, store: ScriptedStore) -> None:
    heard = Heard()
    feed.follow("j1", -1, heard)
    store.put("j1")
    heard.until(lambda: heard.ids == [0])


def test_a_store_that_is_gone_for_a_while_costs_no_event(
    feed: Feed, store: ScriptedStore, settings: Settings
) -> None:
    heard = Heard()
    feed.follow("j1", -1, heard)
    store.put("j1")
    heard.until(lambda: heard.ids == [0])
    with store.gone():
        asked = store.queries
        store.put("j1")
        ring(settings, "j1")
        while store.queries == asked:
            pass
    heard.until(lambda: heard.ids == [0, 1])


def test_one_query_reads_for_all_followers_of_all_jobs(store: ScriptedStore, settings: Settings) -> None:
    for number in range(20):
        store.add(f"k{number}")
        store.put(f"k{number}")
    with closing(Feed(store, settings)) as feed:
        everybody = [Heard() for _ in range(100)]
        for number, heard in enumerate(everybody):
            feed.follow(f"k{number % 20}", -1, heard)
        for heard in everybody:
            heard.until(lambda heard=heard: heard.ids == [0])  # type: ignore[misc]
        before = store.queries  # each who joined has had a look of its own, and waits
        for number in range(20):
            store.put(f"k{number}")
        ring(settings, "k0")
        for heard in everybody:
            heard.until(lambda heard=heard: heard.ids == [0, 1])  # type: ignore[misc]
        # One for k0, one for all; more only where seconds went by.
        assert store.queries - before < 20
    assert feed.queries == store.queries


def test_a_history_longer_than_a_page_comes_whole(feed: Feed, store: ScriptedStore) -> None:
    for _ in range(2500):
        store.put("j1")
    store.end("j1")
    heard = Heard()
    feed.follow("j1", -1, heard)
    heard.until(lambda: heard.ended)
    assert heard.ids == list(range(2500))
    assert heard.calls == 3


def test_a_follower_that_fails_is_left_out_and_the_others_are_not(
    feed: Feed, store: ScriptedStore, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(events: tuple[Event, ...], ended: bool) -> None:
        raise ValueError("no")

    heard = Heard()
    feed.follow("j1", -1, fails)
    feed.follow("j1", -1, heard)
    for _ in range(2):
        store.put("j1")
        ring(settings, "j1")
    heard.until(lambda: heard.ids == [0, 1])
    assert caplog.text.count("is left out") == 1


def test_who_unfollowed_hears_nothing_more_and_nobody_asks_for_it(
    feed: Feed, store: ScriptedStore, settings: Settings
) -> None:
    store.add("j2")
    left, stays = Heard(), Heard()
    unfollow = feed.follow("j1", -1, left)
    feed.follow("j2", -1, stays)
    unfollow()
    unfollow()
    store.put("j1")
    store.put("j2")
    ring(settings, "j1")
    ring(settings, "j2")
    stays.until(lambda: stays.ids == [0])
    assert left.ids == []


def test_listening_yields_events_beats_and_ends_with_the_job(
    feed: Feed, store: ScriptedStore, settings: Settings
) -> None:
    store.put("j1")
    listening = feed.listen("j1", -1, 0.01)
    # A beat may come before the first event: the feed's thread has to begin.
    first = next(part for part in listening if part)
    assert [e.id for e in first] == [0]
    assert next(listening) == ()
    store.put("j1", "done")
    store.end("j1")
    ring(settings, "j1")
    assert [e.id for part in listening for e in part] == [1]


def test_closing_the_feed_ends_who_listens(store: ScriptedStore, settings: Settings) -> None:
    feed = Feed(store, settings)
    listening = feed.listen("j1", -1, 60)
    store.put("j1")
    next(listening)
    threading.Timer(0.01, feed.close).start()
    assert list(listening) == []
    assert list(feed.listen("j1", -1, 60)) == []
    feed.close()


@pytest.mark.parametrize("seed", range(5))
def test_followers_that_come_and_go_while_others_write_get_each_event_once(
    seed: int, store: ScriptedStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labctl.jobs.feed.PAGE", 7)
    monkeypatch.setattr("labctl.jobs.feed.LOOK_S", 0.05)
    chance = random.Random(seed)
    jobs = [f"k{number}" for number in range(5)]
    for job in jobs:
        store.add(job)
    store.page = 7

    def write(job: str, seed: int) -> None:
        mine = random.Random(seed)
        for _ in range(60):
            store.put(job)
            if mine.random() < 0.7:
                ring(settings, job)
        store.end(job)
        ring(settings, job)

    writers = [threading.Thread(target=write, args=(job, seed + n)) for n, job in enumerate(jobs)]
    with closing(Feed(store, settings)) as feed:
        heard = []
        for writer in writers:
            writer.start()
        for _ in range(60):
            job, after = chance.choice(jobs), chance.randint(-1, 20)
            each = Heard()
            unfollow = feed.follow(job, after, each)
            if chance.random() < 0.2:
                unfollow()
            else:
                heard.append((after, each))
        for writer in writers:
            writer.join()
        for after, each in heard:
            each.until(lambda each=each: each.ended)  # type: ignore[misc]
            assert each.ids == list(range(after + 1, 60))
