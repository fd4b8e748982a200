"""How a chain of trust is told: its links, and the verdict (the four states of RFC 4033 section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["secure", "insecure", "bogus", "indeterminate"]

# What a whole is when its parts differ: the first of these that any part is.
_WORST_FIRST: tuple[State, ...] = ("bogus", "indeterminate", "insecure", "secure")


@dataclass(frozen=True)
class Link:
    """One step of the chain. `what` is short enough for a column, `text` a sentence complete on its own.

    `ok` is False for the link that broke, and then `code` is its kebab-case word. A link that ends the chain
    without breaking it (an unsigned delegation) is ok and has a code.
    """

    zone: str
    what: str
    ok: bool
    text: str
    code: str = ""


@dataclass(frozen=True)
class Security:
    """The verdict. `broken` is the link that made it bogus or indeterminate; `text` one sentence."""

    state: State
    links: tuple[Link, ...]
    broken: Link | None
    text: str


def worst(left: State, right: State) -> State:
    """A chain of aliases is as good as its worst part."""
    return min(left, right, key=_WORST_FIRST.index)
