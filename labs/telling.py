"""Steps and tables that demonstrations of every topic have."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.events import Hue, Measure, Row, Rows, Step

_ENDS = (".", "?", "!")


def opening(title: str, summary: str = "") -> Step:
    """The phase rule; a summary with a colon in it is an address, which keeps its small letter."""
    text = f"OBSERVE: {_ended(title)}"
    if summary:
        text += f" {_ended(summary if ':' in summary else summary[:1].upper() + summary[1:])}"
    return Step(text=text, role="phase", phase="OBSERVE", title=title, summary=summary)


def heading(title: str, remark: str = "") -> Step:
    """What the next picture shows."""
    text = f"{title}: {remark}." if remark else f"{title}."
    return Step(text=text, role="heading", title=title, summary=remark)


def note(text: str, hue: Hue = "") -> Step:
    """A paragraph."""
    return Step(text=text, hue=hue)


def warning(text: str) -> Step:
    """A paragraph that wants to be read."""
    return Step(text=text, role="warning")


def about(term: str, text: str, remark: str = "") -> Step:
    """One thing on the screen, and what it means."""
    said = f"{term}: {text}" + (f" {remark}" if remark else "")
    return Step(text=_ended(said), label=term, title=text, summary=remark)


def result(text: str, hue: Hue = "ok") -> Step:
    """The line with the mark at the end."""
    return Step(text=text, role="result", hue=hue)


def command(label: str, line: str, remark: str = "") -> Step:
    """A line of the footer: what to type, and what it is good for, as a comment: the whole may be pasted."""
    text = f"{label[:1].upper()}{label[1:]}: {line}" + (f"   # {remark}" if remark else "")
    return Step(text=text, role="command", label=label, title=line, summary=remark)


def table(
    id: str, title: str, columns: Sequence[str], rows: Sequence[Row], note: str = "", *, named: bool = True
) -> Rows:
    """A table; `named` shows the names of its columns."""
    text = f"{title}." if title else ""
    return Rows(text, id, title, tuple(columns), tuple(rows), note=note, show_columns=named)


def measured(id: str, value: float | str, text: str, unit: str = "") -> Measure:
    """A named fact, and the sentence that it stands in."""
    return Measure(text, id, value, unit)


def _ended(text: str) -> str:
    return text if text.endswith(_ENDS) else f"{text}."
