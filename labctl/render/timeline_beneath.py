"""What stands beneath a row of a time line, under the mark that it explains: `╰ timeout: SIGABRT, then pid 4107`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from labctl.render.canvas import Canvas
from labctl.render.glyphs import Glyphs
from labctl.render.text import cells, cut

Said = tuple[int, str]


def put_beneath(rows: list[Canvas], said: Sequence[Said], left: int, width: int, glyphs: Glyphs) -> None:
    """Draw each text under its column, on the first row where nothing else is in its way; rows are added as needed.

    Several that do not fit on one row and tell of the same thing are told together.
    """
    if (
        len(said) > 1
        and (all_in_one := together([text for _, text in said]))
        and not _on_one(said, left, width, glyphs)
    ):
        if not rows:
            rows.append(Canvas(width))
        rows[0].put(left, cut(all_in_one, width - left, glyphs.cut), "bad")
        return
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


def together(texts: Sequence[str]) -> str:
    """`timeout: SIGABRT, 3 times, then pid 7, 9, 12` for what differs in its last word alone; "" for anything else."""
    found = [text.rpartition(" ") for text in texts]
    if len({before for before, _, _ in found}) > 1 or ", " not in found[0][0]:
        return ""
    what, _, then = found[0][0].rpartition(", ")
    return f"{what}, {len(texts)} times, {then} {', '.join(last for _, _, last in found)}"


def _on_one(said: Sequence[Said], left: int, width: int, glyphs: Glyphs) -> bool:
    """Whether all of them find room on one row."""
    placed = sorted(
        (at, at + cells(shown)) for at, shown in (_beside(*each, left, width, glyphs) for each in said)
    )
    return all(before[1] < after[0] - 1 for before, after in pairwise(placed))


def _beside(column: int, text: str, left: int, width: int, glyphs: Glyphs) -> Said:
    """Right of the mark where there is room, else left of it, else where there is more of it, cut."""
    text = cut(text, max(8, max(width - column, column + 1 - left) - 2), glyphs.cut)
    right = f"{glyphs.beneath} {text}"
    if column + cells(right) <= width:
        return column, right
    before = f"{text} {glyphs.beneath_right}"
    return max(left, column + 1 - cells(before)), before
