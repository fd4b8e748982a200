"""A line before it is printed: pieces of text, each with style words (palette.py). And how prose wraps."""

from __future__ import annotations

import re
import sys
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
        line = cls()
        for piece in pieces:
            line.add(piece) if isinstance(piece, str) else line.add(*piece)
        return line

    def add(self, text: str, style: str = "") -> Line:
        """Append a piece, joined to the last one when that has the same style; returns the line."""
        if text and self.pieces and self.pieces[-1][1] == style:
            self.pieces[-1] = (self.pieces[-1][0] + text, style)
        elif text:
            self.pieces.append((text, style))
        return self

    def trimmed(self) -> Line:
        """The line without the spaces at its end."""
        pieces = list(self.pieces)
        while pieces:
            text, style = pieces.pop()
            if text := text.rstrip(" "):
                return Line([*pieces, (text, style)])
        return Line()

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


# A number and its unit stay together.
_UNIT = re.compile(r"(\d) (ms|s|min|h|days?|B|kB|MB)\b")
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


def unmarked(text: str) -> str:
    """The same prose without its marks, for where there is neither colour nor bold."""
    return _MARKS.sub(lambda found: found.group(1) or found.group(2), text)


def wrap(
    pieces: Iterable[Piece], width: int, *, first: str | Iterable[Piece] = "", rest: str | None = None
) -> list[Line]:
    """Pieces as lines of at most `width` cells, broken at spaces; in a word only when no line can hold it.

    `first` (text, or pieces) stands before the first line, `rest` before the others: default: as many spaces.
    """
    lines = [Line.of(first) if isinstance(first, str) else Line.of(*first)]
    taken = start = lines[0].cells
    rest = " " * start if rest is None else rest
    gap: Piece = ("", "")
    for word in _words(pieces):
        if word[0][0].startswith(" "):
            gap = word[0]
            continue
        size = sum(cells(text) for text, _ in word)
        if taken > start and taken + len(gap[0]) + size > width:
            lines.append(Line.of(rest))
            taken = start = cells(rest)
        elif taken > start:
            lines[-1].add(*gap)
            taken += len(gap[0])
        gap = ("", "")
        for text, style in word:
            while text:
                shown = fit(text, width - taken)
                if not shown and taken > start:
                    # The rest of a word that is longer than a line.
                    lines.append(Line.of(rest))
                    taken = start = cells(rest)
                    continue
                # No line has room for it: its first character, with the marks that stand on that.
                shown = shown or text[0] + fit(text[1:], 0)
                lines[-1].add(shown.replace("\u00a0", " "), style)
                taken += cells(shown)
                text = text[len(shown) :]
    return lines


def spread(pieces: Iterable[Piece], width: int, *, first: str = "") -> list[Line]:
    """Pieces with three spaces between them, on as many lines as needed; what fits on one is not broken."""
    lines: list[Line] = []
    for text, style in pieces:
        if lines and lines[-1].cells + 3 + cells(text) <= width:
            lines[-1].add("   ").add(text, style)
        else:
            lines += wrap([(text, style)], width, first=first)
    return lines


# A word of a shell's: what stands in quotes is part of it, and a comment is one word to the end.
_SHELL_WORD = re.compile(r"(?<!\S)#.*|(?:'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.|[^\s'\"\\])+")


def command_lines(command: str, width: int) -> list[str]:
    """A command line in lines of at most `width` cells, as a shell reads them: with a backslash at their ends.

    Broken between words alone; with a quote that does not end, or on Windows, it stays whole.
    """
    words = _SHELL_WORD.findall(command)
    if cells(command) <= width or _SHELL_WORD.sub("", command).strip(" ") or sys.platform == "win32":
        return [command]
    lines = [words[0]]
    for at, word in enumerate(words[1:], 2):
        # Room for " \\" unless this is the last word. A comment is a line of its own.
        if cells(lines[-1]) + 1 + cells(word) + (0 if at == len(words) else 2) <= width:
            lines[-1] += f" {word}"
        else:
            lines[-1] += "" if word.startswith("#") else " \\"
            lines.append(f"  {word}")
    return lines


def _words(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Words and gaps in turn; a word may consist of pieces with different styles."""
    word: list[Piece] = []
    for text, style in pieces:
        for part in re.findall(r" +|[^ ]+", _UNIT.sub("\\1\u00a0\\2", text)):
            if part[0] == " ":
                if word:
                    yield word
                    word = []
                yield [(part, style)]
            else:
                word.append((part, style))
    if word:
        yield word
