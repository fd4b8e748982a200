"""Write-through with two writers: the order of four steps decides whether cache and database agree."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.cache.application.database import Prices
from labs.cache.application.interleaving import interleave
from labs.cache.application.patterns import ARTICLE, KEY, LOCK, through_writer
from labs.cache.application.stage import Stage, footer, staged
from labs.cache.application.turns import held, turns_table
from labs.cache.claims import THROUGH_RACE
from labs.cache.words import seconds
from labs.telling import about, measured, note, opening, result, table

NAMES = {"A": "first writer", "B": "second writer"}
# All orders in which two programs of two steps can run.
ORDERS = tuple(sorted({"".join(order) for order in permutations("AABB")}))


def show(internet: Internet, redis: str | None) -> Iterator[Event]:
    with staged(internet, redis) as stage:
        yield opening("write-through", "two writers, four steps")
        yield from _race(stage)
        yield from _all_orders(stage)
        yield about("a lock", "held over both writes, lets one writer finish before the next begins.")
        yield about(
            "one place", "let only the database decide: a change log that fills the cache in its order."
        )
        yield from footer(stage, "write-through", ("redis-cli monitor", "the order of the SETs"), "ttl")


def _race(stage: Stage) -> Iterator[Event]:
    database, store = Prices(), stage.store
    lock = "writers-take-a-lock" in stage.habits
    programs = {
        "A": through_writer(database, store, 20, lock=lock),
        "B": through_writer(database, store, 21, lock=lock),
    }
    yield turns_table(
        "through.race",
        "A writes 20, B writes 21, and B is quicker",
        interleave(programs, "ABBA"),
        NAMES,
        database,
        store,
    )
    yield note(
        "The order of the steps is ours, so that it happens each time; the database and the cache are real."
    )
    kept, right, left = held(store), database.read(ARTICLE), store.ttl(KEY)
    database.close()
    if kept is not None:
        yield measured("cache.through.kept", kept, f"The cache holds {kept} at the end.")
    yield measured("cache.through.right", right, f"The database holds {right} at the end.")
    if kept is None:
        yield THROUGH_RACE.not_seen("The store kept nothing, so there are no two values to compare.")
        return
    differs = kept != right
    yield THROUGH_RACE.judged(
        differs,
        f"The cache holds {kept}, the database {right}, for {seconds(round(left or 0))}."
        if differs
        else f"Cache and database agree, both hold {right}: with a lock the second writer waits for the first."
        if lock
        else f"Cache and database agree: both hold {right}.",
    )


def _all_orders(stage: Stage) -> Iterator[Event]:
    """Every order of the four steps, each from the beginning."""
    rows, apart = [], 0
    for order in ORDERS:
        database, store = Prices(), stage.store
        store.delete(KEY)
        store.delete(LOCK)
        lock = "writers-take-a-lock" in stage.habits
        programs = {
            "A": through_writer(database, store, 20, lock=lock),
            "B": through_writer(database, store, 21, lock=lock),
        }
        for _ in interleave(programs, order):
            pass
        kept, right = held(store), database.read(ARTICLE)
        database.close()
        same = kept == right
        apart += not same
        shown = " ".join(order)
        rows.append(
            Row(
                f"Order {shown}: database {right}, cache {kept}, {'they agree' if same else 'they differ'}.",
                (shown, str(right), str(kept), "they agree" if same else "they differ"),
                hues=("", "", "ok" if same else "bad", "mute" if same else "bad"),
                bold=(2,),
            )
        )
    title = f"All {len(ORDERS)} orders of the four steps"
    yield table("through.orders", title, ("order", "database", "cache", ""), rows)
    yield measured("cache.through.apart", apart, f"{apart} of {len(ORDERS)} orders leave them apart.")
    if apart:
        yield result(f"{apart} of {len(ORDERS)} orders leave cache and database apart until the TTL.", "warn")
    else:
        yield result(f"With the lock none of {len(ORDERS)} orders leaves them apart.")
