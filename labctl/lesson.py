"""A lesson around a run: predict, observe, confront, explain, recall (DESIGN.md section 8).

The order is the method: one prediction before anything is shown and never graded, the run with nothing explained,
one question read off the screen, the confrontation of both, the explanation with this run's own numbers, two recall
questions of which one asks why. What a lesson says is made of events, so every renderer shows it. Questions go
through an Asker; without one nothing is asked and nothing waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from labctl import quiz
from labctl.events import Event, Step
from labctl.explanation import Facts, fill, paragraphs
from labctl.internet import Internet
from labctl.play import Answered, Asker, Choice, Feedback, Given, Question, Renderer, Run, play

LessonPhase = Literal["predict", "observe", "explain", "quiz"]
# Answers come from the keys themselves (`--answers key`).
KEY = "\0key"
_CONFIDENCE = {1: ", a guess", 2: "", 3: ", sure"}
_PROMPTS: dict[str, str] = {"predict": "Your prediction"}


@dataclass
class Lesson:
    """One lesson. `asker` None asks nothing; `keep` is told each answer (progress); `asked` counts earlier ones.

    `only` restricts the lesson to one phase. `other_run` makes a run of the lab with other arguments, silently: for
    questions about what this run cannot show.
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
        """Pull the run's first event, before anything is shown or asked.

        A lab reads its arguments on the way to its first event, and raises when they mean nothing: then nobody has
        answered a question for nothing. Errors of ours are raised here.
        """
        events = self.run.lab.run(self.internet, **self.run.arguments)
        first = next(events, None)
        self._events = chain([] if first is None else [first], events)

    def give(self) -> None:
        """Run the lab (after `prepare`) with its lesson around it; everything ends up in `run`."""
        try:
            self._give()
        except _Quit:
            pass
        except KeyboardInterrupt:
            self.run.interrupted = True

    def _give(self) -> None:
        if self.only == "quiz":
            self._observe(())
            if self._went_well:
                self._quiz(self._of_phase("recall"))
            return
        prediction = self._predict() if self.only in (None, "predict") else None
        self._observe(self.renderers)
        if not self._went_well:
            return
        if self.only in (None, "observe"):
            self._ask_one_of(self._of_phase("observe"))
        if self.only in (None, "explain") and self.explain:
            self._explain(prediction)
        elif prediction:
            self._confront(*prediction)
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
        self.say(_phase("PREDICT", "before we look", "1 of 4"))
        given = self.asker.ask(question)
        if given.action == "quit":
            self._stop_asking()
        return item, question, given

    def _observe(self, renderers: Sequence[Renderer]) -> None:
        play(self.run, self.internet, renderers, wait=self.wait, watch=self._events)

    def _explain(self, prediction: tuple[quiz.Item, Question, Given] | None) -> None:
        words = paragraphs(self.explanation, self._facts, deep=self.deep)
        if not words and not prediction:
            return
        self.say(_phase("EXPLAIN", "what just happened", "3 of 4" if self.asker else ""))
        if prediction:
            self._confront(*prediction)
        for paragraph in words:
            self.say(Step(text=paragraph.text, role="heading" if paragraph.kind == "heading" else "note"))

    def _confront(self, item: quiz.Item, question: Question, given: Given) -> None:
        """One line: what was predicted and what it was. No praise, no scolding."""
        key = quiz.key(item, self.run.measures, self._verdicts)
        answered, chosen = self._judge(item, given, key)
        if key is None:
            self.say(
                Step(
                    text="This run could not show what was predicted: nobody is wrong.",
                    role="result",
                    hue="mute",
                )
            )
            return
        was = _key_text(item, key, question)
        if answered.outcome == "no-idea":
            said = f"It was: {was}."
        elif answered.outcome == "skipped":
            said = f"You did not say. It was: {was}."
        elif answered.outcome == "right":
            said = f"You predicted: {was}{_CONFIDENCE.get(given.confidence, '')}. So it was."
        else:
            said = f"You predicted: {_given_text(item, given)}{_CONFIDENCE.get(given.confidence, '')}. It was: {was}."
        why = self._filled(
            chosen.feedback if chosen else (key.option.feedback if key.option else item.feedback)
        )
        hue: Literal["ok", "bad", "mute"] = (
            "ok" if answered.outcome == "right" else "bad" if answered.outcome == "wrong" else "mute"
        )
        self.say(Step(text=_joined(said, why), role="result", hue=hue, data={"item": item.id}))

    def _recall(self) -> None:
        """Two questions whose key this run has, one of them a why when there is one."""
        possible = self._least_asked([i for i in self._of_phase("recall") if self._can_ask(i)])
        chosen = possible[:2]
        if chosen and not any(i.ask == "why" for i in chosen):
            chosen = [next((i for i in possible if i.ask == "why"), chosen[0]), *chosen[1:]]
        self._quiz(chosen)

    def _quiz(self, items: Sequence[quiz.Item]) -> None:
        if self.asker is None or not items:
            return
        self.say(
            _phase("QUIZ", "from the course", "4 of 4" if self.only is None else f"{len(items)} questions")
        )
        for item in items:
            self._ask(item)
        again = f"labctl {self.run.lab.name} --phase quiz"
        self.say(Step(text=f"All questions of this lab: {again}", role="command", label="again", title=again))

    # Asking

    def _ask_one_of(self, items: Iterable[quiz.Item]) -> None:
        possible = self._least_asked([i for i in items if self._can_ask(i)])
        if self.asker is not None and possible:
            self._ask(possible[0])

    def _ask(self, item: quiz.Item) -> None:
        run = self._run_for(item)
        facts = _facts(run)
        key = quiz.key(item, run.measures, {v.claim: v for v in run.verdicts})
        question = self._question(item, facts)
        assert self.asker is not None
        if key is None or question is None:
            self._keep(item, Given("skip"), "void", "")
            return
        given = self.asker.ask(question)
        if given.action == "quit":
            self._stop_asking()
        answered, chosen = self._judge(item, given, key)
        right = (
            ""
            if answered.outcome == "right" or answered.phase == "observe"
            else _key_text(item, key, question)
        )
        self.asker.tell(
            question,
            Feedback(
                answered.outcome,
                fill(chosen.feedback if chosen else item.feedback, facts) or "",
                right,
                item.see if answered.outcome != "right" else "",
            ),
        )

    def _judge(
        self, item: quiz.Item, given: Given, key: quiz.Key | None
    ) -> tuple[Answered, quiz.Option | None]:
        """Record one answer. Returns what became of it, and the option that was chosen."""
        if given.answer == KEY:
            given = Given(given.action, key.id if key else "", given.confidence, given.hints)
        chosen = item.option(given.answer) if given.action == "answer" else None
        outcome: Literal["right", "wrong", "skipped", "void", "no-idea"]
        if key is None:
            outcome = "void"
        elif given.action == "no-idea":
            outcome = "no-idea"
        elif given.action != "answer":
            outcome = "skipped"
        else:
            outcome = "right" if quiz.is_right(item, key, given.answer) else "wrong"
        misconception = chosen.misconception if chosen and outcome == "wrong" else ""
        return self._keep(item, given, outcome, key.id if key else "", misconception), chosen

    def _keep(
        self,
        item: quiz.Item,
        given: Given,
        outcome: Literal["right", "wrong", "skipped", "void", "no-idea"],
        key: str,
        misconception: str = "",
    ) -> Answered:
        answered = Answered(
            item.id,
            item.rev,
            item.phase,
            given.answer,
            key,
            outcome,
            given.confidence,
            misconception,
            given.hints,
        )
        self.run.answered.append(answered)
        self.keep(answered)
        return answered

    def _stop_asking(self) -> None:
        """The person has had enough questions; the run itself still goes on to its end."""
        self.asker = None
        if any(isinstance(e, Step) and e.phase == "EXPLAIN" for e in self.run.events) or self.only == "quiz":
            raise _Quit

    def _question(self, item: quiz.Item, facts: Facts | None = None) -> Question | None:
        """The question as it is put, or None when its words need what is not there."""
        facts = facts or self._facts
        stem = fill(item.stem, facts)
        options = [(o, fill(o.text, facts)) for o in quiz.shuffled(item, self.run.seed)]
        if stem is None or any(text is None for _, text in options):
            return None
        return Question(
            id=item.id,
            phase=item.phase,
            stem=stem,
            choices=tuple(
                Choice(key, o.id, text or "") for key, (o, text) in zip("abcdefgh", options, strict=False)
            ),
            hints=item.hints,
            prompt=_PROMPTS.get(item.phase, "Your answer"),
            ask_confidence=item.phase == "predict",
            may_be_empty=item.phase == "predict",
        )

    # What the run has

    @property
    def _went_well(self) -> bool:
        return self.run.error is None and not self.run.interrupted

    @property
    def _verdicts(self) -> Mapping[str, quiz.Verdict]:
        return {v.claim: v for v in self.run.verdicts}

    @property
    def _facts(self) -> Facts:
        return _facts(self.run)

    def _filled(self, text: str) -> str:
        return fill(text, self._facts) or ""

    def _of_phase(self, phase: quiz.Phase) -> list[quiz.Item]:
        return [i for i in self.items if i.phase == phase]

    def _can_ask(self, item: quiz.Item) -> bool:
        return (
            quiz.key(item, self.run.measures, self._verdicts) is not None and self._question(item) is not None
        )

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


class _Quit(Exception):
    """The person quit the questions and nothing else is left to do."""


def _facts(run: Run) -> Facts:
    return Facts(run.measures, {v.claim: v for v in run.verdicts}, run.arguments, run.internet)


def _phase(name: str, title: str, summary: str) -> Step:
    of = f" ({summary})" if summary else ""
    return Step(text=f"{name}: {title}{of}.", role="phase", phase=name, title=title, summary=summary)


def _key_text(item: quiz.Item, key: quiz.Key, question: Question) -> str:
    if key.option is None:
        return key.id
    return next((c.text for c in question.choices if c.id == key.option.id), key.option.text)


def _given_text(item: quiz.Item, given: Given) -> str:
    option = item.option(given.answer)
    return option.text if option else given.answer


def _joined(first: str, second: str) -> str:
    return f"{first} {second}" if second else first
