"""What an application caches in: keys, values as bytes, times to live. The API is a part of Redis's.

`OwnStore` is a dictionary in this process with the clock of the internet; `redis_store.py` has the same over a
real Redis.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol


class Store(Protocol):
    """`name` is how sentences call it. Times are seconds; what has run out is not there any more."""

    name: str

    def get(self, key: str) -> bytes | None:
        """The value, or None."""

    def set(
        self, key: str, value: bytes, *, ttl_s: float | None = None, only_if_absent: bool = False
    ) -> bool:
        """Whether it was stored. Without a TTL it stays, and a TTL that the key had is gone (as in Redis)."""

    def delete(self, key: str) -> bool:
        """Whether there was something."""

    def ttl(self, key: str) -> float | None:
        """Seconds left; None when there is no such key, or no end to it."""

    def lease(self, key: str) -> int:
        """What a reader who missed takes along, to show when it fills."""

    def fill(self, key: str, value: bytes, *, ttl_s: float | None, lease: int) -> bool:
        """`set` by a reader who missed. A store with leases refuses what was deleted meanwhile."""

    def wait(self, seconds: float) -> str:
        """Let time pass; returns the sentence that says how."""

    def close(self) -> None:
        """Leave nothing behind."""


def without_password(url: str) -> str:
    """The address of a store as it may stand on a screen: `redis://user:...@host:6379/0`."""
    scheme, separator, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    user = credentials.partition(":")[0]
    return f"{scheme}{separator}{user}:...@{place}" if at else url


class Kept(NamedTuple):
    """A value and when it runs out, on the store's clock; None: never."""

    value: bytes
    until: float | None
    ttl_s: float | None


class OwnStore:
    """A dictionary with times to live. `Store`; safe for threads.

    Habits that a fault switches on: `slides` (each read renews the TTL), `leases` (a fill with an old lease is
    refused), `grants_every_lock` (only_if_absent stores whatever is there), `full` (nothing stays).
    """

    name = "the store in this process"

    def __init__(
        self,
        clock: Callable[[], float],
        pass_time: Callable[[float], str],
        *,
        slides: bool = False,
        leases: bool = False,
        grants_every_lock: bool = False,
        full: bool = False,
    ) -> None:
        self._clock = clock
        self._pass_time = pass_time
        self._slides = slides
        self._leases = leases
        self._grants_every_lock = grants_every_lock
        self._full = full
        self._kept: dict[str, Kept] = {}
        self._deletes: dict[str, int] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        with self._lock:
            kept = self._live(key)
            if kept is None:
                return None
            if self._slides and kept.ttl_s is not None:
                self._kept[key] = kept._replace(until=self._clock() + kept.ttl_s)
            return kept.value

    def set(
        self, key: str, value: bytes, *, ttl_s: float | None = None, only_if_absent: bool = False
    ) -> bool:
        with self._lock:
            if only_if_absent and not self._grants_every_lock and self._live(key) is not None:
                return False
            if not self._full:
                self._kept[key] = Kept(value, None if ttl_s is None else self._clock() + ttl_s, ttl_s)
            return True

    def delete(self, key: str) -> bool:
        with self._lock:
            self._deletes[key] = self._deletes.get(key, 0) + 1
            there = self._live(key) is not None
            self._kept.pop(key, None)
            return there

    def ttl(self, key: str) -> float | None:
        with self._lock:
            kept = self._live(key)
            return None if kept is None or kept.until is None else kept.until - self._clock()

    def lease(self, key: str) -> int:
        with self._lock:
            return self._deletes.get(key, 0)

    def fill(self, key: str, value: bytes, *, ttl_s: float | None, lease: int) -> bool:
        if self._leases and lease != self.lease(key):
            return False
        return self.set(key, value, ttl_s=ttl_s)

    def wait(self, seconds: float) -> str:
        return self._pass_time(seconds)

    def close(self) -> None:
        self._kept.clear()

    def _live(self, key: str) -> Kept | None:
        kept = self._kept.get(key)
        if kept is not None and kept.until is not None and kept.until <= self._clock():
            del self._kept[key]
            return None
        return kept
