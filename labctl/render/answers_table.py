"""A table of answers: a few questions, one column for each who is asked, a reason under each answer.

Two-line heads, a rule above and below. From 110 columns the document that decides stands at the right of each
row (`data["rule"]`); below, the note under the table names them. And `fields`: names with values in a row.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest

from labctl.events import Row, Rows
from labctl.render.glyphs import Glyphs
from labctl.render.line import Line, Piece, wrap
from labctl.render.text import cells, cut

INDENT = 2
# From here on there is room for the documents beside the answers.
WIDE = 110
_GAP = 2
# The narrowest column for questions, and what an answer's column needs at least and at most.
_LABEL, _LEAST, _MOST = 18, 12, 44
# The widest column for documents; more of them stand under each other.
_RULE = 30
# A reason that is longer than this many lines is cut.
_LINES = 4


def answers_lines(event: Rows, width: int, glyphs: Glyphs, words: Callable[[str], str]) -> list[Line]:
    """The table, ready to be printed."""
    rules = [words(str(row.data.get("rule", ""))) for row in event.rows] if width >= WIDE else []
    beside = min(_RULE, max(map(cells, rules), default=0))
    sizes = _sizes(event, width, beside, words)
    end = INDENT + sum(sizes) + _GAP * len(sizes)
    rule = Line.of(" " * INDENT, (glyphs.line * (width - 1 - INDENT), "faint"))
    lines = _heading(event, width, words)
    hues = [*event.hues, *[""] * len(event.columns)]
    first = [f"{hue} bold".strip() for hue in hues]
    lines += _row(list(event.columns), first, sizes, glyphs, words)
    lines.append(rule)
    for row, document in zip_longest(event.rows, rules, fillvalue=""):
        assert isinstance(row, Row)
        drawn = _row(list(row.cells), _styles(row), sizes, glyphs, words)
        for number, part in enumerate(wrap([(str(document), "mute")], beside) if document else ()):
            if number == len(drawn):
                drawn.append(Line())
            drawn[number].pad(end)
            for text, style in part.pieces:
                drawn[number].add(text, style)
        lines += drawn
    lines.append(rule)
    if event.note and not rules:
        lines += wrap([(words(event.note), "mute")], width - 1, first=" " * INDENT)
    return [line.clipped(width - 1) for line in lines]


def fields_lines(event: Rows, width: int, words: Callable[[str], str]) -> list[Line]:
    """`name: value` with four spaces between, on as many lines as needed; a long one wraps under its value."""
    lines = _heading(event, width, words)
    line = Line()
    for row in event.rows:
        name, value = words(row.cells[0]), words(row.cells[1])
        size = cells(name) + 2 + cells(value)
        if line.pieces and line.cells + 4 + size <= width - 1:
            line.add("    ")
        else:
            if line.pieces:
                lines.append(line)
            line = Line.of(" " * INDENT)
        head: list[Piece] = [*line.pieces, (f"{name}: ", "mute")]
        hue = row.hues[1] if len(row.hues) > 1 else ""
        wrapped = wrap([(value, f"{hue} bold".strip())], width - 1, first=head, rest=" " * (INDENT + 2))
        lines += wrapped[:-1]
        line = wrapped[-1]
        if len(wrapped) > 1:
            # What was wrapped has its lines for itself.
            lines.append(line)
            line = Line()
    return [each.clipped(width - 1) for each in [*lines, *([line] if line.pieces else [])]]


def _heading(event: Rows, width: int, words: Callable[[str], str]) -> list[Line]:
    return wrap([(words(event.title), "bold")], width - 1, first="  ") if event.title else []


def _sizes(event: Rows, width: int, document: int, words: Callable[[str], str]) -> list[int]:
    """The width of each column: the questions what they need, the answers equal parts of the rest."""
    count = max([len(event.columns), *(len(row.cells) for row in event.rows), 1])
    named = [cells(words(part)) for row in event.rows for part in row.cells[0].split("\n")]
    label = max(_LABEL - _GAP, *named, 0) if named else _LABEL - _GAP
    if count == 1:
        return [width - 1 - INDENT]
    rest = width - 1 - INDENT - label - _GAP - (document + _GAP if document else 0)
    each = max(_LEAST, min(_MOST, (rest - _GAP * (count - 2)) // (count - 1)))
    return [label, *[each] * (count - 1)]


def _styles(row: Row) -> list[str]:
    hues = [*row.hues, *[""] * (len(row.cells) - len(row.hues))]
    return [f"{hue} bold".strip() if i in row.bold else hue for i, hue in enumerate(hues)]


def _row(
    texts: list[str], styles: list[str], sizes: list[int], glyphs: Glyphs, words: Callable[[str], str]
) -> list[Line]:
    """The cells side by side; the answers' lines first, and below them, level with each other, the reasons."""
    answers: list[list[Line]] = []
    reasons: list[list[Line]] = []
    for text, style, size in zip(texts, styles, sizes, strict=False):
        answer, _, reason = text.partition("\n")
        answers.append(_cell(answer, style, size, glyphs, words))
        # A question's second line is indented, and stays so.
        indent = len(reason) - len(reason.lstrip(" "))
        reasons.append(_cell(reason, "mute", size, glyphs, words, indent=indent))
    return [*_beside(answers, sizes), *_beside(reasons, sizes)]


def _cell(
    text: str, style: str, size: int, glyphs: Glyphs, words: Callable[[str], str], *, indent: int = 0
) -> list[Line]:
    shown = words(text.strip(" "))
    if not shown:
        return []
    if cells(shown) > size * _LINES:
        shown = cut(shown, size * (_LINES - 1), glyphs.cut)
    return wrap([(shown, style)], size, first=" " * indent)


def _beside(columns: list[list[Line]], sizes: list[int]) -> list[Line]:
    out = []
    for parts in zip_longest(*columns):
        line = Line.of(" " * INDENT)
        start = INDENT
        for part, size in zip(parts, sizes, strict=False):
            if part is not None:
                line.pad(start)
                for text, style in part.pieces:
                    line.add(text, style)
            start += size + _GAP
        out.append(line)
    return out
