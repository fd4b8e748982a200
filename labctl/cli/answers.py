"""`--answers`: a file, or the keys themselves, in the place of a person.

"dns.questions" = "b"       # the letter on the screen (of this seed), an option's text or value; skip, no-idea, key
[dns]
ttl-again = "It is lower."  # the same, as a table: dns.ttl-again
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from labctl import quiz
from labctl.errors import CannotRun, Malformed
from labctl.events import Hue, Step
from labctl.lesson import KEY
from labctl.play import Feedback, Given, Question


def read(path: str, items: Sequence[quiz.Item], lab: str, seed: int) -> dict[str, Given]:
    """What to answer, by item id; `seed` is that of the run, and says which letter stands beside which option.

    Raises Malformed for what is no answer, CannotRun without the file.
    """
    if path == "key":
        return {item.id: Given("answer", KEY) for item in items}
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CannotRun("cannot-read", f"{path} cannot be read", evidence=(("got", str(error)),)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed(
            "answers-malformed", f"{path} is not TOML", evidence=(("got", str(error)),)
        ) from error
    by_id = {item.id: item for item in items}
    answers = {}
    for item_id, value in _flat(document):
        if item_id not in by_id:
            # One file may serve a whole course: only ids of this lab can be wrong here.
            if item_id.partition(".")[0] == lab:
                raise Malformed(
                    "answers-malformed",
                    f"{path}: the lab {lab} has no question {item_id}",
                    evidence=(("there are", ", ".join(by_id)),),
                )
            continue
        answers[item_id] = _given(by_id[item_id], value, path, seed)
    return answers


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield before + key, value


def _given(item: quiz.Item, value: Any, path: str, seed: int) -> Given:
    if value == "key":
        return Given("answer", KEY)
    if value == "skip":
        return Given("skip")
    if value == "no-idea":
        return Given("no-idea" if item.phase == "predict" else "skip")
    option = quiz.resolve(item, value, seed)
    if option is None:
        shown = zip(quiz.LETTERS, quiz.shuffled(item, seed), strict=False)
        offered = ", ".join(f"{letter} ({o.text})" for letter, o in shown) or "a number"
        raise Malformed(
            "answers-malformed",
            f"{path}: {value!r} is no answer to {item.id}",
            evidence=(("there are", offered),),
        )
    return Given("answer", option)


class PreparedAnswers:
    """An Asker that asks nobody. Question, answer and feedback are said as notes of the lesson."""

    def __init__(self, answers: Mapping[str, Given], say: Callable[[Step], None]) -> None:
        self._answers = answers
        self._say = say

    def ask(self, question: Question) -> Given:
        """The prepared answer; a question without one is skipped."""
        given = self._answers.get(question.id, Given("skip"))
        self._say(Step(text=f"Question {question.id}: {question.stem}", role="note"))
        for choice in question.choices:
            self._say(Step(text=f"{choice.key}: {choice.text}", role="note"))
        self._say(Step(text=_said(question, given), role="note", hue="accent"))
        return given

    def tell(self, question: Question, feedback: Feedback) -> None:
        """Say the feedback."""
        word, hue = _WORDS[feedback.outcome]
        right = f"Right is: {feedback.right.rstrip('.')}." if feedback.right else ""
        see = f"See it happen: {feedback.see}" if feedback.see else ""
        self._say(
            Step(text=" ".join(filter(None, (word, feedback.chosen, right, see))), role="note", hue=hue)
        )

    def pause(self) -> None:
        """Nobody is there to press a key."""


_WORDS: dict[str, tuple[str, Hue]] = {
    "right": ("Right.", "ok"),
    "wrong": ("Not quite.", "bad"),
    "skipped": ("Skipped.", "mute"),
    "void": ("Void: this run does not show it.", "mute"),
    "no-idea": ("No idea.", "mute"),
}


def _said(question: Question, given: Given) -> str:
    if given.action != "answer":
        return f"Answer: {given.action}."
    if given.answer == KEY:
        if not question.key:
            return "Answer: what the run will show."
        given = given._replace(answer=question.key)
    chosen = next((c for c in question.choices if c.id == given.answer), None)
    return f"Answer: {chosen.key}: {chosen.text.rstrip('.')}." if chosen else f"Answer: {given.answer}."
