"""The lesson on a terminal that is wide enough for diagrams. No boxes, no spinners; only a time line is repainted."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from labctl.events import Event, Exchange, Measure, Rows, Span, Step, Verdict
from labctl.play import Run
from labctl.render.answers_table import answers_lines, fields_lines
from labctl.render.ladder import HOLD_MS, ROWS
from labctl.render.ladders import AnyLadder, ladder_for
from labctl.render.line import wrap
from labctl.render.mode import Plan
from labctl.render.page import Page
from labctl.render.shares import shares_lines
from labctl.render.tables import Table
from labctl.render.verdicts import verdict_lines
from labctl.render.waiting import Waiting
from labctl.render.waterfall import Waterfall

if TYPE_CHECKING:
    from labctl.render.growing import GrowingTimeline


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
        self._page = Page(plan, stream, command=command)
        # The picture that is open: one at most of the first three; a table may get more rows.
        self._ladder: AnyLadder | None = None
        self._waterfall: Waterfall | None = None
        self._timeline: GrowingTimeline | None = None
        self._grid: Table | None = None
        self._explained: set[str] = set()
        self._verdicts: dict[str, Verdict] = {}
        self._measures: list[Measure] = []
        self._footer: list[Step] = []

    def begin(self, run: Run) -> None:
        """Line 1, what is broken, and the notices."""
        page = self._page
        if not self._plan.quiet:
            page.head(run)
        if run.fault and not self._plan.quiet:
            page.prose([(f"BROKEN: {page.words(run.fault)}", "bad bold"), ("  on purpose", "mute")])
        if run.notices:
            page.gap()
        for notice in run.notices:
            page.marked("!", "warn bold", notice, "warn")

    def show(self, event: Event) -> None:
        """Draw the event, or keep it until its place."""
        if self._waiting:
            self._waiting.over()
        self._show(event)
        if self._waiting:
            self._waiting.since(event)

    def _show(self, event: Event) -> None:
        if isinstance(event, Verdict):
            self._verdicts[event.claim] = event
        elif isinstance(event, Measure):
            self._measures.append(event)
        elif isinstance(event, Exchange):
            self._exchange(event)
        elif isinstance(event, Span):
            self._span(event)
        elif isinstance(event, Step) and event.role == "heading" and self._waterfall is not None:
            # Between two spans it is part of the picture.
            self._waterfall.add(event)
        else:
            self._close()
            if isinstance(event, Step):
                self._step(event)
            elif not self._plan.quiet:
                self._table(event)

    def end(self, run: Run) -> None:
        """What was judged, and what to type next."""
        if self._waiting:
            self._waiting.over()
        self._close()
        self._shown()
        if not self._plan.quiet:
            self._page.footer(run, self._footer)

    def _step(self, step: Step) -> None:
        page = self._page
        if step.role == "command":
            self._footer.append(step)
        elif step.role == "result":
            self._shown()
            page.result(step)
        elif self._plan.quiet:
            return
        elif step.role == "phase":
            self._shown()
            page.phase(step)
        elif step.role == "heading":
            page.heading(step.title or step.text, step.summary)
        elif step.role == "warning":
            page.warning(step)
        elif step.label:
            page.definition(step)
        else:
            page.note(step.title or step.text, step.hue)

    # Pictures: events that follow each other and belong together.

    def _exchange(self, event: Exchange) -> None:
        if self._waterfall is not None or self._timeline is not None:
            self._close()
        if self._plan.quiet:
            return
        page = self._page
        if self._ladder is None:
            page.gap("heading")
            self._ladder = ladder_for(
                event,
                self._plan,
                page.width,
                page.glyphs,
                page.words,
                self._explained,
                hold_ms=self._hold_ms,
            )
        page.put(self._ladder.add(event), "ladder")

    def _span(self, event: Span) -> None:
        if self._plan.quiet:
            return
        page = self._page
        if event.picture == "timeline":
            if self._timeline is None:
                from labctl.render.growing import GrowingTimeline

                self._close()
                page.gap("heading")
                self._timeline = GrowingTimeline(page, live=self._plan.live)
            self._timeline.add(event)
            return
        if self._waterfall is None:
            self._close()
            self._waterfall = Waterfall(page.width, page.glyphs, page.words)
        self._waterfall.add(event)

    def _close(self) -> None:
        """End the picture that is open."""
        page = self._page
        if self._ladder is not None:
            ladder, self._ladder = self._ladder, None
            page.put(ladder.finish(), "ladder")
        if self._timeline is not None:
            timeline, self._timeline = self._timeline, None
            page.put(timeline.finish(all_rows=self._plan.all), "timeline")
        if self._waterfall is not None:
            waterfall, self._waterfall = self._waterfall, None
            headings = waterfall.open_heading()
            page.gap("heading")
            page.put(waterfall.lines(), "waterfall")
            for heading in headings:
                self._step(heading)

    def _table(self, event: Rows) -> None:
        """A table, or more rows of the one that stands above."""
        page = self._page
        width, glyphs, words = page.width, page.glyphs, page.words
        if event.form == "table":
            most = None if self._plan.all else ROWS
            if page.above != "table" or event.title or self._grid is None or event.id != self._grid.id:
                page.gap()
                self._grid = None
            self._grid = Table(event, width, glyphs, words, most=most, above=self._grid)
            page.put(self._grid.lines(), "table")
            return
        page.gap()
        if event.form == "message":
            from labctl.render.message_table import message_lines

            drawn = message_lines(event, width, glyphs, words, whole=self._plan.all)
        elif event.form == "answers":
            drawn = answers_lines(event, width, glyphs, words)
        elif event.form == "shares":
            drawn = shares_lines(event, width, glyphs, words)
        else:
            drawn = fields_lines(event, width, words)
        page.put(drawn, event.form)

    def _shown(self) -> None:
        """What was judged since the last time, and with -v what was measured."""
        page = self._page
        verdicts, self._verdicts = list(self._verdicts.values()), {}
        measures, self._measures = self._measures, []
        if self._plan.verbose and measures:
            page.heading("Measured")
            for measure in measures:
                page.put(wrap([(page.words(measure.text), "")], page.width - 1, first="    "), "list")
        if self._plan.quiet:
            verdicts = [v for v in verdicts if v.outcome == "REFUTED"]
        if not verdicts:
            return
        page.heading("What this run shows")
        for verdict in verdicts:
            lines = verdict_lines(verdict, page.width, page.glyphs, page.words, verbose=self._plan.verbose)
            page.put(lines, "list")
