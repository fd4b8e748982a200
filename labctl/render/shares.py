"""The parts of a whole: a label, a bar, the amount in bold, and a remark on each line."""

from __future__ import annotations

from collections.abc import Callable

from labctl.events import Rows
from labctl.render.glyphs import Glyphs
from labctl.render.line import Line, wrap
from labctl.render.tables import INDENT, bar
from labctl.render.text import cells, cut, pad

# A bar has so many cells at least; and at most, even when there is room for more.
_LEAST, _MOST = 8, 40


def shares_lines(event: Rows, width: int, glyphs: Glyphs, words: Callable[[str], str]) -> list[Line]:
    """The lines, ready to be printed. Each row has three cells: label, amount, remark."""
    lines = wrap([(words(event.title), "bold")], width - 1, first="  ") if event.title else []
    listed = [[words(cell) for cell in (*row.cells, "", "", "")[:3]] for row in event.rows]
    label, amount, remark = (max((cells(each[i]) for each in listed), default=0) for i in range(3))
    room = width - 1 - INDENT - label - 2 - 2 - amount - 3
    wide = max(_LEAST, min(_MOST, room - remark, 20 if width < 110 else _MOST))
    for row, (name, number, said) in zip(event.rows, listed, strict=True):
        line = Line.of(" " * INDENT, pad(name, label), "  ")
        hue = row.hues[0] if row.hues else "accent"
        for text, style in bar(row.share or 0.0, wide, glyphs, hue):
            line.add(text, style)
        line.add("  ").add(pad(number, amount, right=True), "bold")
        line.add("   ").add(cut(said, max(0, width - 1 - line.cells), glyphs.cut), "mute")
        lines.append(line.clipped(width - 1))
    return lines
