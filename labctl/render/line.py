"""A line before it is printed: pieces of text, each with style words (palette.py). And how prose wraps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from labctl.render.text import cells, fit

Piece = tuple[str, str]


@dataclass
class Line:
    """Pieces of text with their style words. `text` is the line without styles."""

    pieces: list[Piece] = field(default_factory=list)

    @classmethod
    def of(cls, *pieces: Piece | str) -> Line:
        """A line of pieces; a bare string has no style."""
        return cls([(p, "") if isinstance(p, str) else p for p in pieces])

    def add(self, text: str, style: str = "") -> Line:
        """Append a piece; returns the line."""
        if text:
            self.pieces.append((text, style))
        return self

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.pieces)

    @property
    def cells(self) -> int:
        return sum(cells(text) for text, _ in self.pieces)

    def pad(self, width: int) -> Line:
        """Fill with spaces to `width` cells."""
        return self.add(" " * max(0, width - self.cells))

    def clipped(self, width: int) -> Line:
        """The line in at most `width` cells: the last resort, words are cut or wrapped before."""
        out, room = Line(), width
        for text, style in self.pieces:
            shown = fit(text, room)
            out.add(shown, style)
            room -= cells(shown)
            if shown != text:
                break
        return out


_MARKS = re.compile(r"`([^`\n]+)`|\*\*([^*\n]+)\*\*")


def marked(text: str, style: str = "") -> list[Piece]:
    """Prose as pieces: `code` in accent, **words** in bold, the rest in `style`."""
    pieces: list[Piece] = []
    end = 0
    for found in _MARKS.finditer(text):
        pieces.append((text[end : found.start()], style))
        code, bold = found.groups()
        pieces.append((code, "accent") if code is not None else (bold, f"{style} bold".strip()))
        end = found.end()
    pieces.append((text[end:], style))
    return [piece for piece in pieces if piece[0]]


def wrap(pieces: Iterable[Piece], width: int, *, first: str = "", rest: str | None = None) -> list[Line]:
    """Pieces as lines of at most `width` cells, broken at spaces; in a word only when no line can hold it.

    `first` and `rest` are put before the first and the following lines (default: as many spaces).
    """
    rest = " " * cells(first) if rest is None else rest
    lines = [Line.of(first)]
    taken = start = cells(first)
    gap = ""
    for word in _words(pieces):
        room = max(1, width - cells(rest))
        size = sum(cells(text) for text, _ in word)
        if word[0][0].isspace():
            gap = word[0][0]
            continue
        if taken > start and taken + len(gap) + size > width:
            lines.append(Line.of(rest))
            taken = start = cells(rest)
            gap = ""
        if gap and taken > start:
            lines[-1].add(gap)
            taken += len(gap)
        gap = ""
        for text, style in word:
            while text:
                # A word that is longer than a line.
                shown = fit(text, width - taken) if size > room else text
                if not shown:
                    if taken == start:
                        shown = text[0]
                    else:
                        lines.append(Line.of(rest))
                        taken = start = cells(rest)
                        continue
                lines[-1].add(shown, style)
                taken += cells(shown)
                text = text[len(shown) :]
    return lines


def _words(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Words and gaps in turn; a word may consist of pieces with different styles."""
    word: list[Piece] = []
    for text, style in pieces:
        for part in re.findall(r" +|[^ ]+", text):
            if part[0] == " ":
                if word:
                    yield word
                    word = []
                yield [(part, style)]
            else:
                word.append((part, style))
    if word:
        yield word
