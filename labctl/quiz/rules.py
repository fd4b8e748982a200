"""The writing rules of questions, as far as a machine can check them (facts/teaching.md section 6)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from labctl.quiz.items import Item

_NEGATIVE = re.compile(r"\b(NOT|EXCEPT|not true|is not|are not|isn't|aren't|incorrect|false)\b")
_CATCH_ALL = re.compile(r"\b(all|none|both) of (the|these)\b", re.IGNORECASE)


def check(items: Sequence[Item]) -> list[str]:
    """What is wrong with the items, one sentence each; the reasons stand in teaching.md."""
    wrong = []
    ids = [item.id for item in items]
    wrong += [f"{twice}: the id is used twice" for twice in sorted({i for i in ids if ids.count(i) > 1})]
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
