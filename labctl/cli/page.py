"""Lines for what is no lesson: help, doctor, explain, the home screen. Plain escapes, no rich."""

from __future__ import annotations

import sys

from labctl.cli.streams import plan_for
from labctl.render import palette
from labctl.render.glyphs import ASCII, UNICODE, in_ascii

_NAMED = {
    "bold": "1", "dim": "2", "reverse": "7", "bright_black": "90",
    "red": "31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36",
}  # fmt: skip


class Page:
    """Lines, coloured and wrapped for the terminal. The left margin is two cells."""

    def __init__(self) -> None:
        self.plan = plan_for()
        self.glyphs = ASCII if self.plan.ascii else UNICODE
        self.width = min(self.plan.width or 80, 90)
        self.lines: list[str] = []

    def paint(self, text: str, words: str) -> str:
        """The text in style words (`accent`, `ok bold`), if the stream takes them."""
        if not self.plan.styled or not text:
            return text
        style = palette.style(words, self.plan.theme if self.plan.color else "none")
        codes = [code for word in style.split() for code in _codes(word, self.plan.colours)]
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes else text

    def say(self, line: str = "") -> None:
        """One line as it is."""
        self.lines.append(line)

    def heading(self, title: str) -> None:
        """A bold line after an empty one."""
        if self.lines:
            self.say()
        self.say("  " + self.paint(title, "bold"))

    def prose(self, text: str, style: str = "", indent: str = "  ") -> None:
        """A wrapped paragraph."""
        for line in _wrapped(text, self.width - len(indent) - 1):
            self.say(indent + self.paint(line, style))

    def rows(self, pairs: list[tuple[str, str]], column: int | None = None, style: str = "accent") -> None:
        """Two columns; a left cell that is too long for its column stands on a line of its own."""
        if not pairs:
            return
        narrow = self.width < 60
        column = column or min(max(len(left) for left, _ in pairs) + 2, 30)
        for left, right in pairs:
            *above, left = _choices(left, self.width - 5)
            for line in above:
                self.say("    " + self.paint(line, style))
            cell = "    " + self.paint(left, style)
            indent = " " * (6 if narrow else 4 + column)
            lines = _wrapped(right, max(self.width - len(indent) - 1, 20))
            if narrow or above or len(left) > column - 1:
                self.say(cell)
            else:
                self.say((cell + " " * (column - len(left)) + (lines.pop(0) if lines else "")).rstrip())
            for line in lines:
                self.say(indent + line)

    @property
    def text(self) -> str:
        """All lines, as they go to the stream."""
        text = "\n".join(self.lines) + "\n"
        return in_ascii(text) if self.plan.ascii else text

    def show(self) -> None:
        """Print the page on stdout."""
        sys.stdout.write(self.text)
        sys.stdout.flush()


def _choices(text: str, width: int) -> list[str]:
    """`--show a|b|c` on as many lines as needed, broken after a bar, the choices below each other."""
    if len(text) <= width or "|" not in text:
        return [text]
    indent = " " * (text.rfind(" ", 0, text.find("|")) + 1)
    lines = [""]
    for part in text.replace("|", "|\0").split("\0"):
        if lines[-1].strip() and len(lines[-1]) + len(part) > width:
            lines.append(indent)
        lines[-1] += part
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells; only spaces break, so that what is copied from them works."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= max(width, 20):
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def _codes(word: str, colours: str) -> list[str]:
    if not word.startswith("#"):
        return [_NAMED[word]] if word in _NAMED else []
    red, green, blue = (int(word[at : at + 2], 16) for at in (1, 3, 5))
    if colours == "truecolor":
        return ["38", "2", str(red), str(green), str(blue)]
    # The 6 x 6 x 6 cube of the 256 colours: steps at 0, 95, 135, 175, 215, 255.
    cube = [
        min(range(6), key=lambda step: abs((0, 95, 135, 175, 215, 255)[step] - part))
        for part in (red, green, blue)
    ]
    return ["38", "5", str(16 + 36 * cube[0] + 6 * cube[1] + cube[2])]
