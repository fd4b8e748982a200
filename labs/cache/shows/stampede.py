"""Everybody misses at once: with and without a lock."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labs.cache.application.stage import footer, staged
from labs.cache.application.stampede import WAYS, Stampede, stampede
from labs.cache.claims import STAMPEDE
from labs.telling import about, measured, note, opening, result, table
from labs.words import count

VISITORS = 50


def show(internet: Internet, redis: str | None) -> Iterator[Event]:
    with staged(internet, redis) as stage:
        yield opening("everybody misses at once", f"{VISITORS} threads, one price")
        found = {way: stampede(stage.store, way, VISITORS) for way in WAYS}
        rows = [_row(each) for each in found.values()]
        yield table(
            "stampede.ways", "Who asks the database", ("how", "visitors", "queries", "answered"), rows
        )
        yield note(
            f"The {VISITORS} are threads. Their query lasts until all have looked into the cache, and one is held up"
            " between its miss and the lock: both happen by chance elsewhere, and here each time."
        )
        alone, locked, sure = (found[way] for way in WAYS)
        for name, each in (("none", alone), ("lock", locked), ("again", sure)):
            said = (
                f"With {each.way}, {each.visitors} visitors made {count(each.queries, 'query', 'queries')}."
            )
            yield measured(f"cache.stampede.{name}", each.queries, said)
        yield STAMPEDE.judged(
            alone.queries > 1 and sure.queries == 1,
            f"{VISITORS} visitors made {count(alone.queries, 'query', 'queries')} without a lock, {locked.queries} with"
            f" one, and {sure.queries} when they looked again inside of it.",
        )
        if locked.queries > 1:
            yield about(
                "why again",
                "one visitor missed before the value came, and got the lock after: it looks once more.",
            )
        yield about("the lock", "needs a TTL of its own: whoever holds it may die.")
        yield about("or", "stale-while-revalidate: one refreshes, the others take the old value meanwhile.")
        yield result(
            f"{alone.queries}, {locked.queries} and {sure.queries} queries for the same {VISITORS} visitors.",
            "ok" if sure.queries == 1 else "bad",
        )
        yield from footer(stage, "stampede", ("redis-cli set lock:KEY me NX EX 10", "OK, or (nil)"), "layers")


def _row(found: Stampede) -> Row:
    right = found.visitors - found.wrong
    hue: Hue = "ok" if found.queries == 1 else "warn" if found.queries < found.visitors / 2 else "bad"
    return Row(
        f"With {found.way}: {found.visitors} visitors, {count(found.queries, 'query', 'queries')},"
        f" {right} got the right price.",
        (found.way, str(found.visitors), str(found.queries), f"{right} right"),
        hues=("", "", hue, "mute"),
        bold=(2,),
    )
