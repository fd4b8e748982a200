"""Many visitors miss at once: who asks the database, without a lock, with one, and looking again inside it."""

from __future__ import annotations

import threading
import time
from typing import Literal, NamedTuple

from labs.cache.application.database import Prices
from labs.cache.application.patterns import ARTICLE, KEY, LOCK, TTL_S, number, read_aside
from labs.cache.application.store import Store

Way = Literal["no lock", "lock", "lock, then look again"]
WAYS: tuple[Way, ...] = ("no lock", "lock", "lock, then look again")
# Between two looks of a visitor who waits for somebody else's answer, and when it gives up.
_POLL_S = 0.002
_PATIENCE_S = 10.0


class Stampede(NamedTuple):
    """What came of it. `wrong` are visitors without a price or with another one."""

    way: Way
    visitors: int
    queries: int
    wrong: int


class _Crowd:
    """Counts who has looked into the cache; the query takes until all have."""

    def __init__(self, visitors: int) -> None:
        self._visitors = visitors
        self._looked = 0
        self._all = threading.Condition()
        self.first_is_done = threading.Event()

    def looked(self) -> None:
        with self._all:
            self._looked += 1
            self._all.notify_all()

    def wait_for_all(self) -> None:
        with self._all:
            self._all.wait_for(lambda: self._looked >= self._visitors, timeout=_PATIENCE_S)


def stampede(store: Store, way: Way, visitors: int = 50) -> Stampede:
    """`visitors` threads want the same price, which nobody has cached. The query is slow: all come meanwhile.

    One of them is held up between its miss and the lock, until the first has finished: this happens, and it is
    why one looks again inside of the lock.
    """
    crowd = _Crowd(visitors)
    database = Prices(before_answer=crowd.wait_for_all)
    store.delete(KEY)
    store.delete(LOCK)
    got: list[int] = []
    failed: list[BaseException] = []

    def visit(late: bool) -> None:
        try:
            got.append(_visitor(store, database, crowd, way, late=late))
        except BaseException as error:
            failed.append(error)
            crowd.looked()

    threads = [
        threading.Thread(target=visit, args=(i == visitors - 1,), name=f"visitor {i}")
        for i in range(visitors)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    right = database.read(ARTICLE)
    queries = database.reads - 1
    database.close()
    store.delete(KEY)
    if failed:
        raise failed[0]
    return Stampede(way, visitors, queries, sum(1 for cents in got if cents != right) + visitors - len(got))


def _visitor(store: Store, database: Prices, crowd: _Crowd, way: Way, *, late: bool) -> int:
    kept = store.get(KEY)
    crowd.looked()
    if kept is not None:
        return number(kept)
    if way == "no lock":
        return _fetched(store, database)
    if late:
        crowd.first_is_done.wait(_PATIENCE_S)
    deadline = time.monotonic() + _PATIENCE_S
    while not store.set(LOCK, b"taken", ttl_s=TTL_S, only_if_absent=True):
        time.sleep(_POLL_S)
        kept = store.get(KEY)
        if kept is not None:
            return number(kept)
        if time.monotonic() > deadline:
            return _fetched(store, database)
    try:
        if way == "lock, then look again":
            return read_aside(database, store)
        return _fetched(store, database)
    finally:
        store.delete(LOCK)
        crowd.first_is_done.set()


def _fetched(store: Store, database: Prices) -> int:
    cents = database.read(ARTICLE)
    store.set(KEY, b"%d" % cents, ttl_s=TTL_S)
    return cents
