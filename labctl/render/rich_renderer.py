"""The lesson on a terminal that is wide enough for diagrams. Append-only, no boxes, no spinners."""

from __future__ import annotations

from typing import IO

from labctl.events import Event, Exchange, Measure, Rows, Span, Step, Verdict
from labctl.play import Run
from labctl.render.answers_table import answers_lines, fields_lines
from labctl.render.glyphs import ASCII, UNICODE
from labctl.render.ladder import HOLD_MS, ROWS
from labctl.render.ladders import AnyLadder, ladder_for
from labctl.render.line import Line, Piece, marked, spread, wrap
from labctl.render.mode import Plan
from labctl.render.paper import Paper
from labctl.render.shares import shares_lines
from labctl.render.summary import bare, ended, judged, learnt
from labctl.render.tables import Table
from labctl.render.text import cells, cut, escape, pad
from labctl.render.verdicts import verdict_lines
from labctl.render.waiting import Waiting
from labctl.render.waterfall import Waterfall
from labctl.render.whereabouts import whereabouts

# Prose is wrapped here, diagrams may be wider.
PROSE = 90
# The cells of a word that a note explains: `TIME-WAIT` and what is shorter stands in one column.
TERM = 9


class RichRenderer:
    """Draws events as they come. Verdicts are kept until the result, the next phase, or the end."""

    def __init__(
        self,
        plan: Plan,
        stream: IO[str],
        *,
        command: str,
        waiting: Waiting | None = None,
        at_once: bool = False,
    ) -> None:
        self._plan = plan
        self._waiting = waiting
        self._hold_ms = 0.0 if at_once else HOLD_MS
        self._width = plan.width or 80
        self._command = bare(command)
        self._glyphs = ASCII if plan.ascii else UNICODE
        self._paper = Paper(
            stream,
            styled=plan.styled,
            color=plan.color,
            colours=plan.colours,
            theme=plan.theme,
            ascii=plan.ascii,
        )
        self._ladder: AnyLadder | None = None
        self._grid: Table | None = None
        self._waterfall: Waterfall | None = None
        self._explained: set[str] = set()
        self._verdicts: dict[str, Verdict] = {}
        self._measures: list[Measure] = []
        self._footer: list[Step] = []
        # What stands above: "" nothing, "heading", "note" (one line), or anything else.
        self._above = ""

    def begin(self, run: Run) -> None:
        """Line 1, what is broken, and the notices."""
        if not self._plan.quiet:
            self._head(run)
        if run.fault and not self._plan.quiet:
            self._prose([(f"BROKEN: {self._words(run.fault)}", "bad bold"), ("  on purpose", "mute")])
        if run.notices:
            self._gap()
        for notice in run.notices:
            self._marked("!", "warn bold", notice, "warn")

    def show(self, event: Event) -> None:
        """Draw the event, or keep it until its place."""
        if self._waiting:
            self._waiting.over()
        self._show(event)
        if self._waiting:
            self._waiting.since(event)

    def _show(self, event: Event) -> None:
        if isinstance(event, Exchange):
            if self._waterfall is not None:
                self._close_ladder()
            self._exchange(event)
        elif isinstance(event, Verdict):
            self._verdicts[event.claim] = event
        elif isinstance(event, Measure):
            self._measures.append(event)
        elif isinstance(event, Span):
            self._span(event)
        elif isinstance(event, Step) and event.role == "heading" and self._waterfall is not None:
            # Between two spans it is part of the picture.
            self._waterfall.add(event)
        else:
            self._close_ladder()
            if isinstance(event, Step):
                self._step(event)
            elif self._plan.quiet:
                return
            elif isinstance(event, Rows):
                self._table(event)

    def end(self, run: Run) -> None:
        """What was judged, and what to type next."""
        if self._waiting:
            self._waiting.over()
        self._close_ladder()
        self._shown()
        if self._plan.quiet:
            return
        self._gap()
        self._put([Line.of("  ", (self._glyphs.line * (self._width - 3), "faint"))], "rule")
        if run.interrupted:
            self._marked("!", "warn bold", "Interrupted: what was seen so far stands above.", "warn")
        elif run.error is not None:
            self._marked("!", "bad bold", f"Stopped: {run.error.headline}.", "bad")
        facts = [(ended(run), "bold"), *judged(run), *learnt(run)]
        shown = [(self._words(text), style) for text, style in facts]
        self._put(spread(shown, self._width - 1, first="  "), "rule")
        for step in self._footer:
            self._command_line(step)

    # The parts of the page.

    def _head(self, run: Run) -> None:
        command: list[Piece] = [("labctl ", "mute"), (self._words(self._command), "bold")]
        left = Line.of("  ", *command)
        live = run.internet == "live"
        right = Line.of((whereabouts(run), "bold" if live else "mute"))
        right.add(f"  seed {run.seed}", "mute")
        room = self._width - 1 - left.cells - right.cells
        if room >= 2:
            self._put([Line([*left.pieces, (" " * room, ""), *right.pieces])], "head")
        else:
            self._put(wrap(command, self._width - 1, first="  "), "head")
            self._put([Line([("  ", ""), *right.pieces])], "head")

    def _step(self, step: Step) -> None:
        if step.role == "command":
            self._footer.append(step)
        elif step.role == "result":
            self._shown()
            if self._above != "result":
                self._gap()
            mark, hue = self._mark(step.hue)
            self._marked(mark, hue, step.title or step.text)
            self._above = "result"
        elif self._plan.quiet:
            return
        elif step.role == "phase":
            self._shown()
            self._gap()
            self._put([self._phase(step)], "phase")
        elif step.role == "heading":
            self._gap()
            self._put(
                self._heading(self._words(step.title or step.text), self._words(step.summary)), "heading"
            )
        elif step.role == "warning":
            self._gap()
            self._marked("!", "warn bold", step.title or step.text, "warn")
            self._above = "warning"
        elif step.label:
            self._definition(step)
        else:
            self._note(step.title or step.text, step.hue)

    def _phase(self, step: Step) -> Line:
        hue = step.hue or "accent"
        summary = cut(self._words(step.summary), self._width // 2, self._glyphs.cut)
        line = Line.of("  ", (f" {self._words(step.phase)} ", f"{hue} reverse bold"), " ")
        tail = cells(summary) + 1 if summary else 0
        room = self._width - 1 - line.cells - tail - 1 - 3
        line.add(cut(self._words(step.title or step.text), room, self._glyphs.cut), "bold").add(" ")
        line.add(self._glyphs.line * (self._width - 1 - line.cells - tail), "faint")
        return line.add(" " if summary else "").add(summary, "mute")

    def _heading(self, title: str, remark: str) -> list[Line]:
        lines = wrap([(title, "bold")], self._width - 1, first="  ")
        if remark and lines[-1].cells + 3 + cells(remark) <= self._width - 1:
            lines[-1].add("   ").add(remark, "mute")
        elif remark:
            lines += wrap([(remark, "mute")], self._width - 1, first="  ")
        return lines

    def _note(self, text: str, hue: str) -> None:
        """A paragraph; short ones that follow each other stand without a gap, as a list does."""
        for paragraph in filter(None, text.split("\n")):
            lines = wrap(marked(self._words(paragraph), hue), min(PROSE, self._width - 1), first="  ")
            short = len(lines) == 1
            if not (self._above == "heading" or (short and self._above == "note")):
                self._gap()
            self._put(lines, "note" if short else "paragraph")

    def _definition(self, step: Step) -> None:
        """A note about one thing on the screen: its name in bold, what it means, a remark in mute."""
        if self._above != "definition":
            self._gap()
        label = pad(self._words(step.label), TERM)
        pieces = marked(self._words(step.title or step.text), step.hue)
        if step.summary:
            pieces += [("   ", ""), (self._words(step.summary), "mute")]
        first = [("  ", ""), (label, "bold"), ("  ", "")]
        self._put(wrap(pieces, min(PROSE, self._width - 1), first=first), "definition")

    def _exchange(self, event: Exchange) -> None:
        if self._plan.quiet:
            return
        if self._ladder is None:
            if self._above != "heading":
                self._gap()
            self._ladder = ladder_for(
                event,
                self._plan,
                self._width,
                self._glyphs,
                self._words,
                self._explained,
                hold_ms=self._hold_ms,
            )
        self._put(self._ladder.add(event), "ladder")

    def _span(self, event: Span) -> None:
        if self._plan.quiet:
            return
        if self._waterfall is None:
            self._close_ladder()
            self._waterfall = Waterfall(self._width, self._glyphs, self._words)
        self._waterfall.add(event)

    def _close_ladder(self) -> None:
        if self._ladder is not None:
            ladder, self._ladder = self._ladder, None
            self._put(ladder.finish(), "ladder")
        if self._waterfall is not None:
            waterfall, self._waterfall = self._waterfall, None
            headings = waterfall.open_heading()
            if self._above != "heading":
                self._gap()
            self._put(waterfall.lines(), "waterfall")
            for heading in headings:
                self._step(heading)

    def _table(self, event: Rows) -> None:
        """A table, or more rows of the one that stands above."""
        if event.form == "message":
            from labctl.render.message_table import message_lines

            self._gap()
            drawn = message_lines(event, self._width, self._glyphs, self._words, whole=self._plan.all)
            self._put(drawn, event.form)
            return
        if event.form != "table":
            self._gap()
            drawn = (
                answers_lines(event, self._width, self._glyphs, self._words)
                if event.form == "answers"
                else shares_lines(event, self._width, self._glyphs, self._words)
                if event.form == "shares"
                else fields_lines(event, self._width, self._words)
            )
            self._put(drawn, event.form)
            return
        most = None if self._plan.all else ROWS
        if self._above != "table" or event.title or self._grid is None or event.id != self._grid.id:
            self._gap()
            self._grid = None
        self._grid = table = Table(event, self._width, self._glyphs, self._words, most=most, above=self._grid)
        self._put(table.lines(), "table")

    def _shown(self) -> None:
        """What was judged since the last time, and with -v what was measured."""
        verdicts, self._verdicts = list(self._verdicts.values()), {}
        measures, self._measures = self._measures, []
        if self._plan.verbose and measures:
            self._gap()
            self._put([Line.of("  ", ("Measured", "bold"))], "heading")
            for measure in measures:
                self._put(wrap([(self._words(measure.text), "")], self._width - 1, first="    "), "list")
        if self._plan.quiet:
            verdicts = [v for v in verdicts if v.outcome == "REFUTED"]
        if not verdicts:
            return
        self._gap()
        self._put([Line.of("  ", ("What this run shows", "bold"))], "heading")
        for verdict in verdicts:
            lines = verdict_lines(verdict, self._width, self._glyphs, self._words, verbose=self._plan.verbose)
            self._put(lines, "list")

    def _command_line(self, step: Step) -> None:
        # Never wrapped: a command must survive being copied.
        label = pad(self._words(step.label), 10)
        line = Line.of("  ", (label, "mute"), (self._words(step.title or step.text), "accent"))
        remark = self._words(f"# {step.summary}")  # a comment of the shell's: the whole line may be pasted
        if step.summary and line.cells + 3 + cells(remark) <= self._width - 1:
            line.add("   ").add(remark, "mute")
        self._put([line], "footer")

    # Their pieces.

    def _mark(self, hue: str) -> tuple[str, str]:
        marks = {
            "bad": (self._glyphs.failed, "bad bold"),
            "warn": ("!", "warn bold"),
            "mute": (self._glyphs.absent, "mute"),
        }
        return marks.get(hue, (self._glyphs.passed, "ok bold"))

    def _marked(self, mark: str, mark_style: str, text: str, style: str = "") -> None:
        first = [("  ", ""), (pad(mark, 2), mark_style)]
        width = min(PROSE, self._width - 1)
        self._put(wrap(marked(self._words(text), style), width, first=first), "marked")

    def _prose(self, pieces: list[Piece]) -> None:
        self._put(wrap(pieces, min(PROSE, self._width - 1), first="  "), "note")

    def _gap(self) -> None:
        if self._above:
            self._paper.put(Line())

    def _put(self, lines: list[Line], above: str) -> None:
        if lines:
            self._paper.put(*lines)
            self._above = above

    def _words(self, text: str) -> str:
        return escape(text, ascii=self._plan.ascii)
