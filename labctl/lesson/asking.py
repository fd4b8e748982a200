"""One question: how it is put, what an answer amounts to, what is said to it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from labctl import quiz
from labctl.events import Hue, Step
from labctl.explanation import Facts, fill
from labctl.lesson import KEY
from labctl.play import Answered, Choice, Feedback, Given, Question

Outcome = Literal["right", "wrong", "skipped", "void", "no-idea"]

_CONFIDENCE = {1: " (a guess)", 3: " (sure)"}
_HUES: dict[str, Hue] = {"right": "ok", "wrong": "bad"}


class Prediction(NamedTuple):
    """A prediction after the run: what was asked and given, and what became of it."""

    item: quiz.Item
    question: Question
    answered: Answered
    key: quiz.Key | None
    chosen: quiz.Option | None


def key_of(item: quiz.Item, facts: Facts) -> quiz.Key | None:
    """What is right in this run, or None when it cannot tell."""
    return quiz.key(item, facts.measures, facts.verdicts)


def question_of(item: quiz.Item, facts: Facts, seed: int) -> Question | None:
    """The question as it is put, or None when its words need what is not there."""
    stem = fill(item.stem, facts)
    options = [(option, fill(option.text, facts)) for option in quiz.shuffled(item, seed)]
    if stem is None or any(text is None for _, text in options):
        return None
    predicts = item.phase == "predict"
    return Question(
        id=item.id,
        phase=item.phase,
        stem=stem,
        choices=tuple(
            Choice(key, o.id, text or "") for key, (o, text) in zip(quiz.LETTERS, options, strict=False)
        ),
        hints=item.hints,
        unit=facts.measures[item.measure].unit if item.measure in facts.measures else "",
        prompt="Your prediction" if predicts else "Your answer",
        ask_confidence=predicts,
        may_be_empty=predicts,
    )


def judged(
    item: quiz.Item, given: Given, key: quiz.Key | None, question: Question | None = None
) -> tuple[Answered, quiz.Option | None]:
    """What became of an answer, and the option that was chosen. Without a key the item is void.

    `question` is how it was put: the texts of its options are kept too.
    """
    if given.answer == KEY:
        given = Given(given.action, key.id if key else "", given.confidence, given.hints)
    chosen = item.option(given.answer) if given.action == "answer" else None
    outcome = _outcome(item, given, key)
    answered = Answered(
        item=item.id,
        rev=item.rev,
        phase=item.phase,
        given=given.answer,
        key=key.id if key else "",
        outcome=outcome,
        confidence=given.confidence,
        misconception=chosen.misconception if chosen and outcome == "wrong" else "",
        hints=given.hints,
        given_text=option_text(given.answer, question) if question else given.answer,
        key_text=option_text(key.id, question) if question and key else "",
    )
    return answered, chosen


def _outcome(item: quiz.Item, given: Given, key: quiz.Key | None) -> Outcome:
    if key is None:
        return "void"
    if given.action == "answer":
        return "right" if quiz.is_right(item, key, given.answer) else "wrong"
    return "no-idea" if given.action == "no-idea" else "skipped"


def feedback(
    question: Question,
    item: quiz.Item,
    answered: Answered,
    key: quiz.Key,
    chosen: quiz.Option | None,
    facts: Facts,
) -> Feedback:
    """What is said to an answer: to the chosen option, then the right one, then a command that shows it.

    A question that is read off the screen is not resolved: the feedback points at the line, one looks again.
    """
    right = answered.outcome == "right"
    return Feedback(
        answered.outcome,
        fill(chosen.said(right=right) if chosen else item.feedback, facts) or "",
        "" if right or item.phase == "observe" else option_text(key.id, question),
        "" if right else item.see,
    )


def confrontation(prediction: Prediction, facts: Facts) -> Step:
    """One line: what was predicted and what it was. No praise, no scolding."""
    answered, key, question = prediction.answered, prediction.key, prediction.question
    if key is None:
        text = "This run could not show what was predicted: nobody is wrong."
        return Step(text=text, role="result", hue="mute")
    was = option_text(key.id, question).rstrip(".")
    sure = _CONFIDENCE.get(answered.confidence, "")
    if answered.outcome == "no-idea":
        said = f'It was "{was}".'
    elif answered.outcome == "skipped":
        said = f'You did not say. It was "{was}".'
    elif answered.outcome == "right":
        said = f'You predicted "{was}"{sure}, and so it was.'
    else:
        predicted = option_text(answered.given, question).rstrip(".")
        said = f'You predicted "{predicted}"{sure}. It was "{was}".'
    option = prediction.chosen or key.option
    right = option is not None and key.option is not None and option.id == key.option.id
    why = fill(option.said(right=right) if option else prediction.item.feedback, facts) or ""
    return Step(
        text=f"{said} {why}".strip(),
        role="result",
        hue=_HUES.get(answered.outcome, "mute"),
        data={
            "item": answered.item,
            "given": answered.given,
            "key": answered.key,
            "outcome": answered.outcome,
        },
    )


def option_text(id: str, question: Question) -> str:
    """The option as it was shown; the number itself when there are no options."""
    return next((choice.text for choice in question.choices if choice.id == id), id)
