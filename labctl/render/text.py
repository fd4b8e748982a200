"""Text from peers is data: what is invisible or moves the cursor is written out before anything is printed.

Widths are terminal cells, by Rich's tables.
"""

from __future__ import annotations

import unicodedata

from labctl.render.glyphs import in_ascii

# Format characters (bidi, zero-width, tags), controls, surrogates, private and unassigned ones, separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Me"}


def escape(text: str, *, ascii: bool = False) -> str:
    """The text with every character that a terminal would not simply draw made visible as `\\x1b`, `\\u202e`.

    Combining marks stay after a letter, at most three of them. The backslash itself is not doubled: DNS text
    uses it, and the JSON has the exact string.
    """
    if text.isascii():
        return text if text.isprintable() else "".join(map(_ascii_character, text))
    shown: list[str] = []
    marks = 0
    on_letter = False
    for character in text:
        category = unicodedata.category(character)
        if category in ("Mn", "Mc"):
            marks += 1
            shown.append(
                character if on_letter and marks <= 3 and not _selector(character) else _code(character)
            )
            continue
        marks = 0
        on_letter = category[0] == "L"
        if category == "Zs":
            shown.append(" " if character in " \u00a0" else _code(character))
        elif category in _HIDDEN or _joins(character):
            shown.append(_code(character))
            on_letter = False
        else:
            shown.append(character)
    escaped = "".join(shown)
    return in_ascii(escaped) if ascii else escaped


def _ascii_character(character: str) -> str:
    return character if " " <= character <= "~" else _code(character)


def _code(character: str) -> str:
    value = ord(character)
    if value < 0x100:
        return f"\\x{value:02x}"
    return f"\\u{value:04x}" if value < 0x10000 else f"\\U{value:08x}"


def _selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _joins(character: str) -> bool:
    """Characters that are no marks and yet merge with a neighbour, so that cells would not add up.

    Regional indicators (flags), skin tones, conjoining Hangul jamo, and the letters that have no width.
    """
    if character < "\u1100":
        return False
    return (
        "\U0001f1e6" <= character <= "\U0001f1ff"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\u1100" <= character <= "\u11ff"
        or "\ua960" <= character <= "\ua97f"
        or "\ud7b0" <= character <= "\ud7ff"
        or character in ("\u3164", "\uffa0")
    )


def cells(text: str) -> int:
    """How many terminal cells the text takes (of escaped text: the sum over its characters)."""
    if text.isascii():
        return len(text)
    from rich.cells import get_character_cell_size

    return sum(map(get_character_cell_size, text))


def fit(text: str, width: int) -> str:
    """The longest beginning of the text that takes at most `width` cells."""
    if text.isascii():
        return text[: max(0, width)]
    taken = 0
    for index, character in enumerate(text):
        taken += cells(character)
        if taken > width:
            return text[:index]
    return text


def cut(text: str, width: int, mark: str = "…") -> str:
    """The text in at most `width` cells, its middle replaced by `mark` when it is longer."""
    if cells(text) <= width:
        return text
    room = width - cells(mark)
    if room <= 0:
        return fit(text, width)
    head = fit(text, (room + 1) // 2)
    tail = fit(text[::-1], room - cells(head))[::-1]
    # A mark without its letter would sit on our own glyph.
    while tail and unicodedata.category(tail[0])[0] == "M":
        tail = tail[1:]
    return head + mark + tail


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text filled with spaces to `width` cells; `right` puts the spaces before it."""
    blank = " " * max(0, width - cells(text))
    return blank + text if right else text + blank
