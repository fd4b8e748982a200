"""How many connections a browser opens to one server over HTTP/1.1: six, for all its tabs together."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator

PER_HOST = 6
WITHOUT_LIMIT = "client-without-limit"


class ConnectionPool:
    """Connections of one browser, counted by origin ("http://127.0.0.1:8000"); names of one server count apart.

    Who asks for a seventh waits until one of the six ends. Thread safe. `quirks` with WITHOUT_LIMIT: nobody waits.
    """

    def __init__(self, limit: int = PER_HOST, *, quirks: frozenset[str] = frozenset()) -> None:
        self._limit = None if WITHOUT_LIMIT in quirks else limit
        self._used: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._changed = threading.Condition()

    def used(self, origin: str) -> int:
        """Connections of this origin that are open now."""
        with self._changed:
            return self._used[origin]

    def waiting(self, origin: str) -> int:
        """Who waits for one now."""
        with self._changed:
            return self._waiting[origin]

    @contextlib.contextmanager
    def connection(
        self, origin: str, *, cancelled: Callable[[], bool] = lambda: False, timeout_s: float | None = None
    ) -> Iterator[bool]:
        """A place among the six. False: it was cancelled (and `wake` was called), or it took too long."""
        with self._changed:
            self._waiting[origin] += 1
            try:
                self._changed.wait_for(lambda: cancelled() or self._free(origin), timeout_s)
                taken = self._free(origin) and not cancelled()
                self._used[origin] += taken
            finally:
                self._waiting[origin] -= 1
        try:
            yield taken
        finally:
            with self._changed:
                self._used[origin] -= taken
                self._changed.notify_all()

    def wake(self) -> None:
        """Whoever waits looks again whether it was cancelled."""
        with self._changed:
            self._changed.notify_all()

    def _free(self, origin: str) -> bool:
        return self._limit is None or self._used[origin] < self._limit
