"""Tables: indented rows under a bold heading, with a bar where a row has a share."""

from __future__ import annotations

import re
from collections.abc import Callable

from labctl.events import Row, Rows
from labctl.render.glyphs import Glyphs
from labctl.render.line import Line, wrap
from labctl.render.text import cells, cut, pad

INDENT = 4
ROWS = 40
# A cell that is longer than this many lines is cut, unless everything is asked for.
LINES = 5
# The room of a number in a table that grows: `142 ms` below `0.2 ms`.
GROWTH = 6
_NUMBER = re.compile(r"\d[\d,]*(\.\d+)?( ?(ms|s|kB|MB|B|%))?")


def bar(share: float, width: int, glyphs: Glyphs, hue: str = "") -> list[tuple[str, str]]:
    """A share (0 to 1) in `width` cells, exact to half a cell; anything above nothing shows.

    Without a `hue`, the more there is the better: what is left of something.
    """
    halves = max(0, min(2 * width, round(share * 2 * width)))
    if share > 0:
        halves = max(1, halves)
    full, half = divmod(halves, 2)
    hue = hue or ("ok" if share > 0.5 else "warn" if share > 0.1 else "bad")
    return [
        (glyphs.bar * full + glyphs.half * half, hue),
        (glyphs.track * (width - full - half), "faint"),
    ]


class Table:
    """A table with its heading. `words` makes text printable; `most` None shows all rows.

    `above` is the table that this one goes on with: it has no heading of its own, and the columns stay.
    """

    def __init__(
        self,
        event: Rows,
        width: int,
        glyphs: Glyphs,
        words: Callable[[str], str],
        *,
        most: int | None = ROWS,
        above: Table | None = None,
    ) -> None:
        self.id = event.id
        rows = event.rows if most is None else event.rows[:most]
        self._heading = _heading(event, width, words) if above is None else []
        self._grid: _Grid | None = (
            _Grid(event, rows, width, glyphs, words, whole=most is None, above=above._grid if above else None)
            if rows
            else None
        )
        self._hidden = len(event.rows) - len(rows)

    def lines(self) -> list[Line]:
        """The lines, ready to be printed."""
        if self._grid is None:
            return [*self._heading, Line.of(" " * INDENT, ("none", "mute"))]
        lines = [*self._heading, *self._grid.lines()]
        if self._hidden:
            lines.append(Line.of(" " * INDENT, (f"{self._hidden:,} more, --all", "mute")))
        return lines


def _heading(event: Rows, width: int, words: Callable[[str], str]) -> list[Line]:
    if not event.title and not event.note:
        return []
    heading = wrap([(words(event.title), "bold")], width - 1, first="  ")
    if event.note:
        note = words(event.note)
        if heading[-1].cells + 3 + cells(note) <= width - 1:
            heading[-1].add("   ").add(note, "mute")
        else:
            heading += wrap([(note, "mute")], width - 1, first="  ")
    return heading


def _styles(row: Row) -> list[str]:
    """The style words of each cell that has some."""
    count = max([len(row.hues), *(i + 1 for i in row.bold)])
    hues = [*row.hues, *[""] * (count - len(row.hues))]
    return [f"{hue} bold".strip() if i in row.bold else hue for i, hue in enumerate(hues)]


class _Grid:
    """The cells of a table laid out in columns; the last column takes what is left and wraps."""

    def __init__(
        self,
        event: Rows,
        rows: tuple[Row, ...],
        width: int,
        glyphs: Glyphs,
        words: Callable[[str], str],
        *,
        whole: bool,
        above: _Grid | None = None,
    ) -> None:
        self._glyphs = glyphs
        self._whole = whole
        self._rows = rows
        # The caches are a sequence, closest first: their number says so.
        numbered = event.id == "caches"
        self._cells = [[words(cell) for cell in row.cells] for row in rows]
        styled = [_styles(row) for row in rows]
        self._hues: list[list[str]] = [["", *each] if numbered else each for each in styled]
        names = [words(name) for name in event.columns]
        if numbered:
            self._cells = [[str(i), *each] for i, each in enumerate(self._cells, 1)]
            self._hues = [["mute", *hues[1:]] for hues in self._hues]
            names = ["", *names]
        self._names = names if event.show_columns else []
        self._count = max([len(each) for each in self._cells] + [len(self._names), 1])
        for each in [*self._cells, names]:
            each.extend([""] * (self._count - len(each)))
        self._bold = {i for i, name in enumerate(names) if name == "type"}
        self._bars = any(row.share is not None for row in rows)
        self._numeric = {i for i in range(self._count) if self._is_numeric(i)}
        if self._bars:
            # A table without a title grows row by row, and its numbers with it.
            self._numeric = set() if event.title else self._numeric - {self._count - 1}
        self._gaps = [2 if i == 0 or (numbered and i == 1) else 3 for i in range(self._count)]
        self._room = width - 1 - INDENT
        self._bar = 0
        self._sizes = self._fitted(0 if event.title else GROWTH)
        if above is not None and above._count == self._count:
            self._go_on(above)

    def _is_numeric(self, column: int) -> bool:
        filled = [each[column] for each in self._cells if each[column]]
        return bool(filled) and all(_NUMBER.fullmatch(cell) for cell in filled)

    def _go_on(self, above: _Grid) -> None:
        """Take over the columns of the rows above; only what needs more room gets it, from the bar."""
        self._gaps, self._numeric = above._gaps, above._numeric
        self._sizes = [max(pair) for pair in zip(self._sizes, above._sizes, strict=True)]
        used = sum(self._sizes) + sum(self._gaps[:-1])
        self._bar = max(0, min(above._bar, self._room - used - 2))

    def _fitted(self, least_number: int) -> list[int]:
        """The width of each column; the widest but the last give way until the last has room for words."""
        listed = [*self._cells, self._names] if self._names else self._cells
        sizes = [max(cells(each[i]) for each in listed) for i in range(self._count)]
        sizes = [max(s, least_number if i in self._numeric else 0) for i, s in enumerate(sizes)]
        # What the last column cannot do without: a bar and its number, or some room for words to wrap in.
        least = sizes[-1] + 10 if self._bars else min(sizes[-1], 16)
        if sum(sizes[:-1]) + sum(self._gaps[:-1]) + least > self._room:
            self._gaps = [2] * self._count
        around = sum(self._gaps[:-1])
        while self._count > 1 and sum(sizes[:-1]) + around + least > self._room:
            widest = max(range(self._count - 1), key=lambda i: sizes[i])
            if sizes[widest] <= 6:
                break
            sizes[widest] -= 1
        before = sum(sizes[:-1]) + around
        if self._bars:
            # Two spaces after the bar, and some room at the right edge.
            self._bar = max(0, min(56, self._room - before - sizes[-1] - 7))
        else:
            sizes[-1] = max(1, min(sizes[-1], self._room - before))
        return sizes

    def lines(self) -> list[Line]:
        """The header, when it is to be shown, and the rows."""
        lines: list[Line] = []
        if self._names:
            lines += self._row(self._names, ["mute"] * self._count, None)
        for row, text, hues in zip(self._rows, self._cells, self._hues, strict=True):
            lines += self._row(text, hues, row.share)
        # More columns than fit in any way: the linear form and the JSON have them.
        return [line.clipped(self._room + INDENT) for line in lines]

    def _row(self, row: list[str], hues: list[str], share: float | None) -> list[Line]:
        line = Line.of(" " * INDENT)
        styles = hues + [""] * (self._count - len(hues))
        for column, cell in enumerate(row[:-1]):
            shown = cut(cell, self._sizes[column], self._glyphs.cut)
            style = f"{styles[column]} bold".strip() if column in self._bold else styles[column]
            padded = pad(shown, self._sizes[column], right=column in self._numeric)
            line.add(padded, style).add(" " * self._gaps[column])
        if self._bars:
            hue = styles[self._count] if len(styles) > self._count else ""
            pieces = (
                bar(share, self._bar, self._glyphs, hue) if share is not None else [(" " * self._bar, "")]
            )
            for text, style in pieces:
                line.add(text, style)
            line.add("  ").add(cut(row[-1], self._sizes[-1], self._glyphs.cut), styles[-1])
            return [line]
        size, last = self._sizes[-1], row[-1]
        if not self._whole and cells(last) > size * LINES:
            last = cut(last, size * (LINES - 1), self._glyphs.cut)
        if cells(last) <= size:
            shown = pad(last, size, right=True) if self._count - 1 in self._numeric else last
            return [line.add(shown, styles[-1])]
        wrapped = wrap([(last, styles[-1])], size)
        start = line.cells
        out = [Line([*line.pieces, *wrapped[0].pieces])]
        return out + [Line([(" " * start, ""), *each.pieces]) for each in wrapped[1:]]
