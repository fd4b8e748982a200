"""How the cache lab says things. Pure functions from what was seen to words."""

from __future__ import annotations

from labctl.events import Hue

# The colour of a word: a hint, the word itself says it (SCREENS.md).
HUES: dict[str, Hue] = {
    "HIT": "ok",
    "MISS": "bad",
    "EXPIRED": "alt",
    "REVALIDATED": "alt",
    "STALE": "warn",
    "UPDATING": "warn",
    "BYPASS": "bad",
    "DYNAMIC": "mute",
    "NONE": "mute",
}
NOT_ASKED = "──"
_YEAR_S = 365 * 86_400
# From here on a lifetime means: for good.
_MANY_YEARS_S = 10 * _YEAR_S


def hue(word: str) -> Hue:
    """The hue of a word of the vocabulary; `mute` for who was not asked."""
    return "mute" if word == NOT_ASKED else HUES.get(word, "")


def seconds(value: float) -> str:
    """`75 s`, `0.5 s`: whole seconds as such."""
    return f"{value:,.0f} s" if abs(value - round(value)) < 0.05 else f"{value:,.1f} s"


def span(value: float) -> str:
    """A duration as one says it: `60 s`, `1 h`, `1 year`, and exact seconds where it is no round number."""
    if value >= _MANY_YEARS_S:
        return f"{value // _YEAR_S:,.0f} years"
    years = round(value / _YEAR_S)
    # 31535999 s: a second on the way makes no other time of it.
    if years and abs(value - years * _YEAR_S) <= 60:
        return f"{years} year" if years == 1 else f"{years} years"
    for scale, one, many in ((86400, "day", "days"), (3600, "h", "h"), (60, "min", "min")):
        if value >= scale and value % scale == 0 and scale > 60:
            count = int(value // scale)
            return f"{count:,} {one if count == 1 else many}"
    return seconds(value)


def cut(text: str, most: int = 300) -> str:
    """A peer's text, and no more of it than can be read."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def microseconds(value_s: float) -> str:
    """A very short time: `0.19 µs`, `16 µs`, `1.2 ms`."""
    micro = value_s * 1e6
    if micro >= 1000:
        return f"{micro / 1000:.1f} ms"
    return f"{micro:.0f} µs" if micro >= 10 else f"{micro:.2f} µs"
