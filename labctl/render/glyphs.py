"""The glyphs of the screens in Unicode and in ASCII. Each is one cell wide; none is an emoji code point."""

from typing import NamedTuple


class Glyphs(NamedTuple):
    """What each drawn thing looks like; see the table in SCREENS.md."""

    line: str = "─"
    heavy: str = "━"
    left: str = "◄"
    right: str = "►"
    lifeline: str = "│"
    broken: str = "┊"
    cross: str = "╳"
    passed: str = "✓"
    failed: str = "✗"
    now: str = "►"
    todo: str = "○"
    bar: str = "━"
    half: str = "╸"
    track: str = "┄"
    cut: str = "…"
    absent: str = "-"
    at_most: str = "≤"
    busy: str = "█"
    left_half: str = "▌"
    right_half: str = "▐"
    stuck: str = "▓"
    booting: str = "░"
    levels: str = "▁▂▃▄▅▆▇█"
    beneath: str = "╰"
    beneath_right: str = "╯"
    corner_left: str = "└"
    corner_right: str = "┘"
    tick: str = "┴"
    dot: str = "●"
    rail: str = "┃"


UNICODE = Glyphs()
ASCII = Glyphs(
    line="-",
    heavy="=",
    left="<",
    right=">",
    lifeline="|",
    broken=":",
    cross="X",
    passed="v",
    failed="x",
    now=">",
    todo="o",
    bar="=",
    half="=",
    track=".",
    cut="~",
    at_most="<",
    busy="#",
    left_half="#",
    right_half="#",
    stuck="%",
    booting="~",
    levels="123456789",
    beneath="^",
    beneath_right="^",
    corner_left="+",
    corner_right="+",
    tick="+",
    dot="*",
    rail="#",
)

# Glyphs that a lab may write in its own words, one for one.
_SPOKEN = str.maketrans(
    dict(
        zip(
            "─━│┃┌┐└┘├┤┬┴┼▲▼◄►╳✓✗○●╸┄┊█▓…×·→←≈µ\u2013\u2018\u2019\u201c\u201d\u00a0",
            "-=||+++++++++^v<>Xvxo*=.:#%~x-><~u-''\"\" ",
            strict=True,
        )
    )
)


def in_ascii(text: str) -> str:
    """The text in ASCII: known glyphs by their stand-in, the rest as an escape (`\\xfc`, `\\u4e2d`)."""
    if text.isascii():
        return text
    return text.translate(_SPOKEN).encode("ascii", "backslashreplace").decode("ascii")
