"""A stream and its connection, drawn as a rail: solid while it stands, broken while nobody listens, heavy on replay.

Rows are printed as they happen and never again (SCREENS.md, "Jobs and SSE replay").
"""

from __future__ import annotations

import re
from collections.abc import Callable

from labctl.events import Exchange
from labctl.render.canvas import Canvas
from labctl.render.glyphs import Glyphs
from labctl.render.line import Line, wrap
from labctl.render.text import cells, cut

_TIME_END = 8
_RAIL = 11
_LABEL = 14
_KIND = 22
_BAR = 32
_BAR_CELLS = 18
_BAR_CELLS_WIDE = 36
_EVENTS = ("event", "replayed", "ended", "failed")
_STATUS = re.compile(r"[1-5]\d\d( |$)")


def on_rail(exchange: Exchange) -> bool:
    """Whether this exchange belongs to a rail."""
    return exchange.picture == "rail"


class Rail:
    """Draws consecutive exchanges of one stream. `words` makes text printable; `most` None draws all events."""

    def __init__(
        self,
        width: int,
        glyphs: Glyphs,
        words: Callable[[str], str],
        *,
        wide: bool = False,
        most: int | None = None,
    ) -> None:
        self._width = width - 1
        self._glyphs = glyphs
        self._words = words
        self._bar_cells = _BAR_CELLS_WIDE if wide else _BAR_CELLS
        self._most = most
        self._events = 0
        self._hidden = 0
        # What connects the rows, and its style: it changes with what happens to the connection.
        self._stroke = (glyphs.lifeline, "accent")

    def add(self, exchange: Exchange) -> list[Line]:
        """The lines that this row takes; none when there were as many events as are wanted."""
        if exchange.role in _EVENTS:
            self._events += 1
            last = exchange.role in ("ended", "failed")
            if self._most is not None and self._events > self._most and not last:
                self._hidden += 1
                return []
            return self._uncovered() + self._event(exchange)
        return self._uncovered() + self._words_row(exchange)

    def finish(self) -> list[Line]:
        """How many events were not drawn, when the last row did not say it."""
        return self._uncovered()

    def _uncovered(self) -> list[Line]:
        hidden, self._hidden = self._hidden, 0
        if not hidden:
            return []
        canvas = Canvas(self._width)
        canvas.put(_RAIL, *self._stroke)
        canvas.put(_LABEL, f"{hidden:,} more, --all", "mute")
        return [canvas.line().trimmed()]

    def _event(self, exchange: Exchange) -> list[Line]:
        glyphs = self._glyphs
        mark, hue = self._mark(exchange)
        canvas = self._begun(exchange, mark, hue)
        canvas.put(_LABEL, cut(self._words(exchange.label), _KIND - _LABEL - 1, glyphs.cut), "bold")
        kind = exchange.data.get("event")
        if isinstance(kind, str):
            canvas.put(_KIND, cut(self._words(kind), _BAR - _KIND - 1, glyphs.cut))
        bar_end = _BAR + self._bar_cells
        if exchange.progress is not None:
            self._bar(canvas, min(1.0, max(0.0, exchange.progress)), hue)
            percent = f"{exchange.progress * 100:.0f}%"
            canvas.put(bar_end + 6 - len(percent), percent)
        remark = self._words(exchange.remark)
        column = bar_end + 9
        if cells(remark) <= self._width - column:
            canvas.put(column, remark, "mute")
            return [canvas.line().trimmed()]
        return [canvas.line().trimmed(), *self._continued(remark, "mute")]

    def _bar(self, canvas: Canvas, share: float, hue: str) -> None:
        glyphs, bar_end = self._glyphs, _BAR + self._bar_cells
        halves = round(share * self._bar_cells * 2)
        full = _BAR + halves // 2
        canvas.fill(_BAR, full, glyphs.bar, hue)
        half = halves % 2
        if half:
            canvas.put(full, glyphs.half, hue)
        canvas.fill(full + half, bar_end, glyphs.track, "faint")

    def _words_row(self, exchange: Exchange) -> list[Line]:
        mark, hue = self._mark(exchange)
        canvas = self._begun(exchange, mark, hue)
        label = self._words(exchange.label)
        style = "bad bold" if exchange.role in ("lost", "killed") else "bold"
        remark = self._words(exchange.remark)
        quiet = "" if exchange.role == "away" else "mute"
        if not label:
            # What is told of the time in between needs no name.
            lines = self._told(remark, quiet or "mute")
            return (
                [self._headed(canvas, lines[0]), *map(self._under, lines[1:])]
                if lines
                else [canvas.line().trimmed()]
            )
        label = cut(label, self._width - _LABEL, self._glyphs.cut)
        canvas.put(_LABEL, label, style)
        column = _LABEL + cells(label) + 3
        status = _STATUS.match(remark)
        if cells(remark) > self._width - column:
            return [canvas.line().trimmed(), *self._continued(remark, _remark_style(exchange, remark))]
        if status:
            canvas.put(column, remark, "mute")
            said = re.split(r"[,;(]| in ", remark, maxsplit=1)[0].rstrip()
            canvas.put(column, said, _remark_style(exchange, remark))
        else:
            canvas.put(column, remark, _remark_style(exchange, remark))
        return [canvas.line().trimmed()]

    def _begun(self, exchange: Exchange, mark: str, hue: str) -> Canvas:
        canvas = Canvas(self._width)
        if exchange.role != "away":
            moment = f"{exchange.at_ms / 1000:.1f} s"
            canvas.put(max(0, _TIME_END - len(moment)), moment, "mute")
        canvas.put(_RAIL, mark, hue)
        return canvas

    def _mark(self, exchange: Exchange) -> tuple[str, str]:
        """The sign of this row on the rail; what connects the next rows is kept."""
        glyphs, role = self._glyphs, exchange.role
        if role in ("lost", "killed"):
            if role == "lost":
                self._stroke = (glyphs.broken, "bad")
            return glyphs.cross, "bad"
        if role == "away":
            self._stroke = (glyphs.broken, "bad")
        elif role == "request":
            self._stroke = (glyphs.lifeline, "accent")
            return glyphs.dot, "accent"
        elif role == "replayed":
            self._stroke = (glyphs.rail, "alt")
        elif role in ("event", "opened"):
            self._stroke = (glyphs.lifeline, "accent")
        elif role == "ended":
            return glyphs.passed, "ok"
        elif role == "failed":
            return glyphs.failed, "bad"
        return self._stroke

    def _continued(self, remark: str, style: str) -> list[Line]:
        return [self._under(line) for line in self._told(remark, style)]

    def _told(self, remark: str, style: str) -> list[Line]:
        return wrap([(remark, style)], self._width, first=" " * _LABEL)

    def _under(self, line: Line) -> Line:
        canvas = Canvas(self._width)
        canvas.put(_RAIL, *self._stroke)
        return self._headed(canvas, line)

    def _headed(self, canvas: Canvas, line: Line) -> Line:
        column = 0
        for text, style in line.pieces:
            if column >= _LABEL:
                canvas.put(column, text, style)
            elif text.strip():
                canvas.put(_LABEL, text.lstrip(), style)
            column += cells(text)
        return canvas.line()


def _remark_style(exchange: Exchange, remark: str) -> str:
    if exchange.hue in ("warn", "bad", "ok", "alt"):
        return f"{exchange.hue} bold"
    if _STATUS.match(remark):
        return {"2": "ok bold", "4": "warn bold", "5": "bad bold"}.get(remark[0], "bold")
    return "mute"
