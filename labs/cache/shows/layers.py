"""How long a read takes in each layer, and what a database's own cache keeps."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labs.cache.application.behind_socket import BehindSocket
from labs.cache.application.database import Prices
from labs.cache.application.patterns import ARTICLE, KEY
from labs.cache.application.stage import Stage, footer, staged
from labs.cache.claims import LAYERS, PAGES
from labs.cache.words import microseconds
from labs.telling import measured, note, opening, result, table
from labs.words import count

READS = 300
ROWS = 20_000
QUERY = "SELECT max(cents) FROM prices WHERE id <= 1000 AND looked_at(id)"


class Layer(NamedTuple):
    """Where something was read from, how, and the median of its reads in seconds."""

    name: str
    how: str
    median_s: float


def show(internet: Internet, redis: str | None) -> Iterator[Event]:
    with staged(internet, redis) as stage:
        yield opening("the layers of an application", f"median of {READS} reads")
        database = Prices(
            ROWS,
            index="table-without-key" not in stage.habits,
            keeps_answers="database-keeps-answers" in stage.habits,
        )
        try:
            at_last = yield from _times(stage, database)
            yield from _pages(database)
            if not stage.redis:
                yield note(
                    "The store is a dictionary in another process of this machine: a Redis does more, and another"
                    " machine is farther."
                )
            yield at_last
        finally:
            database.close()
        yield from footer(stage, "layers", ("redis-cli --latency", "milliseconds of a PING"), "browser")


def _median(read: Callable[[], object], reads: int = READS) -> float:
    took = []
    for _ in range(reads):
        began = time.perf_counter()
        read()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _times(stage: Stage, database: Prices) -> Generator[Event, None, Event]:
    kept = {KEY: b"10"}
    stage.store.set(KEY, b"10", ttl_s=300.0)
    found = [Layer("a dictionary", "in this process", _median(lambda: kept[KEY]))]
    if stage.redis:
        over_socket = Layer(stage.store.name, "over a socket", _median(lambda: stage.store.get(KEY)))
    else:
        remote = BehindSocket({KEY: "10"})
        try:
            over_socket = Layer(
                "a store elsewhere", "over a socket, in another process", _median(lambda: remote.get(KEY))
            )
        finally:
            remote.close()
    key = "by looking at every row" if "table-without-key" in stage.habits else "by its primary key"
    sqlite = Layer("SQLite", f"{key}, one of {ROWS:,} rows", _median(lambda: database.read(ARTICLE)))
    found += sorted((sqlite, over_socket), key=lambda layer: layer.median_s)
    stage.store.delete(KEY)
    yield table("layers.times", "One read", ("layer", "how", "takes"), [_row(layer) for layer in found])
    for name, layer in (("dictionary", found[0]), ("sqlite", sqlite), ("socket", over_socket)):
        micro = round(layer.median_s * 1e6, 1)
        yield measured(f"cache.layers.{name}", micro, f"A read from {layer.name} took {micro:,} µs.", "µs")
    slower = over_socket.median_s > sqlite.median_s
    between = (
        f"{microseconds(over_socket.median_s)} over a socket, {microseconds(sqlite.median_s)} in SQLite {key}"
    )
    yield LAYERS.judged(slower, f"{between[:1].upper()}{between[1:]}.")
    return result(
        f"A cache over a socket in front of this query would cost time: {between}."
        if slower
        else f"Here the cache is quicker than what it hides: {between}.",
        "warn" if slower else "ok",
    )


def _row(layer: Layer) -> Row:
    takes = microseconds(layer.median_s)
    hue: Hue = "ok" if layer.median_s < 1e-6 else ""
    return Row(
        f"{layer.name}, {layer.how}: {takes}.",
        (layer.name, layer.how, takes),
        hues=("", "mute", hue),
        bold=(2,),
    )


def _pages(database: Prices) -> Iterator[Event]:
    looked = [database.looked_at(QUERY) for _ in range(2)]
    rows = [
        Row(
            f"The {which} time: it looked at {count(n, 'row')}.",
            (f"{which} time", count(n, "row")),
            bold=(1,),
        )
        for which, n in zip(("first", "second"), looked, strict=True)
    ]
    yield table("layers.pages", "The same query, twice", ("query", "looked at"), rows)
    yield measured("cache.layers.first_rows", looked[0], f"The first query looked at {looked[0]:,} rows.")
    yield measured("cache.layers.second_rows", looked[1], f"The second one looked at {looked[1]:,} rows.")
    yield PAGES.judged(
        looked[1] == looked[0] > 0,
        f"Both times {count(looked[0], 'row')} were looked at; only their pages were in memory already."
        if looked[1]
        else f"The second answer came without looking: {count(looked[0], 'row')}, then {looked[1]}.",
    )
