"""What only a lesson with questions needs: the quiz, who answers it, and the log of what was answered.

Imported when somebody answers, so that `--json` and pipes do without.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping

from labctl import quiz
from labctl.cli import answers
from labctl.cli.options import Shared
from labctl.directories import directory
from labctl.lab import Lab
from labctl.lesson import Lesson
from labctl.play import Answered, Asker, Run
from labctl.progress import Progress
from labctl.render.mode import Plan


class Questions:
    """The questions of one run. Raises Malformed for a quiz or answers that are not what they should be."""

    def __init__(self, lab: Lab, shared: Shared, plan: Plan) -> None:
        self.items = quiz.read(lab.words("quiz.toml"), f"quiz.toml of the lab {lab.name}")
        file = shared.answers
        self._prepared = answers.read(file, self.items, lab.name, shared.seed) if file else None
        # What must be said before the run.
        self.notices = (
            [f"{file} answers no question of the lab {lab.name}: all are skipped."]
            if self._prepared == {} and self.items
            else []
        )
        self._plan = plan
        self._progress = Progress(directory("data"))

    def put_into(self, lesson: Lesson) -> Asker:
        """Give the lesson its questions, who answers them, and where the answers are kept."""
        lesson.items = self.items
        lesson.asked = self._times_asked()
        lesson.keep = self._keeper(lesson.run)
        lesson.asker = asker = self._asker(lesson)
        return asker

    def ended(self, run: Run) -> None:
        """Note that the lesson went to its end, if it did."""
        if not run.interrupted and not run.quit and run.error is None:
            self._progress.add(
                "lesson", lab=run.lab.name, command=run.command, at=_now(), exit_code=run.exit_code
            )

    @property
    def complaint(self) -> str:
        """Why nothing could be kept, or ""."""
        return self._progress.complaint

    def _times_asked(self) -> Mapping[str, int]:
        """How often each was asked. A prepared session is the same each time: what its file answers is asked first."""
        if self._prepared is None:
            return self._progress.times_asked()
        return {item.id: item.id not in self._prepared for item in self.items}

    def _asker(self, lesson: Lesson) -> Asker:
        if self._prepared is not None:
            return answers.PreparedAnswers(self._prepared, lesson.say)
        from labctl.render.prompts import TerminalAsker

        return TerminalAsker(self._plan, sys.stdin, sys.stdout)

    def _keeper(self, run: Run) -> Callable[[Answered], None]:
        def keep(answered: Answered) -> None:
            self._progress.add(
                "answer",
                lab=run.lab.name,
                at=_now(),
                item=answered.item,
                rev=answered.rev,
                phase=answered.phase,
                given=answered.given,
                key=answered.key,
                outcome=answered.outcome,
                confidence=answered.confidence,
                misconception=answered.misconception,
                hints=answered.hints,
                internet=run.internet,
                seed=run.seed,
            )

        return keep


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
