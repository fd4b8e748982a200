"""Questions: reading them, their key in a run, their order, and the writing rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from labctl import quiz
from labctl.errors import Malformed
from labctl.events import Claim, Measure, Verdict

TEXT = """
[[item]]
id = "x.count"
phase = "predict"
ask = "what"
measure = "x.n"
fixed_order = true
stem = "How many?"
hints = ["a", "b", "c"]
see = "labctl x"
[[item.option]]
text = "one"
value = 1
feedback = "f1"
[[item.option]]
text = "three"
value = 3
feedback = "f3"
misconception = "m3"
[[item.option]]
text = "thirteen"
value = 13
feedback = "f13"
misconception = "m13"

[[item]]
id = "x.why"
rev = 2
phase = "recall"
ask = "why"
claim = "x.claim"
stem = "Why?"
hints = ["a", "b", "c"]
see = "labctl x"
[[item.option]]
id = "because"
text = "because"
correct = true
feedback = "yes"
[[item.option]]
text = "by chance"
feedback = "no"
misconception = "chance"
when_refuted = true
[[item.option]]
text = "by magic"
feedback = "no"
misconception = "magic"
"""
COUNT, WHY = quiz.read(TEXT)
CLAIM = Claim("x.claim", "It is so.", "RFC 0", broken_by="fault")


def measured(value: Any) -> dict[str, Measure]:
    return {"x.n": Measure("n.", "x.n", value)}


def judged(verdict: Verdict) -> dict[str, Verdict]:
    return {"x.claim": verdict}


def test_an_option_without_id_is_known_by_its_letter() -> None:
    assert [o.id for o in COUNT.options] == ["a", "b", "c"]
    assert [o.id for o in WHY.options] == ["because", "b", "c"]
    assert WHY.rev == 2


def test_the_key_is_the_option_whose_value_the_run_measured() -> None:
    key = quiz.key(COUNT, measured(3), {})
    assert key is not None
    assert key.id == "b"
    assert quiz.is_right(COUNT, key, "b")
    assert not quiz.is_right(COUNT, key, "a")


@pytest.mark.parametrize("value", [4, None, True, "3", [3]])
def test_a_measure_that_no_option_has_makes_the_item_void(value: Any) -> None:
    assert quiz.key(COUNT, measured(value), {}) is None


def test_an_item_is_void_when_what_its_key_comes_from_is_missing() -> None:
    assert quiz.key(COUNT, {}, {}) is None
    assert quiz.key(WHY, {}, {}) is None
    assert quiz.key(WHY, {}, judged(CLAIM.not_seen("why."))) is None


def test_a_claim_that_came_out_false_turns_the_key() -> None:
    held, refuted = CLAIM.judged(True, "so."), CLAIM.judged(False, "not so.")
    assert quiz.key(WHY, {}, judged(held)).id == "because"  # type: ignore[union-attr]
    assert quiz.key(WHY, {}, judged(refuted)).id == "b"  # type: ignore[union-attr]
    without = replace(WHY, options=tuple(replace(o, when_refuted=False) for o in WHY.options))
    assert quiz.key(without, {}, judged(refuted)) is None


def test_a_number_is_right_within_its_tolerance() -> None:
    item = replace(COUNT, kind="number", options=(), tolerance=0.5)
    key = quiz.key(item, measured(1204), {})
    assert key is not None
    for given, right in (
        ("1204", True),
        ("1,204 s", True),
        ("1204.4", True),
        ("1205", False),
        ("many", False),
    ):
        assert quiz.is_right(item, key, given) is right


def test_the_order_depends_on_the_seed_alone_and_fixed_order_on_nothing() -> None:
    orders = {tuple(o.id for o in quiz.shuffled(WHY, seed)) for seed in range(40)}
    assert len(orders) == 6
    assert quiz.shuffled(WHY, 7) == quiz.shuffled(WHY, 7)
    assert {quiz.shuffled(COUNT, seed) for seed in range(10)} == {COUNT.options}


def test_an_answer_is_meant_by_id_text_or_value() -> None:
    for said in ("b", "B", "three", " Three ", 3):
        assert quiz.resolve(COUNT, said) == "b"
    assert quiz.resolve(COUNT, "four") is None


def test_with_a_seed_a_letter_is_the_one_that_stands_beside_the_option() -> None:
    for seed in range(6):
        for letter, option in zip(quiz.LETTERS, quiz.shuffled(WHY, seed), strict=False):
            assert quiz.resolve(WHY, letter.upper(), seed) == option.id
            assert quiz.resolve(WHY, option.text, seed) == option.id
        assert quiz.resolve(WHY, "h", seed) is None


def test_the_example_keeps_to_the_writing_rules() -> None:
    assert quiz.check([COUNT, WHY]) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"options": COUNT.options[:2]}, "three options, not 2"),
        ({"hints": ("one",)}, "three hints, not 1"),
        ({"see": ""}, "`see` names the command"),
        ({"stem": "Which of these is NOT so?"}, "the stem asks for what is not so"),
        ({"stem": "Is {x.n} many?"}, "a prediction is asked before anything is measured"),
        ({"claim": "x.claim"}, "not from both"),
        ({"kind": "number"}, "a number has no options"),
        (
            {"options": (replace(COUNT.options[0], feedback=""), *COUNT.options[1:])},
            "option a has no feedback",
        ),
        ({"options": (replace(COUNT.options[0], value=3), *COUNT.options[1:])}, "a `value` of its own"),
        ({"options": (replace(COUNT.options[0], text="All of these"), *COUNT.options[1:])}, "a catch-all"),
        ({"measure": ""}, "exactly one option is `correct`"),
    ],
)
def test_what_breaks_a_writing_rule_is_named(change: dict[str, Any], complaint: str) -> None:
    assert any(complaint in sentence for sentence in quiz.check([replace(COUNT, **change)]))


def test_a_wrong_option_names_its_misconception_and_ids_are_unique() -> None:
    bare = replace(WHY, options=tuple(replace(o, misconception="") for o in WHY.options))
    assert len([s for s in quiz.check([bare]) if "names no misconception" in s]) == 2
    assert quiz.check([WHY, WHY])[0] == "x.why: the id is used twice"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('phase = "predict"', 'phase = "guess"', "phase is 'guess'"),
        ('ask = "what"', "ask = 3", "ask is 3"),
        ('stem = "How many?"', "", "no stem"),
        ('text = "one"', "", "option a: no text"),
        ("fixed_order = true", "fixed_ordr = true", "fixed_ordr"),
        ("fixed_order = true", 'fixed_order = "yes"', "fixed_order is 'yes'"),
        ("\n[[item]]", "\ntitle = 1\n[[item]]", "only [[item]]"),
        ('id = "x.count"', 'id = "x.count', "is not TOML"),
    ],
)
def test_a_malformed_file_is_told_with_its_place(old: str, new: str, said: str) -> None:
    with pytest.raises(Malformed) as caught:
        quiz.read(TEXT.replace(old, new, 1), "quiz.toml of x")
    assert "quiz.toml of x" in caught.value.headline
    assert said in caught.value.headline
    assert caught.value.exit_code == 5
