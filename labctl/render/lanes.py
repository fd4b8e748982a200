"""Where the lanes of a ladder stand. Pure numbers: columns of the terminal, counted from 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

# The gutter with the times ends before column 8; the first lane's name is centred on column 15.
GUTTER_END, FIRST = 8, 15


def capacity(width: int) -> int:
    """How many lanes fit side by side: four at 80 columns, six from 110 on."""
    return 6 if width >= 110 else 4


def gap(width: int) -> int:
    """No two lanes stand closer: `203.0.113.53` and a space must fit between two middles."""
    return 14 if width >= 80 else 13


def columns(width: int, count: int, needs: Mapping[int, int]) -> list[int]:
    """The column of each lane's lifeline, left to right.

    `needs[i]` is how many cells the longest arrow between the first lane and lane i wants. The first gap is
    wider, since the words of the shortest arrow must fit into it.
    """
    right = width - 8
    if count == 1:
        return [FIRST]
    if count == 2:
        return [FIRST, min(right, FIRST + max(57, needs.get(1, 0)))]
    unit = (right - FIRST) / (count - 2 + 1.56)
    at = [FIRST]
    for lane in range(1, count):
        wanted = round(FIRST + unit * (1.56 + lane - 1))
        nearest = max(wanted, FIRST + needs.get(lane, 0), at[-1] + gap(width))
        at.append(min(nearest, right - gap(width) * (count - 1 - lane)))
    return at


def zones(width: int, at: Sequence[int]) -> list[tuple[int, int]]:
    """The columns [start, stop) in which each lane's name may stand; one free column between two zones."""
    middles = [(a + b) // 2 for a, b in pairwise(at)]
    starts = [GUTTER_END + 1, *(m + 1 for m in middles)]
    stops = [*middles, width - 1]
    return list(zip(starts, stops, strict=True))


def centred(size: int, middle: int, zone: tuple[int, int]) -> int:
    """The column where a text of `size` cells starts, as near to `middle` as its zone allows."""
    start, stop = zone
    return max(start, min(middle - size // 2, stop - size))
