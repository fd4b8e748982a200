"""What a run amounts to in a few words: for the footer of the diagrams and the end of the linear form."""

from __future__ import annotations

from labctl.events import Outcome, Step
from labctl.play import Answered, Run
from labctl.progress import counts
from labctl.render.line import Piece

LABELS: dict[Outcome, str] = {"HELD": "Held", "REFUTED": "REFUTED", "NOT_SEEN": "Not seen"}


def bare(command: str) -> str:
    """The command line without the leading `labctl`."""
    return command.removeprefix("labctl ").strip()


def ended(run: Run) -> str:
    """The first words of the end: `dns done`, or `dns left early` when the person quit."""
    return f"{run.lab.name} {'left early' if run.quit else 'done'}"


def judged(run: Run) -> list[Piece]:
    """How many claims came out how: `9 claims held`, `1 refuted: dns.referral`, `2 not seen`."""
    by: dict[Outcome, list[str]] = {"HELD": [], "REFUTED": [], "NOT_SEEN": []}
    for verdict in run.verdicts:
        by[verdict.outcome].append(verdict.claim)
    out: list[Piece] = []
    if not run.verdicts and not run.checks:
        if not run.exit_code and any(
            isinstance(e, Step) and e.role == "result" and e.hue == "bad" for e in run.events
        ):
            return [("a problem was found", "bad bold")]
        if not run.exit_code and not run.lab.judges(run.arguments) and not run.quit:
            return [("explained", "mute")]
        return [("nothing was judged", "warn")] if run.lab.claims and not run.quit else []
    if held := by["HELD"]:
        out.append((f"{len(held)} claim{'' if len(held) == 1 else 's'} held", "ok"))
    if refuted := by["REFUTED"]:
        out.append((f"{len(refuted)} refuted: {', '.join(refuted)}", "bad bold"))
    if unseen := by["NOT_SEEN"]:
        out.append((f"{len(unseen)} not seen", "mute"))
    if failed := [check.id for check in run.checks if check.failed]:
        out.append((f"{len(failed)} of {len(run.checks)} checks failed: {', '.join(failed)}", "bad bold"))
    elif run.checks:
        out.append((f"{len(run.checks)} check{'' if len(run.checks) == 1 else 's'} passed", "ok"))
    return out


def learnt(run: Run) -> list[Piece]:
    """What became of the questions: `prediction right`, `quiz 1 of 2`."""
    out: list[Piece] = []
    for answered in run.answered:
        if answered.phase == "predict" and answered.outcome in ("right", "wrong"):
            right = answered.outcome == "right"
            out.append((f"prediction {answered.outcome}", "ok" if right else "bad"))
    graded = [a for a in run.answered if counts(a.phase, a.outcome)]
    if graded:
        right_ones = sum(_right(a) for a in graded)
        out.append((f"quiz {right_ones} of {len(graded)}", "ok" if right_ones == len(graded) else "warn"))
    return out


def _right(answered: Answered) -> bool:
    return answered.outcome == "right"
