"""Run a lab: pull its events, keep what was judged and measured, show each to the renderers.

Nothing here knows a topic, a terminal or an option; what a run amounts to is its `exit_code`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from labctl import errors
from labctl.events import Event, Exchange, Json, Measure, Verdict
from labctl.internet import Internet
from labctl.lab import Lab


def without_password(text: str) -> str:
    """What was typed, fit for a screen and a log: `redis://:secret@host` becomes `redis://:...@host`."""
    return re.sub(r"(?<=://)([^/?#\s:@]*):[^/?#\s]*@", r"\1:...@", text)


class Answered(NamedTuple):
    """One question of a lesson and what became of it: what the result document keeps of it.

    `outcome` is `right`, `wrong`, `skipped`, `void` (its key came from something that was not seen) or
    `no-idea` (an ungraded prediction); `given` and `key` are ids of quiz.toml; `confidence` 1 guess, 2 think,
    3 sure, 0 not asked.
    """

    item: str
    rev: int
    phase: Literal["predict", "observe", "recall"]
    given: str
    key: str
    outcome: Literal["right", "wrong", "skipped", "void", "no-idea"]
    confidence: int = 0
    misconception: str = ""
    hints: int = 0
    # The same two in words: the letters on the screen differ from seed to seed.
    given_text: str = ""
    key_text: str = ""


# Judged twice, a refutation is not undone by what else was seen, and something seen counts more than nothing.
_WEIGHT = {"NOT_SEEN": 0, "HELD": 1, "REFUTED": 2}


@dataclass
class Run:
    """One run of a lab, filled while it happens. Times are milliseconds since the run began."""

    lab: Lab
    command: str
    arguments: Mapping[str, Json]
    internet: Literal["sandbox", "live"]
    fault: str = ""
    seed: int = 1
    notices: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    elapsed_ms: float = 0.0
    interrupted: bool = False
    # The person typed `q` at a question or pause, or the input ended: nothing was run or asked after that.
    quit: bool = False
    error: errors.LabctlError | None = None

    @property
    def verdicts(self) -> list[Verdict]:
        """What was judged, in order. One verdict per claim: judged more than once, the worst counts."""
        worst: dict[str, Verdict] = {}
        for event in self.events:
            if isinstance(event, Verdict):
                before = worst.get(event.claim)
                if before is None or _WEIGHT[event.outcome] >= _WEIGHT[before.outcome]:
                    worst[event.claim] = event
        return list(worst.values())

    @property
    def measures(self) -> dict[str, Measure]:
        """Named facts of this run, by id."""
        return {e.id: e for e in self.events if isinstance(e, Measure)}

    @property
    def checks(self) -> list[Measure]:
        """What the user has required, in order: measures with a limit."""
        return [m for m in self.measures.values() if m.at_most is not None]

    def verdict(self, claim: str) -> Verdict | None:
        """The verdict on this claim, or None when the run did not come to it."""
        return next((v for v in self.verdicts if v.claim == claim), None)

    @property
    def exit_code(self) -> int:
        """DESIGN.md section 9. A claim that is false on the live internet is a finding, not a failure."""
        if self.interrupted:
            return errors.INTERRUPTED
        if self.error is not None:
            return self.error.exit_code
        if self.quit:
            return errors.OK
        outcomes: set[str] = {v.outcome for v in self.verdicts}
        if self.checks:
            if any(check.failed for check in self.checks):
                return errors.REFUTED
            outcomes.add("HELD")
        if "REFUTED" in outcomes and self.internet == "sandbox":
            return errors.REFUTED
        # A run that only explains has to have something that it explains.
        judges = self.lab.judges(self.arguments) or not (self.measures or outcomes)
        if self.lab.claims and judges and not outcomes - {"NOT_SEEN"}:
            return errors.NOTHING_JUDGED
        return errors.OK


class Renderer(Protocol):
    """Shows a run. `begin` once, `show` per event, `end` once; several renderers may watch one run."""

    def begin(self, run: Run) -> None: ...

    def show(self, event: Event) -> None: ...

    def end(self, run: Run) -> None: ...


class Choice(NamedTuple):
    """One option of a question as it is shown: `key` is what one types (`a`, `b`, `c`)."""

    key: str
    id: str
    text: str


class Question(NamedTuple):
    """A question to put to a person. `choices` is empty for a number: any number is an answer then.

    `prompt` is `Your prediction` or `Your answer`; `ask_confidence` asks `1 guess 2 think 3 sure` after the
    answer; `may_be_empty` lets Enter alone mean "no idea" (predictions only). `hints` are given one by one on
    `?`. `id` is printed in mute under the question. `key` is the right choice's id (or the number) where that
    is known already: for askers that need no person.
    """

    id: str
    phase: Literal["predict", "observe", "recall"]
    stem: str
    choices: tuple[Choice, ...] = ()
    hints: tuple[str, ...] = ()
    prompt: str = "Your answer"
    unit: str = ""
    ask_confidence: bool = False
    may_be_empty: bool = False
    key: str = ""


class Given(NamedTuple):
    """What the person did. `answer` is a Choice's id, or the number as typed; "" unless `action` is `answer`.

    `no-idea` is Enter alone on a prediction; `quit` ends the lesson (end of input does too).
    `hints` counts those that were shown; `confidence` is 0 when it was not asked or not given.
    """

    action: Literal["answer", "no-idea", "skip", "quit"]
    answer: str = ""
    confidence: int = 0
    hints: int = 0


class Feedback(NamedTuple):
    """What is said to an answer. `outcome` as in Answered. `chosen` answers the option that was chosen (or
    says that it was skipped); `right` names the right one ("" when it was chosen); `see` is a command that
    shows it. Texts are prose without glyphs; the asker puts `✓` `✗` or the words before them by `outcome`.
    """

    outcome: Literal["right", "wrong", "skipped", "void", "no-idea"]
    chosen: str
    right: str = ""
    see: str = ""


class Quit(Exception):
    """The person quit: nothing more is run or asked."""


class Asker(Protocol):
    """Puts questions to a person, and shows feedback, append-only. Ctrl-C raises KeyboardInterrupt.

    `ask` shows stem, choices and id, prompts, and repeats the prompt (not the question) after a hint or an
    input that is no answer; it returns when it has an answer, a skip or a quit. `tell` shows feedback.
    `pause` waits for Enter (pace `step`); it raises Quit when the person wants no more.
    """

    def ask(self, question: Question) -> Given: ...

    def tell(self, question: Question, feedback: Feedback) -> None: ...

    def pause(self) -> None: ...


Pace = Literal["real", "slow", "step", "instant"]


def play(
    run: Run,
    internet: Internet,
    renderers: Sequence[Renderer],
    *,
    wait: Callable[[Event], None] = lambda event: None,
    watch: Iterable[Event] | None = None,
) -> Run:
    """Pull the lab's events to the end and show each. The caller calls the renderers' `begin` and `end`.

    `wait` is called before an event is shown, for pacing: it delays the display, never what is measured.
    `watch` are events to show instead of running the lab (a recording). An interrupt, an error of ours or Quit
    ends the run; what was seen stays.
    """
    started = time.monotonic()
    events = watch if watch is not None else run.lab.run(internet, **run.arguments)
    try:
        for event in events:
            run.events.append(event)
            wait(event)
            for renderer in renderers:
                renderer.show(event)
    except KeyboardInterrupt:
        run.interrupted = True
    except Quit:
        run.quit = True
    except errors.LabctlError as error:
        run.error = error
    finally:
        run.elapsed_ms = (time.monotonic() - started) * 1000
    return run


def pacing(pace: Pace, sleep: Callable[[float], None], step: Callable[[], None]) -> Callable[[Event], None]:
    """The `wait` of `play` for a pace: `slow` holds each message for 0.6 s, `step` until a key is pressed.

    `real` shows events as they happen, `instant` too: nothing is ever faster than what was measured.
    """
    if pace == "slow":
        return lambda event: sleep(0.6) if isinstance(event, Exchange) else None
    if pace == "step":
        return lambda event: step() if isinstance(event, Exchange) else None
    return lambda event: None
