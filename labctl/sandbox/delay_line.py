"""Distance: answers that wait until their time has come, in one thread, where they block nobody."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable


class DelayLine:
    """Calls functions when their time has come. Its thread starts with the first."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._changed = threading.Condition()
        self._number = 0
        self._closed = False
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` in `seconds`; not at all when the line is closed before."""
        with self._changed:
            if self._closed:
                return
            self._number += 1
            heapq.heappush(self._waiting, (time.monotonic() + seconds, self._number, act))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sandbox delays")
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (
                    not self._waiting or (left := self._waiting[0][0] - time.monotonic()) > 0
                ):
                    self._changed.wait(left if self._waiting else None)
                if self._closed:
                    return
                act = heapq.heappop(self._waiting)[2]
            act()

    def close(self) -> None:
        """Drop what waits and end the thread."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
