"""The page of a run on a terminal: head, phase rules, notes, results and the footer, with gaps where they belong.

What stands above decides whether a line is left free; every part goes through `put`, which keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from labctl.events import Step
from labctl.play import Run
from labctl.render.glyphs import ASCII, UNICODE
from labctl.render.line import Line, Piece, command_lines, marked, spread, wrap
from labctl.render.mode import Plan
from labctl.render.paper import Paper
from labctl.render.summary import bare, ended, judged, learnt
from labctl.render.text import cells, cut, escape, pad
from labctl.render.whereabouts import whereabouts

# Prose is wrapped here, diagrams may be wider.
PROSE = 90
# The cells of a word that a note explains: `TIME-WAIT` and what is shorter stands in one column.
TERM = 9


class Page:
    """Prints the parts of a page. `width` is the terminal's; its last column stays free."""

    def __init__(self, plan: Plan, stream: IO[str], *, command: str) -> None:
        self.width = plan.width or 80
        self.glyphs = ASCII if plan.ascii else UNICODE
        self.paper = Paper(
            stream,
            styled=plan.styled,
            color=plan.color,
            colours=plan.colours,
            theme=plan.theme,
            ascii=plan.ascii,
        )
        # What stands above: "" nothing, "heading", "note" (one line), or anything else.
        self.above = ""
        self._ascii = plan.ascii
        self._command = bare(command)

    def put(self, lines: Sequence[Line], above: str) -> None:
        """Print the lines; `above` is what they are to what comes next."""
        if lines:
            self.paper.put(*lines)
            self.above = above

    def gap(self, *but_after: str) -> None:
        """A free line, but not at the top of the page, nor after one of these."""
        if self.above and self.above not in but_after:
            self.paper.put(Line())

    def words(self, text: str) -> str:
        """Text of anybody, made printable."""
        return escape(text, ascii=self._ascii)

    def head(self, run: Run) -> None:
        """Line 1: the command, and where it ran."""
        command: list[Piece] = [("labctl ", "mute"), (self.words(self._command), "bold")]
        left = Line.of("  ", *command)
        live = run.internet == "live"
        right = Line.of((whereabouts(run), "bold" if live else "mute"))
        right.add(f"  seed {run.seed}", "mute")
        room = self.width - 1 - left.cells - right.cells
        if room >= 2:
            self.put([Line([*left.pieces, (" " * room, ""), *right.pieces])], "head")
        else:
            self.put(wrap(command, self.width - 1, first="  "), "head")
            self.put([Line([("  ", ""), *right.pieces])], "head")

    def phase(self, step: Step) -> None:
        """The rule above a phase, with its number at the right."""
        hue = step.hue or "accent"
        summary = cut(self.words(step.summary), self.width // 2, self.glyphs.cut)
        line = Line.of("  ", (f" {self.words(step.phase)} ", f"{hue} reverse bold"), " ")
        tail = cells(summary) + 1 if summary else 0
        room = self.width - 1 - line.cells - tail - 1 - 3
        line.add(cut(self.words(step.title or step.text), room, self.glyphs.cut), "bold").add(" ")
        line.add(self.glyphs.line * (self.width - 1 - line.cells - tail), "faint")
        self.gap()
        self.put([line.add(" " if summary else "").add(summary, "mute")], "phase")

    def heading(self, title: str, remark: str = "") -> None:
        """What the next part is, and a remark beside it, or under it."""
        title, remark = self.words(title), self.words(remark)
        lines = wrap([(title, "bold")], self.width - 1, first="  ")
        if remark and lines[-1].cells + 3 + cells(remark) <= self.width - 1:
            lines[-1].add("   ").add(remark, "mute")
        elif remark:
            lines += wrap([(remark, "mute")], self.width - 1, first="  ")
        self.gap()
        self.put(lines, "heading")

    def note(self, text: str, hue: str) -> None:
        """A paragraph; short ones that follow each other stand without a gap, as a list does."""
        for paragraph in filter(None, text.split("\n")):
            lines = wrap(marked(self.words(paragraph), hue), min(PROSE, self.width - 1), first="  ")
            short = len(lines) == 1
            self.gap("heading", "note" if short else "")
            self.put(lines, "note" if short else "paragraph")

    def definition(self, step: Step) -> None:
        """A note about one thing on the screen: its name in bold, what it means, a remark in mute."""
        self.gap("definition")
        label = pad(self.words(step.label), TERM)
        pieces = marked(self.words(step.title or step.text), step.hue)
        if step.summary:
            pieces += [("   ", ""), (self.words(step.summary), "mute")]
        first = [("  ", ""), (label, "bold"), ("  ", "")]
        self.put(wrap(pieces, min(PROSE, self.width - 1), first=first), "definition")

    def _mark(self, hue: str) -> tuple[str, str]:
        marks = {
            "bad": (self.glyphs.failed, "bad bold"),
            "warn": ("!", "warn bold"),
            "mute": (self.glyphs.absent, "mute"),
        }
        return marks.get(hue, (self.glyphs.passed, "ok bold"))

    def result(self, step: Step) -> None:
        """What came out. Results that follow each other are a list."""
        mark, hue = self._mark(step.hue)
        self.gap("result")
        self.marked(mark, hue, step.title or step.text)
        self.above = "result"

    def warning(self, step: Step) -> None:
        """What to look out for."""
        self.gap()
        self.marked("!", "warn bold", step.title or step.text, "warn")
        self.above = "warning"

    def marked(self, mark: str, mark_style: str, text: str, style: str = "") -> None:
        """A sentence behind its mark."""
        first = [("  ", ""), (pad(mark, 2), mark_style)]
        width = min(PROSE, self.width - 1)
        self.put(wrap(marked(self.words(text), style), width, first=first), "marked")

    def prose(self, pieces: list[Piece]) -> None:
        """Words in several styles."""
        self.put(wrap(pieces, min(PROSE, self.width - 1), first="  "), "note")

    def footer(self, run: Run, commands: Sequence[Step]) -> None:
        """How it ended, what was judged and answered, and what to type next."""
        self.gap()
        self.put([Line.of("  ", (self.glyphs.line * (self.width - 3), "faint"))], "rule")
        if run.interrupted:
            self.marked("!", "warn bold", "Interrupted: what was seen so far stands above.", "warn")
        elif run.error is not None:
            self.marked("!", "bad bold", f"Stopped: {run.error.headline}.", "bad")
        facts = [(ended(run), "bold"), *judged(run), *learnt(run)]
        shown = [(self.words(text), style) for text, style in facts]
        self.put(spread(shown, self.width - 1, first="  "), "rule")
        for step in commands:
            self._command_line(step)

    def _command_line(self, step: Step) -> None:
        # What is too long goes on after a backslash, as a shell reads it: a command must survive being copied.
        label = pad(self.words(step.label), 10)
        line = Line.of("  ", (label, "mute"))
        indent = " " * line.cells
        command = command_lines(self.words(step.title or step.text), self.width - 1 - line.cells)
        for part in command[:-1]:
            self.put([line.add(part, "accent")], "footer")
            line = Line.of(indent)
        line.add(command[-1], "accent")
        remark = self.words(f"# {step.summary}")  # a comment of the shell's: the whole line may be pasted
        if step.summary and line.cells + 3 + cells(remark) <= self.width - 1:
            line.add("   ").add(remark, "mute")
        self.put([line], "footer")
