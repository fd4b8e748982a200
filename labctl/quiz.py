"""The questions of a lab: quiz.toml, and what is right in this run.

    [[item]]
    id = "dns.questions"        # unique, stable: answers and progress refer to it
    rev = 1                     # raised when the meaning changes
    phase = "predict"           # predict | observe | recall
    ask = "what"                # why | what | transfer
    stem = "How many ...?"      # may use {measure-id} and {argument:name}
    hints = ["...", "...", "..."]
    see = "labctl dns ..."      # the command that shows it
    kind = "choice"             # choice | number
    measure = "dns.walk.questions"   # the key is the option whose `value` equals it (number: the measure itself)
    claim = "dns.referral"           # or: the key is the option with `correct`, as long as this claim HELD;
                                     # REFUTED: the option with `when_refuted`
    tolerance = 0.0             # number: how far off is still right
    fixed_order = false         # options keep their order (numbers in a row)
    [[item.option]]
    id = "a"                    # default: its letter in the file
    text = "..."
    correct = true
    value = 3
    feedback = "..."            # answers whoever chose it
    misconception = "..."       # wrong options: what one believes who chooses it

An item without `measure` and `claim` always has its `correct` option as key. When the measure or the verdict is missing
from a run, or NOT_SEEN, the item is void in it: nobody is wrong then.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, cast, get_args

from labctl.errors import Malformed
from labctl.events import Json, Measure, Verdict

Phase = Literal["predict", "observe", "recall"]
Ask = Literal["why", "what", "transfer"]
Kind = Literal["choice", "number"]


@dataclass(frozen=True)
class Option:
    """One answer that is offered."""

    id: str
    text: str
    correct: bool = False
    when_refuted: bool = False
    value: Json = None
    feedback: str = ""
    misconception: str = ""


@dataclass(frozen=True)
class Item:
    """One question; the module's docstring says what its fields mean."""

    id: str
    phase: Phase
    ask: Ask
    stem: str
    rev: int = 1
    hints: tuple[str, ...] = ()
    see: str = ""
    kind: Kind = "choice"
    measure: str = ""
    claim: str = ""
    tolerance: float = 0.0
    fixed_order: bool = False
    feedback: str = ""
    options: tuple[Option, ...] = ()

    def option(self, id: str) -> Option | None:
        """The option with this id, or None."""
        return next((o for o in self.options if o.id == id), None)


def read(text: str, where: str = "quiz.toml") -> tuple[Item, ...]:
    """The items of a quiz.toml. Raises Malformed `quiz-malformed` with the place."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Malformed("quiz-malformed", f"{where} is not TOML", evidence=(("got", str(error)),)) from error
    items = document.get("item", [])
    if not isinstance(items, list) or set(document) - {"item"}:
        raise Malformed("quiz-malformed", f"{where}: only [[item]] tables are known here")
    return tuple(_item(table, f"{where}: item {number}") for number, table in enumerate(items, 1))


def _item(table: Any, where: str) -> Item:
    if not isinstance(table, dict):
        raise Malformed("quiz-malformed", f"{where} is not a table")
    where = f"{where} ({table.get('id', 'without id')})"
    values = dict(table)
    options = values.pop("option", [])
    _expect(values, Item, where, required=("id", "phase", "ask", "stem"))
    for field, allowed in (("phase", Phase), ("ask", Ask), ("kind", Kind)):
        if field in values and values[field] not in get_args(allowed):
            raise Malformed(
                "quiz-malformed",
                f"{where}: {field} is {values[field]!r}",
                evidence=(("allowed", ", ".join(get_args(allowed))),),
            )
    values["hints"] = tuple(values.get("hints", ()))
    found = []
    for letter, option in zip("abcdefgh", options, strict=False):
        _expect(option, Option, f"{where}, option {letter}", required=("text",))
        found.append(Option(**{"id": letter, **option}))
    return Item(**values, options=tuple(found))


def _expect(values: Mapping[str, Any], cls: type, where: str, required: Sequence[str]) -> None:
    known = {f.name: str(f.type) for f in fields(cls)}
    wrong = sorted(set(values) - set(known)) + [f"no {name}" for name in required if name not in values]
    types = {"str": str, "bool": bool, "int": int, "float": (int, float), "tuple[str, ...]": list}
    wrong += [
        f"{name} is {value!r}"
        for name, value in values.items()
        if known.get(name) in types and not isinstance(value, cast(type, types[known[name]]))
    ]
    if wrong:
        raise Malformed("quiz-malformed", f"{where}: {', '.join(wrong)}")


@dataclass(frozen=True)
class Key:
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


def _first(options: Any) -> Key | None:
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


def resolve(item: Item, given: object) -> str | None:
    """The option id that an answer means: its id, its text or its value. None when it means none of them."""
    if item.kind == "number":
        return None if isinstance(given, bool) or number_of(str(given)) is None else str(given)
    said = str(given).strip().casefold()
    for option in item.options:
        if said in (option.id.casefold(), option.text.casefold()):
            return option.id
    for option in item.options:
        if option.value is not None and said == str(option.value).casefold():
            return option.id
    return None


_NEGATIVE = re.compile(r"\b(NOT|EXCEPT|not true|is not|are not|isn't|aren't|incorrect|false)\b")
_CATCH_ALL = re.compile(r"\b(all|none|both) of (the|these)\b", re.IGNORECASE)


def check(items: Sequence[Item]) -> list[str]:
    """What is wrong with the items, by the writing rules of facts/teaching.md section 6; one sentence each."""
    wrong = []
    ids = [item.id for item in items]
    wrong += [f"{id}: the id is used twice" for id in sorted({id for id in ids if ids.count(id) > 1})]
    for item in items:
        wrong += [f"{item.id}: {sentence}" for sentence in _faults_of(item)]
    return wrong


def _faults_of(item: Item) -> list[str]:
    wrong = []
    if item.measure and item.claim:
        wrong.append("its key comes from a measure or from a claim, not from both")
    if len(item.hints) != 3:
        wrong.append(f"three hints, not {len(item.hints)}")
    if not item.see:
        wrong.append("`see` names the command that shows it")
    if _NEGATIVE.search(item.stem.rsplit(". ", 1)[-1]):
        wrong.append("the stem asks for what is not so")
    if item.phase == "predict" and re.search(r"\{(?!argument:)", item.stem):
        wrong.append(
            "a prediction is asked before anything is measured: its stem can use {argument:...} only"
        )
    if item.kind == "number":
        if not item.measure:
            wrong.append("a number needs the measure that is its key")
        return wrong if not item.options else [*wrong, "a number has no options"]
    if len(item.options) != 3:
        wrong.append(f"three options, not {len(item.options)}")
    if len({o.id for o in item.options}) < len(item.options):
        wrong.append("two options have one id")
    if item.measure:
        values = [o.value for o in item.options]
        if None in values or len(set(map(repr, values))) < len(values):
            wrong.append("each option needs a `value` of its own to compare with the measure")
    elif sum(o.correct for o in item.options) != 1:
        wrong.append("exactly one option is `correct`")
    if sum(o.when_refuted for o in item.options) > 1 or any(
        o.correct and o.when_refuted for o in item.options
    ):
        wrong.append("at most one option is right `when_refuted`, and another than the correct one")
    for option in item.options:
        if not option.feedback:
            wrong.append(f"option {option.id} has no feedback")
        if not option.correct and not option.misconception and not item.measure:
            wrong.append(f"option {option.id} names no misconception")
        if _CATCH_ALL.search(option.text):
            wrong.append(f"option {option.id} is a catch-all")
    return wrong
