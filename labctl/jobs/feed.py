"""New events of many jobs for many followers in one process: one thread, one query a wake-up.

It looks first, then waits at the doorbell, and looks at everything again each second: a ring that is lost costs a
second, never an event. A follower says which id it has; it gets each later one once and in order.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from labctl.jobs.doorbell import Doorbell, hear
from labctl.jobs.settings import Settings

if TYPE_CHECKING:
    from labctl.jobs.store import Event, Store

LOOK_S = 1.0
# A store that gives so many events of a job at once may have more of them.
PAGE = 1000
Deliver = Callable[[tuple["Event", ...], bool], None]


class _Follower:
    __slots__ = ("after", "deliver")

    def __init__(self, after: int, deliver: Deliver) -> None:
        self.after = after
        self.deliver = deliver


class Feed:
    """The hub of a process. Its thread begins with the first follower; make it after a fork."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._lock = threading.Lock()
        self._followers: dict[str, dict[int, _Follower]] = {}
        self._fresh: set[str] = set()
        self._numbers = itertools.count()
        self._bell: Doorbell | None = None
        self._thread: threading.Thread | None = None
        self._listeners: set[queue.SimpleQueue[tuple[tuple[Event, ...], bool] | None]] = set()
        self._closed = False
        self.queries = 0

    def follow(self, job_id: str, after: int, deliver: Deliver) -> Callable[[], None]:
        """Calls `deliver(events, ended)` from the feed's thread for what comes after the id `after` (-1: everything),
        until `ended`. It must be quick. Returns what ends it; a call that has begun may still be going on then."""
        number = next(self._numbers)
        with self._lock:
            if self._closed:
                return lambda: None
            self._followers.setdefault(job_id, {})[number] = _Follower(after, deliver)
            self._fresh.add(job_id)
            if self._thread is None:
                self._bell = hear(self._settings)
                self._thread = threading.Thread(target=self._run, name="jobs feed", daemon=True)
                self._thread.start()
            elif self._bell is not None:
                self._bell.wake()

        def unfollow() -> None:
            self._forget(job_id, number)

        return unfollow

    def listen(self, job_id: str, after: int, beat_s: float) -> Iterator[tuple[Event, ...]]:
        """The events in the order of their ids, and () when none came for `beat_s` seconds. Ends when the job has
        ended or the feed is closed."""
        heard: queue.SimpleQueue[tuple[tuple[Event, ...], bool] | None] = queue.SimpleQueue()
        with self._lock:
            if self._closed:
                return
            self._listeners.add(heard)
        unfollow = self.follow(job_id, after, lambda events, ended: heard.put((events, ended)))
        try:
            while True:
                try:
                    said = heard.get(timeout=beat_s)
                except queue.Empty:
                    yield ()
                    continue
                if said is None:
                    return
                events, ended = said
                if events:
                    yield events
                if ended:
                    return
        finally:
            unfollow()
            with self._lock:
                self._listeners.discard(heard)

    def close(self) -> None:
        """Ends the thread and every `listen`. Followers hear nothing more."""
        with self._lock:
            self._closed = True
            self._followers.clear()
            for heard in self._listeners:
                heard.put(None)
            thread, bell = self._thread, self._bell
        if thread is not None and bell is not None:
            bell.wake()
            thread.join()
            bell.close()

    def _forget(self, job_id: str, number: int) -> None:
        with self._lock:
            followers = self._followers.get(job_id, {})
            followers.pop(number, None)
            if not followers:
                self._followers.pop(job_id, None)

    def _run(self) -> None:
        bell = self._bell
        assert bell is not None
        rung: frozenset[str] | None = None
        looked = time.monotonic()
        while not self._closed:
            if time.monotonic() - looked >= LOOK_S:
                rung = None
            if rung is None:
                looked = time.monotonic()
            again = self._look(rung)
            rung = bell.wait(0.0 if again else max(0.0, LOOK_S - (time.monotonic() - looked)))
            if again and rung is not None:
                rung |= again

    def _look(self, rung: frozenset[str] | None) -> frozenset[str]:
        """One query for these jobs (None: all that are followed). Returns those of which there may be more now."""
        from labctl.jobs.store import StoreUnavailable

        with self._lock:
            due = self._followers.keys() if rung is None else (rung | self._fresh) & self._followers.keys()
            # Who joins during the query has an id of its own, and a look of its own after this one.
            asking = {job: list(self._followers[job].items()) for job in due}
            self._fresh.clear()
        if not asking:
            return frozenset()
        self.queries += 1
        wanted = {job: min(each.after for _, each in followers) for job, followers in asking.items()}
        try:
            found = self._store.events_of(wanted)
        except StoreUnavailable:
            return frozenset()  # everything is looked at again within a second
        except Exception:
            # The thread is everybody's: an error that nobody foresaw must not silence all streams for ever.
            logging.getLogger(__name__).exception("New events could not be read.")
            return frozenset()
        for job, (events, ended) in found.items():
            if events or ended:
                self._deliver(job, asking[job], events, ended)
        return frozenset(job for job, (events, ended) in found.items() if len(events) >= PAGE and not ended)

    def _deliver(
        self, job_id: str, followers: list[tuple[int, _Follower]], events: tuple[Event, ...], ended: bool
    ) -> None:
        parts: dict[int, tuple[Event, ...]] = {}
        for number, follower in followers:
            part = parts.get(follower.after)
            if part is None:
                part = parts[follower.after] = tuple(e for e in events if e.id > follower.after or e.id < 0)
            if not part and not ended:
                continue
            if part:
                follower.after = max(follower.after, part[-1].id)
            try:
                follower.deliver(part, ended)
            except Exception:
                logging.getLogger(__name__).exception("A follower of job %s failed and is left out.", job_id)
                self._forget(job_id, number)
            if ended:
                self._forget(job_id, number)
