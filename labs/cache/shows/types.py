"""What a value is after it went through a text form: tuples, number keys, dates, and the empty value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labs.cache.application.stage import Stage, footer, staged
from labs.cache.claims import TYPES
from labs.telling import about, measured, note, opening, result, table
from labs.words import count

KEY = "row:1"


class Tried(NamedTuple):
    """What was computed, what the next caller got, and whether they are equal; `error` when it was not kept."""

    title: str
    first: Any
    second: Any
    error: str = ""

    @property
    def same(self) -> bool:
        return not self.error and type(self.first) is type(self.second) and bool(self.first == self.second)


def _values() -> tuple[tuple[str, Any], ...]:
    from datetime import date

    return (
        ("a row", (1, "mug", 10)),
        ("counts", {1: 10, 2: 12}),
        ("a list", ["mug", "pen"]),
        ("a date", date(2026, 11, 24)),
        ("a set", {"new"}),
    )


def show(internet: Internet, redis: str | None) -> Iterator[Event]:
    with staged(internet, redis) as stage:
        yield opening("what goes in, and what comes out", "through JSON")
        tried = [_through(stage, title, value) for title, value in _values()]
        rows = [_row(each) for each in tried]
        yield table("types.values", "Through the cache", ("value", "first caller", "second caller", ""), rows)
        changed = [each for each in tried if not each.error and not each.same]
        refused = [each for each in tried if each.error]
        yield measured(
            "cache.types.changed", len(changed), f"{count(len(changed), 'value')} came back changed."
        )
        yield measured(
            "cache.types.refused", len(refused), f"{count(len(refused), 'value')} could not be kept."
        )
        yield (
            TYPES.not_seen("The store keeps nothing, so nothing comes out of it.")
            if "store-is-full" in stage.habits
            else TYPES.judged(
                bool(changed),
                f"{count(len(changed), 'value')} came back as something else:"
                f" {changed[0].first!r} as {changed[0].second!r}."
                if changed
                else "Every value came back as it was.",
            )
        )
        yield from _empty(stage)
        yield about("one form", "decode on the miss, too: give every caller what the second one would get.")
        yield result("A test that runs with an empty cache tests the first caller only.", "warn")
        yield from footer(
            stage,
            "types",
            ("python -c 'import json; print(json.loads(json.dumps({1: (2, 3)})))'", ""),
            "stampede",
        )


def _through(stage: Stage, title: str, value: Any) -> Tried:
    """Keep the value as a program would, and read it again."""
    encode, decode = _forms(stage)
    try:
        stage.store.set(KEY, encode(value), ttl_s=300.0)
    except TypeError as error:
        return Tried(title, value, None, str(error))
    kept = stage.store.get(KEY)
    stage.store.delete(KEY)
    return Tried(title, value, decode(kept) if kept is not None else None)


def _forms(stage: Stage) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    if "store-keeps-objects" not in stage.habits:
        return lambda value: json.dumps(value).encode(), json.loads
    # The objects themselves, as a dictionary in the process has them.
    objects: list[Any] = []

    def keep(value: Any) -> bytes:
        objects.append(value)
        return b"%d" % (len(objects) - 1)

    return keep, lambda kept: objects[int(kept)]


def _row(tried: Tried) -> Row:
    first = repr(tried.first).removeprefix("datetime.")
    if tried.error:
        return Row(
            f"{tried.title}: {first} is not kept: TypeError, {tried.error}.",
            (tried.title, first, "TypeError", "not kept"),
            hues=("", "", "bad", "bad"),
            bold=(2,),
        )
    second = repr(tried.second)
    says = (
        "the same"
        if tried.same
        else "another type"
        if type(tried.first) is not type(tried.second)
        else "changed"
    )
    hue: Hue = "ok" if tried.same else "warn"
    return Row(
        f"{tried.title}: {first} came back as {second}, {says}.",
        (tried.title, first, second, says),
        hues=("", "", hue, hue),
        bold=(2,),
    )


def _empty(stage: Stage) -> Iterator[Event]:
    """`if cached:` takes an empty value for a miss."""
    computed = 0
    for _ in range(3):
        kept = stage.store.get(KEY)
        if kept and json.loads(kept):
            continue
        computed += 1
        stage.store.set(KEY, json.dumps([]).encode(), ttl_s=300.0)
    stage.store.delete(KEY)
    yield measured("cache.types.empty", computed, f"An empty list was computed {computed} times in 3 calls.")
    yield note(
        f"`if cached:` never hits for an empty list: computed {computed} times in 3 calls."
        " Ask `is not None` instead."
    )
