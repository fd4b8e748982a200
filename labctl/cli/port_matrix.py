"""The matrix of `labctl port`: situations down, the options of the old and the new socket across."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.cli.page import Page

if TYPE_CHECKING:
    from labctl.ports.situations import Cell, Matrix

_SHORT = {"": "none", "SO_REUSEADDR": "addr", "SO_REUSEPORT": "port"}
_SHORTEST = {"": "-", "SO_REUSEADDR": "A", "SO_REUSEPORT": "P"}


def draw(page: Page, matrix: Matrix, *, narrow: bool) -> None:
    """Put it on the page with its legend; 79 columns, or 71 when `narrow`."""
    from labctl.ports.rule import OPTIONS, SITUATIONS

    at = {(cell.situation, cell.old, cell.new): cell for cell in matrix.cells}
    first = max(len(each.title) for each in SITUATIONS) + 1
    paint = page.paint
    bar = paint(page.glyphs.lifeline, "faint") + " "
    size, short = (4, _SHORTEST) if narrow else (5, _SHORT)
    olds = [
        paint((old.removeprefix("SO_") if narrow else old).ljust(3 * size), "bold")
        for old in ("nothing", *OPTIONS[1:])
    ]
    news = paint("".join(short[option].ljust(size) for option in OPTIONS), "mute")
    page.say()
    _line(page, paint("the OLD socket had set".ljust(first), "mute"), *(bar + old for old in olds))
    _line(page, paint("the NEW socket sets".ljust(first), "mute"), *(bar + news for _ in OPTIONS))
    for situation in SITUATIONS:
        groups = [
            bar + "".join(_cell(page, at.get((situation.id, old, new)), size) for new in OPTIONS)
            for old in OPTIONS
        ]
        _line(page, situation.title.ljust(first), *groups)
    page.say()
    ok, bad = paint(page.glyphs.passed, "ok"), paint(page.glyphs.failed, "bad")
    page.say(f"  {ok} {paint('bind() works', 'mute')}    {bad} {paint(_failure(matrix), 'mute')}")
    if narrow:
        page.prose("A SO_REUSEADDR    P SO_REUSEPORT", "mute")


def _line(page: Page, *pieces: str) -> None:
    page.say(("    " + "".join(pieces)).rstrip())


def _cell(page: Page, cell: Cell | None, size: int) -> str:
    if cell is None:
        return page.paint(page.glyphs.absent, "mute") + " " * (size - 1)
    mark, hue = (page.glyphs.passed, "ok") if cell.works else (page.glyphs.failed, "bad")
    odd = "" if cell.as_rule else "!"
    shown = page.paint(mark, hue) + page.paint(odd, "warn bold")
    return shown + " " * (size - 1 - len(odd))


def _failure(matrix: Matrix) -> str:
    failed = [cell for cell in matrix.cells if not cell.works]
    if not failed:
        return "never"
    calls = dict.fromkeys(f"{cell.call}() says {cell.number} {cell.error}" for cell in failed)
    return ", ".join(calls)
