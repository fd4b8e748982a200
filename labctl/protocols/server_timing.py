"""Server-Timing: how long the server says that it took, and for what (W3C Server Timing, section 2). Pure.

Text from peers is data: it is bounded here, and escaped by whoever shows it.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from labctl.protocols.http1_fields import Fields, get_all, is_token

_MOST_METRICS = 20
_MOST_CHARACTERS = 4096
_LONGEST_NAME, _LONGEST_DESCRIPTION = 40, 60
# A day: whatever took longer is no time of one response. Milliseconds.
_LONGEST_MS = 86_400_000.0
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")


class Metric(NamedTuple):
    """One metric in the server's own words; `ms` is None when it names no duration."""

    name: str
    ms: float | None
    description: str = ""


def read(fields: Fields) -> tuple[Metric, ...]:
    """The metrics of a response, as many as are shown. What cannot be read is left out."""
    text = ",".join(get_all(fields, "server-timing"))[:_MOST_CHARACTERS]
    found: list[Metric] = []
    for member in _split(text, ","):
        name, *parameters = _split(member, ";")
        if not is_token(name):
            continue
        said = _parameters(parameters)
        description = said.get("desc", "")[:_LONGEST_DESCRIPTION]
        found.append(Metric(name[:_LONGEST_NAME], _duration(said.get("dur", "")), description))
        if len(found) == _MOST_METRICS:
            break
    return tuple(found)


def _split(text: str, mark: str) -> list[str]:
    """At each mark that stands outside of quotes. Never empty."""
    parts, quoted, escaped = [""], False, False
    for character in text:
        if character == mark and not quoted:
            parts.append("")
            continue
        parts[-1] += character
        if character == '"' and not escaped:
            quoted = not quoted
        escaped = quoted and character == "\\" and not escaped
    return [part.strip() for part in parts]


def _parameters(parts: list[str]) -> dict[str, str]:
    """The first of each name counts (section 2)."""
    said: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        value = value.strip()
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:].removesuffix('"'))
        said.setdefault(name.strip().lower(), value)
    return said


def _duration(text: str) -> float | None:
    if not _NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return value if math.isfinite(value) and value <= _LONGEST_MS else None
