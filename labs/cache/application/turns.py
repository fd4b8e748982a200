"""Turns of programs as a table: who did what, and what the database and the cache hold afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from labctl.events import Row, Rows
from labs.cache.application.database import Prices
from labs.cache.application.interleaving import Turn
from labs.cache.application.patterns import ARTICLE, KEY, number
from labs.cache.application.store import Store
from labs.telling import table


def turns_table(
    id: str,
    title: str,
    turns: Iterable[Turn],
    names: Mapping[str, str],
    database: Prices,
    store: Store,
) -> Rows:
    """Play the turns, and look at both sides after each."""
    rows = tuple(_rows(turns, names, lambda: (held(store), database.read(ARTICLE))))
    return table(id, title, ("step", "who", "does", "database", "cache"), rows)


def held(store: Store) -> int | None:
    """The price in the cache, looked at from outside."""
    value = store.get(KEY)
    return None if value is None else number(value)


def _rows(
    turns: Iterable[Turn], names: Mapping[str, str], look: Callable[[], tuple[int | None, int]]
) -> Iterator[Row]:
    for step, turn in enumerate(turns, 1):
        kept, right = look()
        differs = kept is not None and kept != right
        shown = "──" if kept is None else str(kept)
        then = f"the cache holds {kept}" if kept is not None else "the cache holds nothing"
        who = names[turn.who]
        yield Row(
            f"Step {step}: the {who} {turn.did}. The database holds {right}, {then}.",
            (str(step), who, turn.did, str(right), shown),
            hues=("mute", "", "", "", "bad" if differs else "mute" if kept is None else "ok"),
            bold=(1, 4) if kept is not None else (1,),
            data={"database": right, **({"cache": kept} if kept is not None else {})},
        )
