"""The order of a lesson, what is asked, what is kept, and when nothing is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Annotated, Any

import pytest

from labctl import quiz
from labctl.errors import CannotRun, UsageError
from labctl.events import Claim, Event, Measure, Step
from labctl.internet import Internet
from labctl.lab import Lab
from labctl.lesson import KEY, Lesson
from labctl.play import Answered, Feedback, Given, Question, Quit, Run

HELD = Claim("x.held", "It is so.", "RFC 0", broken_by="fault")
UNSEEN = Claim("x.unseen", "It is so.", "RFC 0", broken_by="other", shown_by=("--all",))


def run_of_x(
    internet: Internet, count: Annotated[int, "How many."] = 3, *, how: Annotated[str, "How."] = "well"
) -> Iterator[Event]:
    if count < 0:
        raise UsageError("usage", "less than nothing")
    return events_of_x(count, how)


def events_of_x(count: int, how: str) -> Iterator[Event]:
    yield Step(text="OBSERVE: x.", role="phase", phase="OBSERVE")
    if how == "badly":
        raise CannotRun("cannot", "it cannot run here")
    if how == "interrupted":
        raise KeyboardInterrupt
    yield Measure(f"{count}.", "x.n", count)
    yield HELD.judged(True, "so.")
    yield UNSEEN.judged(True, "so.") if how == "shown" else UNSEEN.not_seen("why.")


LAB = Lab("x", "X", (HELD, UNSEEN), run_of_x, "labctl")


def item(id: str, phase: Any, ask: Any = "what", **more: Any) -> quiz.Item:
    options = tuple(
        quiz.Option(letter, f"option {letter}", correct=letter == "a", value=n, feedback=f"feedback {letter}",
                    misconception="" if letter == "a" else f"belief {letter}")
        for letter, n in (("a", 3), ("b", 1), ("c", 13))
    )  # fmt: skip
    return quiz.Item(id, phase, ask, f"Stem of {id}?", options=options, see=f"labctl x {id}", **more)


ITEMS = (
    item("x.predict", "predict", measure="x.n"),
    item("x.read", "observe", claim="x.held"),
    item("x.what-1", "recall", claim="x.held"),
    item("x.what-2", "recall", claim="x.held"),
    item("x.why", "recall", "why", claim="x.held"),
    item("x.unseen", "recall", claim="x.unseen"),
)


class Scripted:
    """An Asker with prepared answers; writes down all that happens."""

    def __init__(self, story: list[str], answers: Sequence[Given | type[BaseException]] = ()) -> None:
        self.story = story
        self.answers = list(answers)

    def ask(self, question: Question) -> Given:
        self.story.append(f"ask {question.id}")
        answer = self.answers.pop(0) if self.answers else Given("answer", "a")
        if isinstance(answer, type):
            raise answer
        return answer

    def tell(self, question: Question, feedback: Feedback) -> None:
        self.story.append(
            f"tell {question.id}: {feedback.outcome} {feedback.chosen} | {feedback.right} | {feedback.see}"
        )

    def pause(self) -> None:
        self.story.append("pause")


class Teller:
    """A renderer that writes down what is shown."""

    def __init__(self, story: list[str]) -> None:
        self.story = story

    def begin(self, run: Run) -> None: ...

    def show(self, event: Event) -> None:
        if isinstance(event, Step):
            self.story.append(event.phase or event.text)

    def end(self, run: Run) -> None: ...


def lesson(
    *answers: Given | type[BaseException],
    asking: bool = True,
    count: int = 3,
    how: str = "well",
    items: tuple[quiz.Item, ...] = ITEMS,
    **more: Any,
) -> tuple[Lesson, list[str], list[Answered]]:
    story: list[str] = []
    kept: list[Answered] = []
    run = Run(LAB, "labctl x", {"count": count, "how": how}, "sandbox")
    made = Lesson(
        run,
        SimpleNamespace(timeout=None),  # type: ignore[arg-type]  # the lab of this test asks no internet
        [Teller(story)],
        items=items,
        explanation="It was {x.n}.",
        asker=Scripted(story, answers) if asking else None,
        keep=kept.append,
        **more,
    )
    made.prepare()
    made.give()
    return made, story, kept


def given(answer: str, confidence: int = 0) -> Given:
    return Given("answer", answer, confidence)


def test_a_run_that_has_the_answer_to_no_question_of_the_quiz_says_so_in_its_last_step() -> None:
    made, story, _ = lesson(items=(*ITEMS[:2], ITEMS[-1]))
    summaries = [e.summary for e in made.run.events if isinstance(e, Step) and e.role == "phase"]
    assert summaries == ["step 1 of 4", "", "step 3 of 4", "step 4 of 4"]
    assert story[-3:] == [
        "QUIZ",
        "This run has the answer to no question of the quiz; `labctl x --phase quiz` asks them, and runs what "
        "each is about.",
        "All questions of this lab: labctl x --phase quiz",
    ]


def test_a_lab_without_a_quiz_has_three_steps() -> None:
    made, _, _ = lesson(items=ITEMS[:2])
    summaries = [e.summary for e in made.run.events if isinstance(e, Step) and e.role == "phase"]
    assert summaries == ["step 1 of 3", "", "step 3 of 3"]


def test_predict_observe_confront_explain_recall_in_this_order() -> None:
    _, story, kept = lesson(given("b", 3), given("a"), given("a"), given("b"))
    assert story == [
        "PREDICT", "ask x.predict",
        "OBSERVE",
        "ask x.read", "tell x.read: right feedback a |  | ",
        "EXPLAIN", 'You predicted "option b" (sure). It was "option a". feedback b', "It was 3.",
        "QUIZ", "ask x.why", "tell x.why: right feedback a |  | ",
        "ask x.what-2", "tell x.what-2: wrong feedback b | option a | labctl x x.what-2",
        "All questions of this lab: labctl x --phase quiz",
    ]  # fmt: skip
    assert [(a.item, a.outcome, a.confidence) for a in kept] == [
        ("x.predict", "wrong", 3), ("x.read", "right", 0), ("x.why", "right", 0), ("x.what-2", "wrong", 0),
    ]  # fmt: skip
    assert kept[0].misconception == "belief b"
    assert kept[0].key == "a"


def test_without_an_asker_the_run_and_the_explanation_are_shown_and_nothing_is_asked() -> None:
    made, story, kept = lesson(asking=False)
    assert story == ["OBSERVE", "EXPLAIN", "It was 3."]
    assert kept == []
    assert made.run.answered == []
    assert lesson(asking=False, explain=False)[1] == ["OBSERVE"]


def test_one_of_the_two_recall_questions_asks_why_and_old_ones_wait() -> None:
    asked = {"x.why": 5, "x.what-1": 1, "x.what-2": 0}
    _, story, _ = lesson(asked=asked)
    assert [line for line in story if line.startswith("ask x.wh")] == ["ask x.why", "ask x.what-1"]


def test_a_phase_restricts_the_lesson() -> None:
    assert lesson(only="predict")[1] == [
        "PREDICT", "ask x.predict", 'You predicted "option a", and so it was. feedback a',
    ]  # fmt: skip
    assert lesson(only="observe")[1] == ["OBSERVE", "ask x.read", "tell x.read: right feedback a |  | "]
    assert lesson(only="explain")[1] == ["EXPLAIN", "It was 3."]


def test_the_run_behind_a_phase_that_does_not_show_it_is_kept() -> None:
    for phase in ("predict", "explain", "quiz"):
        made, story, _ = lesson(only=phase)
        assert "OBSERVE" not in story
        assert [v.claim for v in made.run.verdicts] == ["x.held", "x.unseen"]
    made, _, _ = lesson(only="predict", how="badly")
    assert made.run.exit_code == 3


def test_the_quiz_asks_all_recall_questions_and_does_not_show_the_run() -> None:
    _, story, kept = lesson(only="quiz")
    assert "OBSERVE" not in story
    assert [line for line in story if line.startswith("ask")] == ["ask x.what-1", "ask x.what-2", "ask x.why"]
    assert [(a.item, a.outcome) for a in kept][-1] == ("x.unseen", "void")


def test_a_question_about_what_this_run_cannot_show_is_judged_by_the_run_that_can() -> None:
    asked_for: list[tuple[str, ...]] = []

    def other_run(words: tuple[str, ...]) -> Run:
        asked_for.append(words)
        made, _, _ = lesson(asking=False, how="shown")
        return made.run

    _, _, kept = lesson(only="quiz", other_run=other_run)
    assert asked_for == [("--all",)]
    assert [(a.item, a.outcome) for a in kept][-1] == ("x.unseen", "right")


def test_a_prediction_that_the_run_could_not_show_makes_nobody_wrong() -> None:
    _, story, kept = lesson(given("b"), count=7, only="predict")
    assert kept[0].outcome == "void"
    assert story[-1].endswith("nobody is wrong.")


@pytest.mark.parametrize(
    ("action", "said"), [("no-idea", 'It was "option a".'), ("skip", "You did not say.")]
)
def test_no_idea_and_skip_are_answers_too(action: Any, said: str) -> None:
    _, story, kept = lesson(Given(action), only="predict")
    assert story[-1].startswith(said)
    assert kept[0].outcome == ("no-idea" if action == "no-idea" else "skipped")


def test_quitting_ends_the_lesson_and_nothing_more_is_run_or_asked() -> None:
    made, story, kept = lesson(Given("quit"))
    assert story == ["PREDICT", "ask x.predict", "Again: labctl x"]
    assert made.run.exit_code == 0, "nothing was judged, and nothing should be"
    assert made.run.quit
    assert kept == []
    made, story, kept = lesson(given("a"), Given("quit"))
    assert story[-2:] == ["ask x.read", "Again: labctl x"]
    assert [a.outcome for a in kept] == ["right"]
    _, story, kept = lesson(given("a"), given("a"), Given("quit"))
    assert story[-2:] == ["ask x.why", "Again: labctl x"]
    assert [a.outcome for a in kept] == ["right", "right"]


def test_quitting_between_two_messages_ends_the_run() -> None:
    def wait(event: Event) -> None:
        if isinstance(event, Measure):
            raise Quit

    made, story, _ = lesson(given("a"), wait=wait)
    assert story == ["PREDICT", "ask x.predict", "OBSERVE", "Again: labctl x"]
    assert (made.run.exit_code, made.run.quit) == (0, True)


def test_ctrl_c_at_a_question_keeps_what_was_answered() -> None:
    made, _, kept = lesson(given("a"), given("a"), KeyboardInterrupt)
    assert made.run.exit_code == 130
    assert [a.item for a in kept] == ["x.predict", "x.read"]
    made, _, kept = lesson(KeyboardInterrupt)
    assert made.run.exit_code == 130
    assert kept == []


@pytest.mark.parametrize(("how", "code"), [("badly", 3), ("interrupted", 130)])
def test_a_run_that_broke_off_is_not_asked_about(how: str, code: int) -> None:
    made, story, _ = lesson(given("a"), how=how)
    assert story == ["PREDICT", "ask x.predict", "OBSERVE"]
    assert made.run.exit_code == code


def test_arguments_that_mean_nothing_are_told_before_anything_is_asked() -> None:
    with pytest.raises(UsageError):
        lesson(count=-1)


def test_the_key_can_answer() -> None:
    _, _, kept = lesson(*[Given("answer", KEY)] * 4)
    assert [a.outcome for a in kept] == ["right"] * 4
    assert {a.given for a in kept} == {"a"}
