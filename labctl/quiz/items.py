"""What a question is made of; the fields are described in the package's docstring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from labctl.events import Json

Phase = Literal["predict", "observe", "recall"]
Ask = Literal["why", "what", "transfer"]
Kind = Literal["choice", "number"]


@dataclass(frozen=True)
class Option:
    """One answer that is offered."""

    id: str
    text: str
    correct: bool = False
    when_refuted: bool = False
    value: Json = None
    feedback: str = ""
    # Said instead of `feedback` when this option is the right one in this run (its key may come from the run).
    right_feedback: str = ""
    misconception: str = ""

    def said(self, *, right: bool) -> str:
        """What is answered to whoever chose this option."""
        return self.right_feedback if right and self.right_feedback else self.feedback


@dataclass(frozen=True)
class Item:
    """One question; the package's docstring says what its fields mean."""

    id: str
    phase: Phase
    ask: Ask
    stem: str
    rev: int = 1
    hints: tuple[str, ...] = ()
    see: str = ""
    kind: Kind = "choice"
    measure: str = ""
    claim: str = ""
    tolerance: float = 0.0
    fixed_order: bool = False
    # Not asked when one of these arguments of the lab is given: the run then shows something else.
    unless: tuple[str, ...] = ()
    feedback: str = ""
    options: tuple[Option, ...] = ()

    def option(self, id: str) -> Option | None:
        """The option with this id, or None."""
        return next((o for o in self.options if o.id == id), None)
