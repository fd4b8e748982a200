"""explain.md: the words of a lab with the numbers of one run.

The format, a small part of Markdown. Paragraphs are separated by blank lines; in one, a line break
is a space.

- `# Heading` alone in a paragraph is a heading.
- `{measure-id}` becomes the measure's value with its unit, `{argument:name}` what the command line gave.
  A paragraph that names one which this run does not have is dropped.
- `**bold**` and `` `code` `` stay as they are for the renderer.
- A paragraph may start with conditions in brackets; all must hold:
  `[if dns.claim HELD]`, `[if dns.claim REFUTED]`, `[if dns.claim NOT_SEEN]` by its verdict;
  `[if dns.claim]` judged, held or refuted (or a measure of that id is there);
  `[if measure:dns.walk.questions]` the measure is there; `[if live]`, `[if sandbox]` the internet;
  `[if not ...]` the opposite of any of these; `[deep]` only with `--verbose`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from labctl.errors import Malformed
from labctl.events import Json, Measure, Verdict

_CONDITION = re.compile(r"\[(deep|if [^\]]+)\]\s*")
_PLACE = re.compile(r"\{([A-Za-z][\w.:-]*)\}")
_OUTCOMES = ("HELD", "REFUTED", "NOT_SEEN")


class Facts(NamedTuple):
    """What the words may speak of: this run's measures, verdicts and arguments."""

    measures: Mapping[str, Measure]
    verdicts: Mapping[str, Verdict]
    arguments: Mapping[str, Json]
    internet: str = "sandbox"

    def text(self, id: str) -> str | None:
        """The value of a placeholder as prose, or None when this run does not have it."""
        if id.startswith("argument:"):
            value = self.arguments.get(id.removeprefix("argument:"))
            return None if value is None or value == [] else prose(value).rstrip(".")
        measure = self.measures.get(id)
        return None if measure is None else prose(measure.value, measure.unit)

    def holds(self, condition: str) -> bool:
        """Does this run meet `if ...`'s condition (the text after `if`)?"""
        words = condition.split()
        if words and words[0] == "not":
            return not self.holds(" ".join(words[1:]))
        if words in (["live"], ["sandbox"]):
            return words[0] == self.internet
        if len(words) == 1 and words[0].startswith("measure:"):
            return words[0].removeprefix("measure:") in self.measures
        if len(words) not in (1, 2) or (len(words) == 2 and words[1] not in _OUTCOMES):
            raise Malformed("explanation-malformed", f"[if {condition}] is no condition")
        verdict = self.verdicts.get(words[0])
        if len(words) == 2:
            return verdict is not None and verdict.outcome == words[1]
        return words[0] in self.measures or (verdict is not None and verdict.outcome != "NOT_SEEN")


class Paragraph(NamedTuple):
    """A paragraph or a heading, ready to be shown."""

    kind: Literal["heading", "prose"]
    text: str


def paragraphs(source: str, facts: Facts, *, deep: bool = False) -> list[Paragraph]:
    """The paragraphs of explain.md that this run supports, with its numbers. Raises Malformed."""
    found = []
    for block in re.split(r"\n\s*\n", source.strip()):
        text = " ".join(block.split())
        shown = bool(text)
        while match := _CONDITION.match(text):
            condition = match.group(1)
            shown = shown and (deep if condition == "deep" else facts.holds(condition.removeprefix("if ")))
            text = text[match.end() :]
        filled = fill(text, facts) if shown else None
        if filled:
            heading = filled.startswith("# ")
            found.append(Paragraph("heading" if heading else "prose", filled.removeprefix("# ")))
    # A heading that nothing follows would promise what does not come.
    return [
        p
        for p, after in zip(found, [*found[1:], None], strict=False)
        if p.kind == "prose" or _is_prose(after)
    ]


def _is_prose(paragraph: Paragraph | None) -> bool:
    return paragraph is not None and paragraph.kind == "prose"


def fill(text: str, facts: Facts) -> str | None:
    """The text with its placeholders replaced, or None when this run lacks one of them."""
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        said = facts.text(match.group(1))
        missing = missing or said is None
        return said or ""

    filled = _PLACE.sub(value, text)
    return None if missing else filled


def places(text: str) -> list[str]:
    """The ids of the placeholders in a text, in order."""
    return _PLACE.findall(text)


def conditions(source: str) -> list[str]:
    """The conditions of explain.md, without `if`: a test compares them with the lab's claims."""
    return [c.removeprefix("if ") for c in _CONDITION.findall(source)]


def prose(value: Json, unit: str = "") -> str:
    """A measured value as it stands in a sentence: `44.9 ms`, `1.2 kB`, `4,096`, `62%`, `yes`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(prose(each, unit) for each in value)
    if not isinstance(value, (int, float)):
        return "" if value is None else str(value)
    if unit == "ms":
        # 99.97 would round to "100.0 ms": the first form ends where rounding does.
        if value >= 10_000:
            return f"{value / 1000:,.1f} s"
        return f"{value:,.0f} ms" if value >= 99.95 else f"{value:.1f} ms"
    if unit in ("B", "byte", "bytes"):
        for scale, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
            if value >= scale:
                return f"{value / scale:.1f} {name}"
        return f"{value:,} B"
    number = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}".removesuffix(".0")
    return number + ("%" if unit == "%" else f" {unit}" if unit else "")
