"""Survivors take over: DBOS itself resumes a job only when a process of the same id comes back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from labctl.jobs import anew
from labctl.jobs.alive import Alive, NameTaken
from labctl.jobs.records import StoreUnavailable

if TYPE_CHECKING:
    from labctl.jobs.store import Store

_log = logging.getLogger("labctl.jobs")

# As long the engine's own patience is short enough; and as long a job is between the queue and its function.
_PATIENCE_S = 5.0


class Watch:
    """A thread of a worker that looks for dead workers' jobs, and now and then for expired ones.

    `busy` are the jobs that run in this process. The worker begins anew when the database was gone for long, and when
    the store says for long that it has a job which it has not.
    """

    def __init__(self, store: Store, alive: Alive, busy: Collection[str]) -> None:
        self._store = store
        self._alive = alive
        self._busy = busy
        self._left: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="labctl takeover", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; waits for it."""
        self._over.set()
        self._thread.join(10)

    def _run(self) -> None:
        settings = self._store.settings
        swept = time.monotonic()
        gone: float | None = None
        while not self._over.wait(settings.takeover_s):
            try:
                self._alive.hold()
                if gone is not None and time.monotonic() - gone > _PATIENCE_S:
                    anew.begin(self._store, "it was gone for long")
                gone = None
                self._look_behind()
                if "nobody-takes-over" not in settings.faults:
                    take_over(self._store, self._alive)
                if time.monotonic() - swept >= settings.sweep_s:
                    swept = time.monotonic()
                    self._store.purge()
            except (StoreUnavailable, NameTaken) as problem:
                # It comes back, or it does not: the engine itself waits for it too.
                gone = time.monotonic() if gone is None else gone
                _log.warning("%s", problem)
            except Exception:
                _log.exception("Looking for jobs of dead workers failed.")

    def _look_behind(self) -> None:
        """A job of ours whose end could not be written (a full disk) is nobody's: resume it by beginning anew."""
        now = time.monotonic()
        mine = {job_id for job_id, worker in self._store.running() if worker == self._alive.name}
        left = mine - set(self._busy)
        self._left = {job_id: self._left.get(job_id, now) for job_id in left}
        if any(now - since > _PATIENCE_S for since in self._left.values()):
            anew.begin(self._store, f"nobody runs {', '.join(sorted(self._left))}")


def take_over(store: Store, alive: Alive) -> list[str]:
    """Resume the running jobs whose worker is dead; their ids."""
    from labctl.jobs.store import QUEUE

    resumed = []
    dead: dict[str, bool] = {}
    for job_id, worker in store.running():
        if worker not in dead:
            dead[worker] = alive.dead(worker)
        if dead[worker]:
            store.resume(job_id, QUEUE)
            _log.warning("Job %s of dead worker %s is resumed.", job_id, worker)
            resumed.append(job_id)
    return resumed
