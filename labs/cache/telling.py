"""Steps that every demonstration has: its opening, its headings, tables, the result, what to type."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.events import Hue, Measure, Row, Rows, Step


def opening(title: str, summary: str = "") -> Step:
    """The phase rule."""
    said = f"OBSERVE: {title}" + ("" if title.endswith("?") else ".")
    text = f"{said} {summary[:1].upper()}{summary[1:]}." if summary else said
    return Step(text=text, role="phase", phase="OBSERVE", title=title, summary=summary)


def heading(title: str, remark: str = "") -> Step:
    """What the next picture shows."""
    text = f"{title}: {remark}." if remark else f"{title}."
    return Step(text=text, role="heading", title=title, summary=remark)


def note(text: str) -> Step:
    """A paragraph."""
    return Step(text=text)


def warning(text: str) -> Step:
    """A paragraph that wants to be read."""
    return Step(text=text, role="warning")


def about(term: str, text: str) -> Step:
    """One thing on the screen, and what it means."""
    return Step(text=f"{term}: {text}", label=term, title=text)


def result(text: str, hue: Hue = "ok") -> Step:
    """The line with the mark at the end."""
    return Step(text=text, role="result", hue=hue)


def command(label: str, line: str, remark: str = "") -> Step:
    """A line of the footer: what to type, and what it is good for."""
    text = f"{label[:1].upper()}{label[1:]}: {line}" + (f"   ({remark})" if remark else "")
    return Step(text=text, role="command", label=label, title=line, summary=remark)


def table(id: str, title: str, columns: Sequence[str], rows: Sequence[Row], note: str = "") -> Rows:
    """A table with the names of its columns."""
    text = f"{title}." if title else ""
    return Rows(text, id, title, tuple(columns), tuple(rows), note=note, show_columns=True)


def measured(id: str, value: float | int | str, text: str, unit: str = "") -> Measure:
    """A named fact, and the sentence that it stands in."""
    return Measure(text, id, value, unit)
