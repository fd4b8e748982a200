"""Programs that take turns: one step at a time, in an order that is written down.

A program is a generator that does one step and then says what it did. With `interleave` a race is no accident:
it is the order `RRWWR`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import NamedTuple

Program = Generator[str, None, None]


class Turn(NamedTuple):
    """Who did what."""

    who: str
    did: str


def interleave(programs: Mapping[str, Program], order: str) -> Iterator[Turn]:
    """Let the programs take their turns: one letter of `order` is one step of the program with this letter.

    Who has finished is passed over; what is left at the end runs on, first come, first served. A program that
    can only wait says so with a sentence that begins with `waits`, and is tried again; when all that are left
    wait, that is the end.
    """
    left = dict(programs)
    for who in order:
        if who in left:
            yield from _step(left, who)
    while left:
        moved = False
        for who in tuple(left):
            while who in left:
                before = len(left)
                turns = tuple(_step(left, who))
                yield from turns
                if turns and turns[0].did.startswith("waits"):
                    break
                moved = moved or bool(turns) or len(left) < before
        if not moved:
            return


def _step(left: dict[str, Program], who: str) -> Iterator[Turn]:
    try:
        yield Turn(who, next(left[who]))
    except StopIteration:
        del left[who]
