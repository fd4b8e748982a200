"""Steps and tables that every demonstration has."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.events import Exchange, Hue, Measure, Row, Rows, Step

# What a row of `message` has.
LINE_COLUMNS = ("bytes", "line", "what it says", "where that is written")


def opening(title: str, summary: str = "") -> Step:
    """The phase rule."""
    said = f"OBSERVE: {title}."
    return Step(
        text=f"{said} {summary[:1].upper()}{summary[1:]}." if summary else said,
        role="phase",
        phase="OBSERVE",
        title=title,
        summary=summary,
    )


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


def table(
    id: str, title: str, columns: Sequence[str], rows: Sequence[Row], note: str = "", *, named: bool = True
) -> Rows:
    """A table; `named` shows the names of its columns."""
    return Rows(
        f"{title}." if title else "",
        id,
        title,
        tuple(columns),
        tuple(rows),
        note=note,
        show_columns=named,
    )


def message(
    id: str, title: str, rows: Sequence[Row], note: str = "", columns: Sequence[str] = LINE_COLUMNS
) -> Rows:
    """A table of lines, each with an amount, the line, what it says, and where that is written."""
    return Rows(f"{title}.", id, title, tuple(columns), tuple(rows), note=note, form="message")


def measured(id: str, value: float | str, text: str, unit: str = "") -> Measure:
    """A named fact, and the sentence that it stands in."""
    return Measure(text, id, value, unit)


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
