"""Faults: named changes of the town, each of which makes one sentence of a lesson come out false."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches

from labctl.errors import UsageError
from labctl.sandbox.town import Town, healthy_town


@dataclass(frozen=True)
class Fault:
    """`sentence` says what is different; `apply` makes it so."""

    name: str
    sentence: str
    apply: Callable[[Town], Town]


FAULTS: dict[str, Fault] = {}


def town_under(fault: str) -> Town:
    """The healthy town (""), or the one with this fault. Raises UsageError `fault-unknown`."""
    if not fault:
        return healthy_town()
    if fault not in FAULTS:
        close = get_close_matches(fault, FAULTS, n=1)
        raise UsageError(
            "fault-unknown",
            f"The sandbox knows no fault called {fault}." + (f" Did you mean {close[0]}?" if close else ""),
        )
    return FAULTS[fault].apply(healthy_town())
