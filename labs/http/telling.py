"""The arrows of the http lab's ladders, and its tables of lines."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.events import Exchange, Hue, Row, Rows

# What a row of `message` has.
LINE_COLUMNS = ("bytes", "line", "what it says", "where that is written")


def message(
    id: str, title: str, rows: Sequence[Row], note: str = "", columns: Sequence[str] = LINE_COLUMNS
) -> Rows:
    """A table of lines, each with an amount, the line, what it says, and where that is written."""
    return Rows(f"{title}.", id, title, tuple(columns), tuple(rows), note=note, form="message")


def sent(
    at_s: float, label: str, text: str, *, to: str, heavy: bool = False, hue: Hue = "accent"
) -> Exchange:
    """A request on a ladder. `text` is the sentence; seconds since the run began."""
    return Exchange(text, at_s * 1000, "client", to, label, role="request", hue=hue, heavy=heavy)


def came(
    at_s: float,
    label: str,
    text: str,
    *,
    by: str,
    heavy: bool = True,
    hue: Hue = "ok",
    role: str = "response",
) -> Exchange:
    """A response on a ladder."""
    return Exchange(text, at_s * 1000, by, "client", label, role=role, hue=hue, heavy=heavy)


def lost(at_s: float, label: str, text: str, *, by: str) -> Exchange:
    """Something that did not come."""
    return Exchange(text, at_s * 1000, by, "client", label, role="silent", hue="bad", lost=True)
