"""Run one lab: the internet, the renderers, the lesson, the files; then the exit code."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from labctl import render
from labctl.cli import streams
from labctl.cli.carrier import carried
from labctl.cli.choosing import open_internet
from labctl.cli.options import Shared
from labctl.cli.saving import SavedFiles
from labctl.errors import UsageError
from labctl.lab import Lab
from labctl.lesson import Lesson
from labctl.play import Run, pacing


def run_lab(lab: Lab, arguments: Mapping[str, Any], shared: Shared, *, command: str) -> int:
    """Run the lab and show it. Returns the exit code; errors that end everything are raised."""
    streams.never_crash_on_a_character()
    streams.remember(shared.flags)
    plan = streams.plan_for()
    questions = None
    if shared.answers or plan.prompt:
        from labctl.cli.questions import Questions

        questions = Questions(lab, shared, plan)
    elif shared.phase in ("predict", "quiz") and not shared.flags.no_input:
        what = "the quiz needs answers" if shared.phase == "quiz" else "a prediction needs an answer"
        raise UsageError(
            "needs-input",
            f"{what}, and this is not a terminal",
            fixes=("--answers FILE, --answers key, or --no-input to skip questions",),
        )
    with ExitStack() as opened:
        internet, notices = open_internet(lab, arguments, shared, command=command)
        opened.enter_context(internet)
        carried_lab, more_notices = carried(lab, internet, shared, opened)
        notices.extend(more_notices)
        notices.extend(questions.notices if questions else ())
        run = Run(carried_lab, command, arguments, internet.kind, internet.fault, shared.seed, notices)
        lesson = Lesson(
            run,
            internet,
            [render.make(plan, sys.stdout, command=command, at_once=shared.pace in ("slow", "step"))],
            explanation=lab.words("explain.md"),
            only=shared.phase,
            explain=not shared.flags.quiet,
            deep=shared.flags.verbose,
        )
        asker = questions.put_into(lesson) if questions else None
        lesson.wait = pacing(shared.pace, time.sleep, asker.pause if asker else lambda: None)
        lesson.other_run = lambda words: other_run(lab, words, shared)
        lesson.prepare()
        if shared.flags.format == "rich" and not plan.diagrams:
            warn(f"--format rich: {', '.join(plan.why)}")
        files = SavedFiles(shared.save, shared.junit)
        if plan.format in ("json", "jsonl"):
            for notice in notices:
                warn(notice)
        for renderer in lesson.renderers:
            renderer.begin(run)
        files.begin(run)
        lesson.give()
        if questions:
            questions.ended(run)
        for renderer in lesson.renderers:
            renderer.end(run)
        if questions and questions.complaint:
            warn(questions.complaint)
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
    with ExitStack() as opened:
        internet = opened.enter_context(open_sandbox(seed=shared.seed))
        lab, _ = carried(lab, internet, shared, opened)
        return play(Run(lab, " ".join(("labctl", lab.name, *words)), arguments, "sandbox"), internet, ())


def warn(sentence: str) -> None:
    """Say something beside the lesson, on stderr."""
    sys.stderr.write(f"labctl: {sentence}\n")
    sys.stderr.flush()
