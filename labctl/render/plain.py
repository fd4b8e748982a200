"""The linear form: numbered sentences, for pipes, CI, narrow terminals and screen readers (SCREENS.md).

Nothing is lost against the diagrams: every event's `text` is printed whole.
"""

from __future__ import annotations

from typing import IO

from labctl.events import Event, Exchange, Measure, Rows, Span, Step, Verdict
from labctl.play import Run
from labctl.render.line import Line, Piece, unmarked, wrap
from labctl.render.mode import Plan
from labctl.render.paper import Paper
from labctl.render.summary import LABELS, bare, ended, judged, learnt
from labctl.render.text import escape
from labctl.render.waiting import Waiting
from labctl.render.whereabouts import whereabouts

# How long messages are held back so that their heading can say how many there are (milliseconds of the run).
HOLD_MS = 250.0


class PlainRenderer:
    """Prints sentences. With `plan.width` None lines are not wrapped."""

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
        self._command = bare(command)
        self._paper = Paper(
            stream,
            styled=plan.styled,
            color=plan.color,
            colours=plan.colours,
            theme=plan.theme,
            ascii=plan.ascii,
        )
        self._held: list[Exchange] = []
        self._messages = 0
        self._spans = False
        # The table that was printed last, while nothing else was, and how many rows of it there are.
        self._table, self._rows_of_table = "", 0
        self._printed = False
        self._measures: list[Measure] = []
        self._verdicts: dict[str, Verdict] = {}
        self._footer: list[Step] = []

    def begin(self, run: Run) -> None:
        """The head: command, internet, seed, fault, notices."""
        where = whereabouts(run)
        if not self._plan.quiet:
            self._say(f"labctl {self._command}. {where[0].upper()}{where[1:]}, seed {run.seed}.")
            if run.fault:
                self._say(f"BROKEN on purpose: {run.fault}.", "bad bold")
        for notice in run.notices:
            self._say(f"Notice: {notice}", "warn bold")

    def show(self, event: Event) -> None:
        """One event, in order; messages wait until their number is known, or for a quarter of a second."""
        if self._waiting:
            self._waiting.over()
        self._show(event)
        if self._waiting:
            self._waiting.since(event)

    def _show(self, event: Event) -> None:
        if isinstance(event, Exchange):
            self._exchange(event)
        elif isinstance(event, Measure):
            self._measures.append(event)
        elif isinstance(event, Verdict):
            self._verdicts[event.claim] = event
        elif isinstance(event, Span):
            self._span(event)
        else:
            self._close()
            if isinstance(event, Rows):
                self._rows(event)
            else:
                self._step(event)

    def end(self, run: Run) -> None:
        """What was judged, and what to run next."""
        if self._waiting:
            self._waiting.over()
        self._close()
        self._facts()
        if self._plan.quiet:
            return
        self._blank()
        if run.interrupted:
            self._say("Interrupted: what was seen so far stands above.", "warn bold")
        elif run.error is not None:
            self._say(f"Stopped: {run.error.headline}.", "bad bold")
        counts = ", ".join(text for text, _ in judged(run))
        lesson = ", ".join(text for text, _ in learnt(run))
        facts = [ended(run), *(s[0].upper() + s[1:] for s in (counts, lesson) if s)]
        self._say("".join(f"{fact}. " for fact in facts).rstrip())
        for step in self._footer:
            self._command_line(step)

    def _exchange(self, event: Exchange) -> None:
        if self._plan.quiet:
            return
        self._held.append(event)
        if self._messages or event.at_ms - self._held[0].at_ms >= self._hold_ms:
            self._messages_out(final=False)

    def _messages_out(self, *, final: bool) -> None:
        if not self._held:
            return
        if not self._messages:
            self._blank()
            self._say(f"Messages, {len(self._held)}:" if final else "Messages:")
        for event in self._held:
            self._messages += 1
            absolute = event.data.get("absolute") if self._plan.verbose else ""
            wire = f" On the wire: {absolute}." if isinstance(absolute, str) and absolute else ""
            self._item(f"{self._messages}. ", event.text + wire)
        self._held = []

    def _span(self, event: Span) -> None:
        self._messages_out(final=True)
        if self._plan.quiet or event.state == "open":
            return
        if not self._spans:
            self._blank()
        self._spans = True
        self._say(event.text)

    def _close(self) -> None:
        self._messages_out(final=True)
        self._messages, self._spans = 0, False

    def _rows(self, event: Rows) -> None:
        if self._plan.quiet:
            return
        if event.title or event.id != self._table:
            self._blank()
            self._rows_of_table = 0
        if event.text:
            self._say(event.text)
        for number, row in enumerate(event.rows, self._rows_of_table + 1):
            # A lab may have listed its rows in the sentence of the table already.
            if row.text not in event.text:
                self._item(f"{number}. ", row.text)
        self._table, self._rows_of_table = event.id, self._rows_of_table + len(event.rows)

    def _step(self, step: Step) -> None:
        quiet = self._plan.quiet
        if step.role == "command":
            self._footer.append(step)
        elif step.role == "result":
            self._facts()
            self._blank()
            self._say(_once("Result: ", step.text), "bold")
        elif quiet:
            return
        elif step.role == "phase":
            self._facts()
            self._blank()
            self._say(_once(f"{step.phase}: ", step.text), "bold")
        elif step.role == "heading":
            self._blank()
            self._say(step.text, "bold")
        elif step.role == "warning":
            self._say(_once("Warning: ", step.text), "warn bold")
        else:
            self._say(step.text)

    def _facts(self) -> None:
        """What was measured and judged since the last time."""
        measures, self._measures = self._measures, []
        verdicts, self._verdicts = list(self._verdicts.values()), {}
        if self._plan.quiet:
            measures, verdicts = [], [v for v in verdicts if v.outcome == "REFUTED"]
        if measures:
            self._blank()
            self._say("Measured:")
            for measure in measures:
                self._say(measure.text)
        if verdicts:
            self._blank()
            self._say("What this run shows:")
        for number, verdict in enumerate(verdicts, 1):
            habit = " A habit, not a law." if verdict.kind == "habit" else ""
            label = LABELS[verdict.outcome]
            self._item(
                f"{number}. ",
                f"{label}: {unmarked(verdict.sentence)} {verdict.text}{habit} ({unmarked(verdict.source)})",
                "bad" if verdict.outcome == "REFUTED" else "",
            )

    def _command_line(self, step: Step) -> None:
        # A command is never wrapped: it must survive being copied.
        title = step.title or step.text
        label = f"{step.label[:1].upper()}{step.label[1:]}: " if step.label else ""
        if step.text != title and title not in step.text:
            self._say(step.text)
        elif step.text != title:
            title, label = step.text, "" if step.label and step.text.lower().startswith(step.label) else label
        self._paper.put(Line.of(label, (self._words(title), "accent")))

    def _item(self, number: str, text: str, style: str = "") -> None:
        self._put([(self._words(text), style)], number)

    def _say(self, text: str, style: str = "") -> None:
        for line in unmarked(text).split("\n"):
            self._put([(self._words(line), style)], "")

    def _put(self, pieces: list[Piece], first: str) -> None:
        self._printed, self._table = True, ""
        if self._plan.width is None:
            self._paper.put(Line.of(first, *pieces))
        else:
            self._paper.put(*wrap(pieces, self._plan.width - 1, first=first, rest=""))

    def _blank(self) -> None:
        """An empty line, but not the first."""
        if self._printed:
            self._paper.put(Line())

    def _words(self, text: str) -> str:
        return escape(text, ascii=self._plan.ascii)


def _once(label: str, text: str) -> str:
    """The text with its label before it, unless it has it already."""
    return text if text.lower().startswith(label.lower()) else label + text
