"""A picture on a terminal that is painted again in place while it grows, by its own clock.

Only one thread paints, so Ctrl-C never falls into the middle of it. Each painting is one write, hides the cursor
for its own length, and leaves it under the picture: nothing has to be restored, whatever becomes of this process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from labctl.render.line import Line
from labctl.render.paper import Paper
from labctl.render.waiting import ticks

EVERY_S = 0.1
# Synchronised output (terminals that do not know it ignore it), and the cursor.
_BEGIN, _END = "\x1b[?2026h\x1b[?25l", "\x1b[?25h\x1b[?2026l"
# All that stands from the cursor on.
_ERASE = "\x1b[J"
_LEAST = 20


class LivePicture:
    """Paints what `draw(columns, rows)` gives every so many seconds, in at most `width` columns.

    It has always at least one line less than the screen: what was scrolled away cannot be painted again.
    """

    def __init__(
        self,
        paper: Paper,
        draw: Callable[[int, int], Sequence[Line]],
        width: int,
        *,
        every: float = EVERY_S,
    ) -> None:
        self._paper = paper
        self._draw = draw
        self._width = width
        self._every = every
        self._stop = threading.Event()
        # The cells of each line that stands on the screen.
        self._standing: list[int] = []
        self._thread = threading.Thread(target=self._paint_on, name="live picture", daemon=True)

    def begin(self) -> None:
        """Paint for the first time, and then again and again."""
        ticks(self)
        self._thread.start()

    def over(self) -> None:
        """Stop, and take the picture away: the cursor stands where its first line began."""
        self._stop.set()
        self._thread.join()
        ticks(None)

    def _paint_on(self) -> None:
        try:
            while True:
                self._paint()
                if self._stop.wait(self._every):
                    break
            self._paper.write_raw(_BEGIN + self._back(self._screen()[0]) + _ERASE + _END)
        except (OSError, ValueError):
            return  # the terminal went away: the main thread will find out

    def _screen(self) -> tuple[int, int]:
        columns, rows = self._paper.size() or (0, 0)
        return columns or self._width, rows or 24

    def _paint(self) -> None:
        columns, rows = self._screen()
        width = max(_LEAST, min(self._width, columns))
        room = max(1, rows - 1)
        lines = [line.clipped(columns - 1) for line in self._draw(width, room)][:room]
        painted = "".join(self._paper.ansi(line.trimmed()) + "\x1b[K\r\n" for line in lines)
        self._paper.write_raw(_BEGIN + self._back(columns) + painted + _ERASE + _END)
        self._standing = [line.trimmed().cells for line in lines]

    def _back(self, columns: int) -> str:
        """To the first cell of the picture.

        On a terminal that became narrower a line takes more rows than before: terminals break it anew.
        """
        rows = sum(max(1, -(-cells // columns)) for cells in self._standing)
        return "\r" + (f"\x1b[{rows}A" if rows else "")
