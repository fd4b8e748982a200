"""A waterfall: one row for each span, one time axis under all of them. Exact to half a cell.

Spans that follow each other are drawn together, since the axis depends on the last of them; a heading between two
spans becomes a line of the diagram.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from labctl.events import Span, Step
from labctl.render.canvas import Canvas
from labctl.render.glyphs import Glyphs
from labctl.render.line import Line
from labctl.render.numbers import duration
from labctl.render.text import cells, cut

# Names of tracks begin here, what they say about themselves behind the longest name.
_LEFT = 2
# From so many columns on there is room for more words.
WIDE = 110
# The room of `141.9 ms`, and the least that a picture needs.
_TIME, _PICTURE = 9, 16


class Part(NamedTuple):
    """Where a bar stands, in half cells from the left edge of the picture: [start, stop)."""

    start: int
    stop: int


class Axis(NamedTuple):
    """Ticks every `step` milliseconds from `start` up to `stop`, which is the last tick."""

    start: float
    stop: float
    step: float

    @property
    def ticks(self) -> list[float]:
        """All of them, the first at `start`."""
        count = round((self.stop - self.start) / self.step)
        return [self.start + self.step * place for place in range(count + 1)]

    def column(self, ms: float, width: int) -> float:
        """Cells from the left edge for a moment, in a picture of `width` cells."""
        return (ms - self.start) / (self.stop - self.start) * width


def axis(start: float, stop: float, most: int) -> Axis:
    """An axis with at most `most` steps of 1, 2 or 5 times a power of ten."""
    length = max(stop - start, 0.001)
    power = 10.0 ** math.floor(math.log10(length / most))
    step = next(s * power for s in (1, 2, 5, 10, 20) if length / (s * power) <= most + 1e-9)
    return Axis(start, start + step * max(1, math.ceil(length / step - 1e-9)), step)


def part(span: Span, scale: Axis, width: int, *, whole: bool = False) -> Part:
    """The half cells of a span, at least one; `whole` in whole cells, at least one."""
    unit = 1 if whole else 2
    start = round(scale.column(span.start_ms, width * unit))
    stop = round(scale.column(span.end_ms, width * unit))
    start = max(0, min(start, width * unit - 1))
    stop = max(start + 1, min(stop, width * unit))
    return Part(start * 2 // unit, stop * 2 // unit)


class Waterfall:
    """Collects spans, and headings between them, until the picture is asked for. `words` makes text printable."""

    def __init__(self, width: int, glyphs: Glyphs, words: Callable[[str], str]) -> None:
        self._width = width
        self._glyphs = glyphs
        self._words = words
        self._items: list[Span | Step] = []

    def add(self, item: Span | Step) -> None:
        """Take the next span, or a heading that stands before the next one."""
        self._items.append(item)

    def open_heading(self) -> list[Step]:
        """Headings behind which no span came: they belong to what follows. They are taken out."""
        kept: list[Step] = []
        while self._items and isinstance(item := self._items[-1], Step):
            kept.insert(0, item)
            self._items.pop()
        return kept

    def lines(self) -> list[Line]:
        """The rows, and the axis under them."""
        spans = [item for item in self._items if isinstance(item, Span)]
        if not spans:
            return []
        track = max(cells(self._words(span.track)) for span in spans)
        track = min(track, 14)
        longest = max(cells(self._label(span)) for span in spans)
        at = _LEFT + track + 2
        room = self._width - 1 - at - _TIME - 2
        label = min(longest, max(20, room // 2) if self._width < WIDE else 44, max(0, room - _PICTURE))
        left = at + label + (2 if label else 0)
        wide = self._width - 1 - left - _TIME
        start = min(0.0, *(span.start_ms for span in spans))
        scale = axis(start, max(span.end_ms for span in spans), max(2, min(7, wide // 7)))
        lines: list[Line] = []
        for item in self._items:
            if isinstance(item, Step):
                lines += self._heading(item, first=not lines)
            else:
                lines.append(self._row(item, at, label, left, wide, scale))
        return lines + self._axis(left, wide, scale)

    def _label(self, span: Span) -> str:
        """What stands beside the bar; where there is room, the more words that the span brings in its data."""
        wide = span.data.get("wide")
        return self._words(wide if self._width >= WIDE and isinstance(wide, str) else span.label)

    def _heading(self, step: Step, *, first: bool) -> list[Line]:
        title = cut(self._words(step.title or step.text), self._width - 4, self._glyphs.cut)
        line = Line.of("  ", (title, "bold"))
        summary = self._words(step.summary)
        if summary and line.cells + 3 + cells(summary) <= self._width - 1:
            line.add("   ").add(summary, "mute")
        return [line] if first else [Line(), line]

    def _row(self, span: Span, at: int, label: int, left: int, wide: int, scale: Axis) -> Line:
        glyphs = self._glyphs
        canvas = Canvas(self._width - 1)
        canvas.put(_LEFT, cut(self._words(span.track), at - _LEFT - 2, glyphs.cut), "bold")
        canvas.put(at, cut(self._label(span), label, glyphs.cut), "mute")
        hue = span.hue or "accent"
        if span.role in ("wait", "idle") or glyphs.left_half == glyphs.busy:
            fill = {"wait": glyphs.stuck, "idle": glyphs.track}.get(span.role, glyphs.busy)
            bar = part(span, scale, wide, whole=True)
            canvas.fill(left + bar.start // 2, left + bar.stop // 2, fill, hue)
        else:
            self._bar(canvas, left, part(span, scale, wide), hue)
        took = duration(span.end_ms - span.start_ms)
        canvas.put(self._width - 1 - cells(took), took)
        return canvas.line()

    def _bar(self, canvas: Canvas, left: int, bar: Part, hue: str) -> None:
        first, last = (bar.start + 1) // 2, bar.stop // 2
        canvas.fill(left + first, left + last, self._glyphs.busy, hue)
        if bar.start % 2:
            canvas.put(left + bar.start // 2, self._glyphs.right_half, hue)
        if bar.stop % 2 and bar.stop - 1 >= bar.start:
            canvas.put(left + bar.stop // 2, self._glyphs.left_half, hue)

    def _axis(self, left: int, wide: int, scale: Axis) -> list[Line]:
        glyphs = self._glyphs
        rule, names = Canvas(self._width - 1), Canvas(self._width - 1)
        rule.fill(left, left + wide, glyphs.line, "faint")
        seconds = scale.stop - scale.start >= 10_000
        taken = -1
        last = len(scale.ticks) - 1
        for place, tick in enumerate(scale.ticks):
            column = left + min(wide - 1, round(scale.column(tick, wide)))
            corner = (
                glyphs.corner_left if place == 0 else glyphs.corner_right if place == last else glyphs.tick
            )
            rule.put(column, corner, "faint")
            text = _tick(tick / 1000 if seconds else tick, scale.step / 1000 if seconds else scale.step)
            if place == last:
                text += " s" if seconds else " ms"
                start = min(column - cells(text) // 2, left + wide - cells(text) + 1)
            else:
                start = column - cells(text) // 2
            if place == last and start <= taken:
                start = taken + 1
            if start > taken:
                names.put(start, text, "mute")
                taken = start + cells(text)
        return [rule.line(), names.line()]


def _tick(value: float, step: float) -> str:
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{digits}f}"
