"""Cache-aside and write-through as programs of single steps, and as they are written in one piece."""

from __future__ import annotations

from labctl.errors import CannotRun
from labs.cache.application.database import Prices
from labs.cache.application.interleaving import Program
from labs.cache.application.store import Store

TTL_S = 300.0
KEY = "price:1"
LOCK = "lock:price:1"
ARTICLE = 1


def number(value: bytes) -> int:
    """A price out of the store. Raises CannotRun when somebody else wrote there."""
    try:
        return int(value)
    except ValueError as error:
        raise CannotRun(
            "store-malformed", f"the store holds {value[:40]!r} where a price should be"
        ) from error


def read_aside(database: Prices, store: Store, *, ttl_s: float = TTL_S) -> int:
    """Cache-aside, the reader: look into the store; else ask the database, and keep what it says."""
    kept = store.get(KEY)
    if kept is not None:
        return number(kept)
    lease = store.lease(KEY)
    cents = database.read(ARTICLE)
    store.fill(KEY, b"%d" % cents, ttl_s=ttl_s, lease=lease)
    return cents


def reader(database: Prices, store: Store, *, ttl_s: float = TTL_S) -> Program:
    """The same in steps."""
    kept = store.get(KEY)
    if kept is not None:
        yield f"looks into the cache: {number(kept)}"
        return
    lease = store.lease(KEY)
    yield "looks into the cache: nothing"
    cents = database.read(ARTICLE)
    yield f"reads {cents} from the database"
    filled = store.fill(KEY, b"%d" % cents, ttl_s=ttl_s, lease=lease)
    yield (
        f"puts {cents} into the cache" if filled else f"may not put {cents} into the cache: it came too late"
    )


def deleting_writer(database: Prices, store: Store, cents: int) -> Program:
    """Cache-aside, the writer: the database first, then delete, so that the next reader fetches anew."""
    database.write(ARTICLE, cents)
    yield f"writes {cents} to the database"
    store.delete(KEY)
    yield "deletes the copy in the cache"


def through_writer(
    database: Prices, store: Store, cents: int, *, lock: bool = False, ttl_s: float = TTL_S
) -> Program:
    """Write-through: the database and then the cache, each time; with `lock` nobody comes between."""
    if lock:
        while not store.set(LOCK, b"taken", ttl_s=ttl_s, only_if_absent=True):
            yield "waits for the lock"
        yield "takes the lock"
    database.write(ARTICLE, cents)
    yield f"writes {cents} to the database"
    store.set(KEY, b"%d" % cents, ttl_s=ttl_s)
    yield f"writes {cents} to the cache"
    if lock:
        store.delete(LOCK)
        yield "gives the lock back"
