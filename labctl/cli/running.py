"""Run one lab: the internet, the renderers, the lesson, the files; then the exit code."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from labctl import quiz, render
from labctl.cli import answers, streams
from labctl.cli.choosing import open_internet
from labctl.cli.options import Shared
from labctl.cli.saving import SavedFiles
from labctl.directories import directory
from labctl.errors import UsageError
from labctl.lab import Lab
from labctl.lesson import Lesson
from labctl.play import Answered, Asker, Run, pacing
from labctl.progress import Progress
from labctl.render.mode import Plan


def run_lab(lab: Lab, arguments: Mapping[str, Any], shared: Shared, *, command: str) -> int:
    """Run the lab and show it. Returns the exit code; errors that end everything are raised."""
    streams.never_crash_on_a_character()
    streams.remember(shared.flags)
    plan = streams.plan_for()
    items = quiz.read(lab.words("quiz.toml"), f"quiz.toml of the lab {lab.name}")
    prepared = answers.read(shared.answers, items, lab.name) if shared.answers else None
    if shared.phase == "quiz" and prepared is None and not plan.prompt and not shared.flags.no_input:
        raise UsageError(
            "needs-input",
            "the quiz needs answers, and this is not a terminal",
            fixes=("--answers FILE, --answers key, or --no-input to skip questions",),
        )
    with ExitStack() as opened:
        internet, notices = open_internet(lab, arguments, shared)
        opened.enter_context(internet)
        run = Run(lab, command, arguments, internet.kind, internet.fault, shared.seed, notices)
        progress = Progress(directory("data"))
        lesson = Lesson(
            run,
            internet,
            [render.make(plan, sys.stdout, command=command)],
            items=items,
            explanation=lab.words("explain.md"),
            only=shared.phase,
            explain=not shared.flags.quiet,
            deep=shared.flags.verbose,
            asked=progress.times_asked(),
            keep=_keeper(progress, run),
        )
        asker = lesson.asker = _asker(plan, prepared, lesson)
        lesson.wait = pacing(shared.pace, time.sleep, asker.pause if asker else lambda: None)
        lesson.other_run = lambda words: other_run(lab, words, shared)
        lesson.prepare()
        files = SavedFiles(shared.save, shared.junit)
        if plan.format in ("json", "jsonl"):
            for notice in notices:
                warn(notice)
        for renderer in lesson.renderers:
            renderer.begin(run)
        files.begin(run)
        lesson.give()
        if asker is not None and not run.interrupted and run.error is None:
            progress.add("lesson", lab=lab.name, command=command, at=_now(), exit_code=run.exit_code)
        for renderer in lesson.renderers:
            renderer.end(run)
        if progress.complaint:
            warn(progress.complaint)
        files.end(run)
    if run.error is not None:
        raise run.error
    return run.exit_code


def other_run(lab: Lab, words: tuple[str, ...], shared: Shared) -> Run:
    """Run the lab in the sandbox as the command line after its name says, and show nothing."""
    from labctl.cli.lab_command import arguments_from
    from labctl.play import play
    from labctl.sandbox import open_sandbox

    arguments = arguments_from(lab, words)
    with open_sandbox(seed=shared.seed) as internet:
        return play(Run(lab, " ".join(("labctl", lab.name, *words)), arguments, "sandbox"), internet, ())


def _asker(plan: Plan, prepared: Mapping[str, Any] | None, lesson: Lesson) -> Asker | None:
    if prepared is not None:
        return answers.PreparedAnswers(prepared, lesson.say)
    if not plan.prompt:
        return None
    from labctl.render.prompts import TerminalAsker

    return TerminalAsker(plan, sys.stdin, sys.stdout)


def _keeper(progress: Progress, run: Run) -> Callable[[Answered], None]:
    def keep(answered: Answered) -> None:
        progress.add(
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


def warn(sentence: str) -> None:
    """Say something beside the lesson, on stderr."""
    sys.stderr.write(f"labctl: {sentence}\n")
    sys.stderr.flush()
