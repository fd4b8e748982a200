"""A lesson around a run: predict, observe, confront, explain, recall (DESIGN.md section 8).

The order is the method: one prediction before anything is shown and never graded, the run with nothing
explained, one question read off the screen, the confrontation of both, the explanation with this run's own
numbers, two recall questions of which one asks why. What a lesson says is made of events, so every renderer
shows it. Questions go through an Asker; without one nothing is asked and nothing waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from labctl.events import Event, Step
from labctl.explanation import Facts, paragraphs
from labctl.internet import Internet
from labctl.play import Answered, Asker, Given, Question, Quit, Renderer, Run, play

if TYPE_CHECKING:
    # At run time `asking`, and the quiz with it, is imported when somebody is asked.
    from labctl import quiz
    from labctl.lesson.asking import Prediction

__all__ = ["KEY", "Lesson", "LessonPhase"]

LessonPhase = Literal["predict", "observe", "explain", "quiz"]
# An answer that stands for whatever the key turns out to be (`--answers key`).
KEY = "\0key"


@dataclass
class Lesson:
    """One lesson. `asker` None asks nothing; `keep` is told each answer (progress); `asked` counts earlier
    ones.

    `only` restricts the lesson to one phase. `other_run` makes a run of the lab with other arguments,
    silently: for questions about what this run cannot show.
    """

    run: Run
    internet: Internet
    renderers: Sequence[Renderer]
    items: tuple[quiz.Item, ...] = ()
    explanation: str = ""
    asker: Asker | None = None
    only: LessonPhase | None = None
    explain: bool = True
    deep: bool = False
    wait: Callable[[Event], None] = lambda event: None
    keep: Callable[[Answered], None] = lambda answered: None
    asked: Mapping[str, int] | None = None
    other_run: Callable[[tuple[str, ...]], Run] | None = None

    def __post_init__(self) -> None:
        self._events: Iterator[Event] = iter(())

    def prepare(self) -> None:
        """Hand the lab its arguments, before anything is shown or asked.

        A lab reads them before it returns its events, and raises when they mean nothing: then nobody has
        answered a question for nothing. Errors of ours are raised here.
        """
        self._events = iter(self.run.lab.run(self.internet, **self.run.arguments))

    def give(self) -> None:
        """Run the lab (after `prepare`) with its lesson around it; everything ends up in `run`."""
        try:
            self._give()
        except Quit:
            self.run.quit = True
        except KeyboardInterrupt:
            self.run.interrupted = True
        if self.run.quit:
            again = self.run.command
            self.say(Step(text=f"Again: {again}", role="command", label="again", title=again))

    def _give(self) -> None:
        if self.only == "quiz":
            self._observe(())
            if self._went_well:
                self._quiz(self._of_phase("recall"))
            return
        prediction = self._predict() if self.only in (None, "predict") else None
        # The prediction and the explanation alone have a run behind them that is not shown.
        self._observe(self.renderers if self.only in (None, "observe") else ())
        if not self._went_well:
            return
        predicted = self._judged(*prediction) if prediction else None
        if self.only in (None, "observe"):
            self._ask_one_of(self._of_phase("observe"))
        if self.only in (None, "explain") and self.explain:
            self._explain(predicted)
        elif predicted:
            self._confront(predicted)
        if self.only is None:
            self._recall()

    # The phases

    def _predict(self) -> tuple[quiz.Item, Question, Given] | None:
        candidates = [i for i in self._of_phase("predict") if self._question(i) is not None]
        if self.asker is None or not candidates:
            return None
        item = self._least_asked(candidates)[0]
        question = self._question(item)
        assert question is not None
        self.say(_phase("PREDICT", "before we look", self._step(1)))
        return item, question, self._answer(question)

    def _judged(self, item: quiz.Item, question: Question, given: Given) -> Prediction:
        from labctl.lesson import asking

        key = asking.key_of(item, self._facts)
        answered, chosen = asking.judged(item, given, key, question)
        self._keep(answered)
        return asking.Prediction(item, question, answered, key, chosen)

    def _observe(self, renderers: Sequence[Renderer]) -> None:
        play(self.run, self.internet, renderers, wait=self.wait, watch=self._events)

    def _explain(self, prediction: Prediction | None) -> None:
        words = paragraphs(self.explanation, self._facts, deep=self.deep)
        if not words and not prediction:
            return
        self.say(_phase("EXPLAIN", "what just happened", self._step(3)))
        if prediction:
            self._confront(prediction)
        for paragraph in words:
            self.say(Step(text=paragraph.text, role="heading" if paragraph.kind == "heading" else "note"))

    def _confront(self, prediction: Prediction) -> None:
        from labctl.lesson.asking import confrontation

        self.say(confrontation(prediction, self._facts))

    def _recall(self) -> None:
        """Two questions whose key this run has, one of them a why when there is one."""
        possible = self._least_asked([i for i in self._of_phase("recall") if self._can_ask(i)])
        chosen = possible[:2]
        if chosen and not any(i.ask == "why" for i in chosen):
            chosen = [next((i for i in possible if i.ask == "why"), chosen[0]), *chosen[1:]]
        if chosen:
            self._quiz(chosen)
        elif self.asker is not None and self._of_phase("recall"):
            self.say(_phase("QUIZ", "from the course", self._step(4)))
            more = f"`labctl {self.run.lab.name} --phase quiz` asks them, and runs what each is about"
            self.say(Step(text=f"This run has the answer to no question of the quiz; {more}.", role="note"))
            self._all_questions()

    def _quiz(self, items: Sequence[quiz.Item]) -> None:
        if self.asker is None or not items:
            return
        summary = self._step(4) if self.only is None else f"{len(items)} questions"
        self.say(_phase("QUIZ", "from the course", summary))
        for item in items:
            self._ask(item)
        self._all_questions()

    def _all_questions(self) -> None:
        again = f"labctl {self.run.lab.name} --phase quiz"
        self.say(Step(text=f"All questions of this lab: {again}", role="command", label="again", title=again))

    # Asking

    def _ask_one_of(self, items: Iterable[quiz.Item]) -> None:
        possible = self._least_asked([i for i in items if self._can_ask(i)])
        if self.asker is not None and possible:
            self._ask(possible[0])

    def _ask(self, item: quiz.Item) -> None:
        from labctl.lesson import asking

        run = self._run_for(item)
        facts = facts_of(run)
        key = asking.key_of(item, facts)
        question = asking.question_of(item, facts, self.run.seed)
        if key is None or question is None:
            self._keep(asking.judged(item, Given("skip"), None)[0])
            return
        given = self._answer(question._replace(key=key.id))
        answered, chosen = asking.judged(item, given, key, question)
        self._keep(answered)
        assert self.asker is not None
        self.asker.tell(question, asking.feedback(question, item, answered, key, chosen, facts))

    def _keep(self, answered: Answered) -> None:
        self.run.answered.append(answered)
        self.keep(answered)

    def _answer(self, question: Question) -> Given:
        """What the person says. Raises Quit when the person has had enough."""
        assert self.asker is not None
        given = self.asker.ask(question)
        if given.action == "quit":
            raise Quit
        return given

    def _step(self, number: int) -> str:
        """Where the lesson stands, when it is a whole one with questions."""
        steps = 4 if self._of_phase("recall") else 3
        return f"step {number} of {steps}" if self.asker is not None and self.only is None else ""

    # What the run has

    @property
    def _went_well(self) -> bool:
        return self.run.error is None and not self.run.interrupted and not self.run.quit

    @property
    def _facts(self) -> Facts:
        return facts_of(self.run)

    def _question(self, item: quiz.Item) -> Question | None:
        from labctl.lesson.asking import question_of

        return question_of(item, self._facts, self.run.seed)

    def _of_phase(self, phase: quiz.Phase) -> list[quiz.Item]:
        given = {name for name, value in self.run.arguments.items() if value}
        if self.internet.timeout is not None:
            given.add("timeout")
        return [i for i in self.items if i.phase == phase and not given & set(i.unless)]

    def _can_ask(self, item: quiz.Item) -> bool:
        from labctl.lesson.asking import key_of

        keyed = key_of(item, self._facts) is not None
        return keyed and self._question(item) is not None

    def _least_asked(self, items: Sequence[quiz.Item]) -> list[quiz.Item]:
        """Questions that were asked less often come first; otherwise the order of the file."""
        asked = self.asked or {}
        return sorted(items, key=lambda i: asked.get(i.id, 0))

    def _run_for(self, item: quiz.Item) -> Run:
        """This run, or (quiz phase) the run that shows the item's claim when this one does not."""
        if self.only != "quiz" or self.other_run is None or self._can_ask(item):
            return self.run
        claim = self.run.lab.claim(item.claim)
        return self.other_run(claim.shown_by) if claim and claim.shown_by else self.run

    def say(self, step: Step) -> None:
        """Show one step of the lesson and keep it with the run's events."""
        self.run.events.append(step)
        for renderer in self.renderers:
            renderer.show(step)


def facts_of(run: Run) -> Facts:
    """What the words of a lesson may speak of."""
    return Facts(run.measures, {v.claim: v for v in run.verdicts}, run.arguments, run.internet)


def _phase(name: str, title: str, summary: str) -> Step:
    of = f" ({summary})" if summary else ""
    return Step(text=f"{name}: {title}{of}.", role="phase", phase=name, title=title, summary=summary)
