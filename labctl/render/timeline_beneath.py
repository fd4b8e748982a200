"""What stands beneath a row of a time line, under the mark that it explains: `╰ timeout: SIGABRT, then pid 4107`."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.render.canvas import Canvas
from labctl.render.glyphs import Glyphs
from labctl.render.text import cells, cut

Said = tuple[int, str]


def put_beneath(rows: list[Canvas], said: Sequence[Said], left: int, width: int, glyphs: Glyphs) -> None:
    """Draw each text under its column, on the first row where nothing else is in its way; rows are added as needed."""
    taken: list[list[tuple[int, int]]] = [[] for _ in rows]
    for column, text in said:
        at, shown = _beside(column, text, left, width, glyphs)
        start, stop = at - 1, at + cells(shown) + 1
        free = (n for n, parts in enumerate(taken) if all(stop <= a or b <= start for a, b in parts))
        line = next(free, len(taken))
        if line == len(taken):
            taken.append([])
            rows.append(Canvas(width))
        taken[line].append((start, stop))
        rows[line].put(at, shown, "bad")


def _beside(column: int, text: str, left: int, width: int, glyphs: Glyphs) -> Said:
    """Right of the mark where there is room, else left of it, else where there is more of it, cut."""
    text = cut(text, max(8, max(width - column, column + 1 - left) - 2), glyphs.cut)
    right = f"{glyphs.beneath} {text}"
    if column + cells(right) <= width:
        return column, right
    before = f"{text} {glyphs.beneath_right}"
    return max(left, column + 1 - cells(before)), before
