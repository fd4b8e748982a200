"""Cache-aside: what it saves, and its race."""

from __future__ import annotations

import time
from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.cache.application.database import Prices
from labs.cache.application.interleaving import interleave
from labs.cache.application.patterns import ARTICLE, KEY, TTL_S, deleting_writer, read_aside, reader
from labs.cache.application.stage import Stage, footer, staged
from labs.cache.application.turns import held, turns_table
from labs.cache.claims import ASIDE_RACE, SECOND_CALL
from labs.cache.words import seconds
from labs.telling import about, measured, note, opening, result, table
from labs.words import count

# How long the query of the first part takes: worth a cache.
QUERY_S = 0.04
NAMES = {"R": "reader", "W": "writer"}


def show(internet: Internet, redis: str | None) -> Iterator[Event]:
    with staged(internet, redis) as stage:
        yield opening("cache-aside", "look, else fetch and keep")
        yield from _two_readers(stage)
        yield from _race(stage)
        yield from footer(
            stage,
            "aside",
            ("redis-cli monitor", "every command of every client, as it comes"),
            "write-through",
        )


def _two_readers(stage: Stage) -> Iterator[Event]:
    database = Prices(before_answer=lambda: time.sleep(QUERY_S))
    rows, took = [], []
    for who in ("first", "second"):
        before, began = database.reads, time.perf_counter()
        read_aside(database, stage.store)
        took.append((time.perf_counter() - began) * 1000)
        asked = database.reads - before
        word = "MISS" if asked else "HIT"
        ms = f"{_sharp(took[-1])} ms"
        rows.append(
            Row(
                f"The {who} reader: {word}, {count(asked, 'query', 'queries')}, {ms}.",
                (f"{who} reader", word, count(asked, "query", "queries"), ms),
                hues=("", "bad" if asked else "ok", "", ""),
                bold=(1,),
            )
        )
    yield table(
        "aside.readers", "Two readers, one after the other", ("who", "cache", "database", "took"), rows
    )
    for which, ms_taken in zip(("first", "second"), map(_sharp, took), strict=True):
        said = f"The {which} reader waited {ms_taken} ms."
        yield measured(f"cache.aside.{which}", ms_taken, said, "ms")
    queries = database.reads
    yield measured("cache.aside.queries", queries, f"Two readers made {count(queries, 'query', 'queries')}.")
    database.close()
    yield SECOND_CALL.judged(
        queries == 1,
        "The second reader found the value in the store: one query for two readers."
        if queries == 1
        else f"Nothing stayed in the store: two readers, {count(queries, 'query', 'queries')}.",
    )
    stage.store.delete(KEY)


def _sharp(milliseconds: float) -> float:
    """Rounded to what can be read: 40.2, and 0.012."""
    return round(milliseconds, 1 if milliseconds >= 1 else 3)


def _race(stage: Stage) -> Iterator[Event]:
    database, store = Prices(), stage.store
    turns = interleave({"R": reader(database, store), "W": deleting_writer(database, store, 11)}, "RRWWR")
    yield turns_table("aside.race", "A reader, and a writer who comes between", turns, NAMES, database, store)
    yield note(
        "The order of the steps is ours, so that it happens each time; the database and the cache are real."
    )
    kept, right = held(store), database.read(ARTICLE)
    left = store.ttl(KEY)
    database.close()
    if "store-is-full" in stage.habits:
        yield ASIDE_RACE.not_seen("The store keeps nothing, so nothing old can be in it.")
    elif kept is None or kept == right:
        yield ASIDE_RACE.judged(
            False,
            f"The late reader's value was refused, and the next one reads {right} from the database."
            if kept is None
            else f"The cache holds {right}, as the database does.",
        )
    else:
        yield measured("cache.aside.kept", kept, f"The cache holds {kept} at the end.")
        yield measured("cache.aside.right", right, f"The database holds {right} at the end.")
        for_how_long = f", for {seconds(round(left or TTL_S))}" if left else ""
        yield ASIDE_RACE.judged(
            True, f"The cache holds {kept}{for_how_long}, the database {right}: the delete came too early."
        )
        yield result(f"Order R R W W R: everybody reads {kept} now, and right is {right}.", "warn")
    yield about(
        "a lease", "on a miss the store gives a number, and refuses a fill whose number is out of date."
    )
    yield about("a version", "keep it with the value, and write only over an older one.")
    yield about("a TTL", "ends it in any case: choose one that the shop can live with.")
