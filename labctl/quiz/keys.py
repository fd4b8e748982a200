"""What is right in a run, in which order options are shown, and what an answer means."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from labctl.events import Json, Measure, Verdict
from labctl.quiz.items import Item, Option

# What stands beside the options on the screen, in their order there.
LETTERS = "abcdefgh"


class Key(NamedTuple):
    """What is right in this run: an option (choice), or the measured value (number)."""

    option: Option | None
    value: Json = None

    @property
    def id(self) -> str:
        """The option's id, or the number as text."""
        return self.option.id if self.option else str(self.value)


def key(item: Item, measures: Mapping[str, Measure], verdicts: Mapping[str, Verdict]) -> Key | None:
    """The key of an item in a run, or None: the item is void there."""
    if item.measure:
        measure = measures.get(item.measure)
        if measure is None:
            return None
        if item.kind == "number":
            return Key(None, measure.value)
        option = next(
            (o for o in item.options if o.value is not None and _same(o.value, measure.value)), None
        )
        return Key(option, measure.value) if option else None
    if item.claim:
        verdict = verdicts.get(item.claim)
        if verdict is None or verdict.outcome == "NOT_SEEN":
            return None
        if verdict.outcome == "REFUTED":
            return _first(o for o in item.options if o.when_refuted)
    return _first(o for o in item.options if o.correct)


def _first(options: Iterable[Option]) -> Key | None:
    option = next(iter(options), None)
    return Key(option) if option else None


def _same(left: Json, right: Json) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold().rstrip(".") == right.casefold().rstrip(".")
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def shuffled(item: Item, seed: int) -> tuple[Option, ...]:
    """The options in the order in which this seed shows them."""
    options = list(item.options)
    if not item.fixed_order:
        # A string seeds the same way in every process, unlike hash().
        random.Random(f"{seed}:{item.id}").shuffle(options)
    return tuple(options)


def is_right(item: Item, key: Key, given: str) -> bool:
    """Is the given option id (or number, as typed) what this run says?"""
    if item.kind == "choice":
        return key.option is not None and given == key.option.id
    number = number_of(given)
    if number is None or isinstance(key.value, bool) or not isinstance(key.value, (int, float)):
        return False
    return abs(number - key.value) <= item.tolerance


def number_of(text: str) -> float | None:
    """The number that was typed, with or without thousands' commas and a unit; None when there is none."""
    match = re.match(r"\s*([-+]?[\d,]*\.?\d+)", text)
    return float(match.group(1).replace(",", "")) if match else None


def resolve(item: Item, given: object, seed: int | None = None) -> str | None:
    """The option id that an answer means: its id, its text or its value. None when it means none of them.

    With a seed a single letter is the one that stands beside an option on the screen.
    """
    if item.kind == "number":
        return None if isinstance(given, bool) or number_of(str(given)) is None else str(given)
    said = str(given).strip().casefold()
    if seed is not None and len(said) == 1 and said.isalpha():
        shown = dict(zip(LETTERS, shuffled(item, seed), strict=False))
        return shown[said].id if said in shown else None
    for option in item.options:
        if said in (option.id.casefold(), option.text.casefold()):
            return option.id
    for option in item.options:
        if option.value is not None and said == str(option.value).casefold():
            return option.id
    return None
