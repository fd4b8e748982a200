"""Where lines are printed: a stream, with the colours and the characters that it can take.

The last guard stands here: whatever a renderer forgot to escape is escaped, and what the stream's encoding
lacks is replaced. A closed pipe passes through; the command line knows what to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING

from labctl.render import palette
from labctl.render.line import Line
from labctl.render.text import escape

if TYPE_CHECKING:
    from rich.color import ColorSystem


class Paper:
    """Prints lines on a stream. Rich is imported with the first line that carries a style."""

    def __init__(
        self,
        stream: IO[str],
        *,
        styled: bool = False,
        color: bool = False,
        colours: str = "truecolor",
        theme: str = "dark",
        ascii: bool = False,
    ) -> None:
        self._stream = stream
        self._styled = styled
        self._color = color
        self._colours = colours
        self._theme = theme if color else "none"
        self._ascii = ascii

    def put(self, *lines: Line) -> None:
        """Print the lines and flush."""
        for line in lines:
            self._write(line.trimmed(), "\n")
        self._stream.flush()

    def write(self, line: Line) -> None:
        """Print the line without its end, for a prompt, and flush."""
        self._write(line, "")
        self._stream.flush()

    def write_raw(self, text: str) -> None:
        """Print what `ansi` and this program's own control sequences make, at once."""
        self._stream.write(text)
        self._stream.flush()

    def ansi(self, line: Line) -> str:
        """The line as it is printed, without its end."""
        pieces = [(escape(text, ascii=self._ascii), style) for text, style in line.pieces]
        return encodable(self._ansi(pieces), self._stream)

    def size(self) -> tuple[int, int] | None:
        """Columns and lines of the terminal behind the stream; None when it is none."""
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError, AttributeError):
            return None
        return size.columns, size.lines

    def _write(self, line: Line, end: str) -> None:
        self._stream.write(self.ansi(line) + end)

    def _ansi(self, pieces: Iterable[tuple[str, str]]) -> str:
        if not self._styled:
            return "".join(text for text, _ in pieces)
        from rich.style import Style

        system = self._system()
        out = []
        for text, words in pieces:
            style = Style.parse(palette.style(words, self._theme) or "none")
            out.append(style.render(text, color_system=system) if words else text)
        return "".join(out)

    def _system(self) -> ColorSystem:
        from rich.color import ColorSystem

        return {
            "truecolor": ColorSystem.TRUECOLOR,
            "256": ColorSystem.EIGHT_BIT,
        }.get(self._colours, ColorSystem.STANDARD)


def encodable(text: str, stream: IO[str]) -> str:
    """The text with what the stream's encoding lacks replaced: writing never raises for a character."""
    encoding = getattr(stream, "encoding", None)
    if not encoding or text.isascii():
        return text
    return text.encode(encoding, "replace").decode(encoding, "replace")
