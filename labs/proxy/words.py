"""How the proxy lab says things. Pure functions from what was seen to words."""

from __future__ import annotations

from labctl.events import Hue
from labctl.protocols.http1 import Fields, get

# What a hop did to a field: the mark before its value, and the word for it.
ADDED, APPENDED, OVERWROTE, PASSED, DROPPED, NOTHING = "+", ">", "!", "=", "x", ""
MARKS: dict[str, tuple[str, Hue]] = {
    ADDED: ("added {}", "ok"),
    APPENDED: ("appended to it: {}", "ok"),
    OVERWROTE: ("overwrote it: {}", "warn"),
    PASSED: ("passed it on", "mute"),
    DROPPED: ("dropped it", "bad"),
    NOTHING: ("sent none", "mute"),
}
RIGHT, WRONG = "✓", "✗"
LEGEND = "+ added   > appended   ! overwrote   = passed on   x dropped"


def deed(name: str, before: Fields, after: Fields) -> str:
    """What a hop did to this field, by what it got and what it sent: one of the marks."""
    old, new = get(before, name), get(after, name)
    if old is None:
        return NOTHING if new is None else ADDED
    if new is None:
        return DROPPED
    if new == old:
        return PASSED
    return APPENDED if new.startswith(f"{old}, ") else OVERWROTE
