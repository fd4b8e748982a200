"""A message line by line: how long each line is, the line itself, what it says, and the document that says so.

A row's cells are amount, line, sentence, document; any of them may be "". Under 110 columns the sentence stands
under its line, in mute, as a reason under an answer; from there on beside it. The document is at the right edge.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest

from labctl.events import Row, Rows
from labctl.render.answers_table import WIDE
from labctl.render.glyphs import Glyphs
from labctl.render.line import Line, wrap
from labctl.render.text import cells, cut

INDENT = 4
ROWS = 40
# A line of the message that is longer than this many lines of ours is cut, unless everything is asked for.
LINES = 3
# Beside each other: the room of the message's own lines at most.
_BESIDE = 40
_GAP = 2
_DOCUMENT = 24


def message_lines(
    event: Rows, width: int, glyphs: Glyphs, words: Callable[[str], str], *, whole: bool = False
) -> list[Line]:
    """The table, ready to be printed; `whole` cuts nothing short."""
    rows = event.rows if whole else event.rows[:ROWS]
    shown = [tuple(words(cell) for cell in (*row.cells, "", "", "")[:4]) for row in rows]
    amount = max((cells(each[0]) for each in shown), default=0)
    document = min(_DOCUMENT, max((cells(each[3]) for each in shown), default=0))
    start = INDENT + amount + _GAP
    end = width - 1 - (document + _GAP if document else 0)
    line = min(_BESIDE, max((cells(each[1]) for each in shown), default=0)) if width >= WIDE else 0
    lines = _heading(event, width, words)
    for row, each in zip(rows, shown, strict=True):
        styles = _styles(row)
        first = [(" " * (INDENT + amount - cells(each[0])), ""), (each[0], styles[0]), (" " * _GAP, "")]
        edge = end if each[3] else width - 1
        right = start + line if line else edge
        kept = each[1] if whole else cut(each[1], (right - start) * LINES - LINES, glyphs.cut)
        said = wrap([(kept, styles[1])], right, first=first, rest=" " * start)
        if not each[1] and each[2]:
            # A line of the message that is empty: what it says takes its place.
            lines += _documented(wrap([(each[2], styles[2])], edge, first=first), each[3], width, glyphs)
        elif line:
            told = wrap([(each[2], styles[2])], edge - start - line - _GAP)
            lines += _documented(_beside(said, told, start + line + _GAP), each[3], width, glyphs)
        else:
            lines += _documented(said, each[3], width, glyphs)
            if each[2]:
                lines += wrap([(each[2], styles[2])], width - 1, first=" " * start)
    if len(event.rows) > len(rows):
        lines.append(Line.of(" " * INDENT, (f"{len(event.rows) - len(rows):,} more, --all", "mute")))
    return [each.clipped(width - 1) for each in lines]


def _heading(event: Rows, width: int, words: Callable[[str], str]) -> list[Line]:
    line = Line.of("  ", (words(event.title), "bold"))
    if event.note:
        line.add("   ").add(words(event.note), "mute")
    return [line] if event.title or event.note else []


def _styles(row: Row) -> list[str]:
    hues = [*row.hues, "", "", ""][:3]
    hues[0] = hues[0] or "mute"
    hues[2] = hues[2] or "mute"
    return [f"{hue} bold".strip() if i in row.bold else hue for i, hue in enumerate(hues)]


def _beside(left: list[Line], right: list[Line], start: int) -> list[Line]:
    out = []
    for one, two in zip_longest(left, right):
        line = Line(list(one.pieces)) if one is not None else Line()
        if two is not None and two.pieces:
            line.pad(start)
            for text, style in two.pieces:
                line.add(text, style)
        out.append(line)
    return out


def _documented(lines: list[Line], document: str, width: int, glyphs: Glyphs) -> list[Line]:
    """The document at the right edge of the first line."""
    if document and lines:
        shown = cut(document, _DOCUMENT, glyphs.cut)
        lines[0].pad(width - 1 - cells(shown)).add(shown, "mute")
    return lines
