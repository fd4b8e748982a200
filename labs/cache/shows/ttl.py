"""How long an old value is read: with a TTL alone, and with each way of writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labs.cache.application.database import Prices
from labs.cache.application.interleaving import interleave
from labs.cache.application.patterns import ARTICLE, KEY, deleting_writer, read_aside, reader, through_writer
from labs.cache.application.stage import Stage, footer, staged
from labs.cache.claims import WINDOW
from labs.cache.words import seconds
from labs.telling import measured, note, opening, result, table
from labs.words import count


class Window(NamedTuple):
    """How long readers saw what was not so, in seconds and in reads. `ended` False: longer than we looked."""

    way: str
    seconds: float
    reads: int
    ended: bool


def show(internet: Internet, redis: str | None) -> Iterator[Event]:
    with staged(internet, redis) as stage:
        ttl = seconds(stage.ttl_s)
        yield opening("how long is the old value read?", f"TTL {ttl}")
        found = [_window(stage, way, change) for way, change in _WAYS]
        yield table(
            "ttl.windows",
            "After a write",
            ("the writer", "old for", "old reads", ""),
            [_row(w) for w in found],
        )
        how = (
            "Redis has a clock of its own, so this was waited for."
            if stage.redis
            else "The clock was moved on."
        )
        yield note(f"Somebody read every {stage.tick_s * 1000:.0f} ms. {how}")
        yield from _judged(stage, found[0])
        yield from _later_set(stage)
        yield result(
            f"A TTL alone: {seconds(found[0].seconds)} of old prices. It is a promise about the worst case."
        )
        yield from footer(stage, "ttl", ("redis-cli ttl KEY", "the seconds that are left"), "types")


def _nothing(stage: Stage, database: Prices) -> None:
    read_aside(database, stage.store, ttl_s=stage.ttl_s)
    database.write(ARTICLE, 11)


def _deletes(stage: Stage, database: Prices) -> None:
    read_aside(database, stage.store, ttl_s=stage.ttl_s)
    for _ in deleting_writer(database, stage.store, 11):
        pass


def _deletes_too_early(stage: Stage, database: Prices) -> None:
    slow = reader(database, stage.store, ttl_s=stage.ttl_s)
    for _ in interleave({"R": slow, "W": deleting_writer(database, stage.store, 11)}, "RRWWR"):
        pass


def _writes_through(stage: Stage, database: Prices) -> None:
    read_aside(database, stage.store, ttl_s=stage.ttl_s)
    for _ in through_writer(database, stage.store, 11, ttl_s=stage.ttl_s):
        pass


def _writes_crossing(stage: Stage, database: Prices) -> None:
    writers = {
        "A": through_writer(database, stage.store, 11, ttl_s=stage.ttl_s),
        "B": through_writer(database, stage.store, 12, ttl_s=stage.ttl_s),
    }
    for _ in interleave(writers, "ABBA"):
        pass


_WAYS: tuple[tuple[str, Callable[[Stage, Prices], None]], ...] = (
    ("changes the database only", _nothing),
    ("deletes the copy (cache-aside)", _deletes),
    ("deletes it before a late reader fills", _deletes_too_early),
    ("writes both (write-through)", _writes_through),
    ("writes both, and another one crosses", _writes_crossing),
)


def _window(stage: Stage, way: str, change: Callable[[Stage, Prices], None]) -> Window:
    database, store = Prices(), stage.store
    store.delete(KEY)
    change(stage, database)
    right = database.read(ARTICLE)
    passed, reads = 0.0, 0
    while read_aside(database, store, ttl_s=stage.ttl_s) != right and passed < 2 * stage.ttl_s:
        reads += 1
        store.wait(stage.tick_s)
        passed += stage.tick_s
    database.close()
    store.delete(KEY)
    return Window(way, round(passed, 3), reads, passed < 2 * stage.ttl_s)


def _row(window: Window) -> Row:
    old = seconds(window.seconds) if window.ended else f"over {seconds(window.seconds)}"
    hue: Hue = "ok" if not window.reads else "bad" if not window.ended else "warn"
    said = "nobody reads the old value" if not window.reads else f"the old value is read for {old}"
    return Row(
        f"Who {window.way}: {said}, in {count(window.reads, 'read')}.",
        (window.way, old, str(window.reads), "" if window.ended else "and it does not end"),
        hues=("", hue, "", "bad"),
        bold=(1,),
    )


def _judged(stage: Stage, window: Window) -> Iterator[Event]:
    yield measured("cache.window.ttl", stage.ttl_s, f"The TTL was {seconds(stage.ttl_s)}.", "s")
    yield measured(
        "cache.window.old",
        window.seconds,
        f"The old value was read for {seconds(window.seconds)}"
        + (" and longer." if not window.ended else "."),
        "s",
    )
    if "store-is-full" in stage.habits:
        yield WINDOW.not_seen("The store keeps nothing, so nobody reads an old value.")
        return
    # A Redis is waited for, and a busy machine wakes up late.
    slack = 1.5 * stage.tick_s if not stage.redis else stage.ttl_s / 2
    held = window.ended and abs(window.seconds - stage.ttl_s) <= slack
    yield WINDOW.judged(
        held,
        f"The old value was read {count(window.reads, 'time')}, for {seconds(window.seconds)}; the TTL was"
        f" {seconds(stage.ttl_s)}."
        if window.ended
        else f"After {seconds(window.seconds)} the old value was still read: each read began the TTL anew.",
    )


def _later_set(stage: Stage) -> Iterator[Event]:
    """SET without a TTL takes away the one that was there."""
    stage.store.set(KEY, b"1", ttl_s=300.0)
    stage.store.set(KEY, b"2")
    left = stage.store.ttl(KEY)
    stage.store.delete(KEY)
    if left is None:
        yield note("A later SET without EX takes the TTL away: that key then never runs out.")
