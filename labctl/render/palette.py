"""The colours of the roles, for a dark, a light and an unknown background, for 16 colours and for none.

A style is written as words: role names, `bold` and `reverse` ("ok bold"). The values were measured for
contrast and for three kinds of colour blindness (SCREENS.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Theme = Literal["dark", "light", "unknown", "16"]
THEMES: tuple[Theme, ...] = ("dark", "light", "unknown", "16")
ATTRIBUTES = ("bold", "reverse")

PALETTES: dict[str, dict[str, str]] = {
    "dark": {
        "accent": "#8CD3FF",
        "ok": "#2DB88F",
        "warn": "#FFD866",
        "bad": "#FF6B3D",
        "alt": "#C07BE8",
        "mute": "#9AA0A6",
        "faint": "#5F656C",
    },
    "light": {
        "accent": "#0A3A82",
        "ok": "#0B756B",
        "warn": "#856A00",
        "bad": "#7A1E00",
        "alt": "#A416D6",
        "mute": "#5F6368",
        "faint": "#A9AEB4",
    },
    "unknown": {
        "accent": "#0F7ABF",
        "ok": "#00855E",
        "warn": "#A86B00",
        "bad": "#D4481E",
        "alt": "#A855A0",
        "mute": "#767B80",
        "faint": "#767B80",
    },
    "16": {
        "accent": "cyan",
        "ok": "green",
        "warn": "yellow",
        "bad": "red",
        "alt": "magenta",
        "mute": "",
        "faint": "bright_black",
    },
    # Without colour the three that ask for attention are bold; `dim` only for lines, never for words.
    "none": {
        "accent": "bold",
        "ok": "",
        "warn": "bold",
        "bad": "bold",
        "alt": "",
        "mute": "",
        "faint": "dim",
    },
}


def choose_theme(flag: str | None, env: Mapping[str, str], *, sixteen: bool = False) -> Theme:
    """The theme: `16` where there are no more colours; else flag, LABCTL_THEME, what COLORFGBG says."""
    if sixteen:
        # The nearest of 16 colours is a bad neighbour: mute would become black or white.
        return "16"
    for named in (flag, env.get("LABCTL_THEME")):
        if named in THEMES:
            return named
    return background(env.get("COLORFGBG", ""))


def background(colorfgbg: str) -> Literal["dark", "light", "unknown"]:
    """What COLORFGBG ("15;0", "0;default;15", set by rxvt, Konsole and others) says about the background."""
    last = colorfgbg.rpartition(";")[2]
    if not (last.isascii() and last.isdigit()) or int(last) > 15:
        return "unknown"
    # 7 (white) and the bright colours but 8 (grey) are light.
    return "light" if int(last) in (7, 9, 10, 11, 12, 13, 14, 15) else "dark"


def style(words: str, theme: str) -> str:
    """A Rich style string for style words; one that is none is left away: labs of others write hues."""
    palette = PALETTES[theme]
    parts = [word if word in ATTRIBUTES else palette.get(word, "") for word in words.split()]
    return " ".join(dict.fromkeys(part for part in parts if part))
