"""One row of a diagram: cells that are drawn over each other, then read off as a line."""

from __future__ import annotations

from labctl.render.line import Line
from labctl.render.text import cells, fit


class Canvas:
    """A row of `width` cells, spaces at first. What a wide character half covers becomes a space."""

    def __init__(self, width: int) -> None:
        self._cells: list[tuple[str, str]] = [(" ", "")] * width

    def put(self, column: int, text: str, style: str = "") -> None:
        """Draw the text from this column on; what does not fit is left away."""
        text = fit(text, len(self._cells) - column)
        for character in text:
            size = cells(character)
            if size == 0:  # a combining mark joins its letter
                if column > 0:
                    before, its = self._cells[column - 1]
                    self._cells[column - 1] = (before + character, its)
                continue
            for at in range(column, column + size):
                self._clear(at)
            self._cells[column] = (character, style)
            if size == 2:
                self._cells[column + 1] = ("", style)
            column += size

    def fill(self, start: int, stop: int, character: str, style: str = "") -> None:
        """Draw the one-cell character in every column of [start, stop)."""
        self.put(start, character * max(0, stop - start), style)

    def line(self) -> Line:
        """What was drawn, without the spaces at its end."""
        line = Line()
        for text, style in self._cells:
            if line.pieces and line.pieces[-1][1] == style:
                line.pieces[-1] = (line.pieces[-1][0] + text, style)
            else:
                line.pieces.append((text, style))
        while line.pieces and not line.pieces[-1][0].strip(" "):
            line.pieces.pop()
        return line

    def _clear(self, at: int) -> None:
        text, _ = self._cells[at]
        if text == "" and at > 0:
            self._cells[at - 1] = (" ", "")
        elif at + 1 < len(self._cells) and self._cells[at + 1][0] == "":
            self._cells[at + 1] = (" ", "")
        self._cells[at] = (" ", "")
