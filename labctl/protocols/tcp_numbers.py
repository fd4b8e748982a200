"""Sequence numbers: arithmetic modulo 2**32 (RFC 9293 section 3.4), and which of them have been covered."""

from __future__ import annotations

_MODULUS = 1 << 32


def distance(number: int, origin: int) -> int:
    """`number - origin` on the circle: from -2**31 to 2**31 - 1, negative when `number` is the older one."""
    return ((number - origin + (_MODULUS >> 1)) % _MODULUS) - (_MODULUS >> 1)


class Coverage:
    """The sequence numbers of one direction that have been seen, counted from an origin (a SYN's is 0).

    Numbers given to `add` are absolute, those that come out are relative and do not wrap.
    """

    def __init__(self, origin: int) -> None:
        self.origin = origin
        # Disjoint (start, end) ranges in order; numbers that are in no range were never seen.
        self.ranges: list[tuple[int, int]] = []
        self._highest = 0

    @property
    def highest(self) -> int:
        """The number after the highest one seen."""
        return self._highest

    @property
    def contiguous(self) -> int:
        """The first number that is missing: what a receiver acknowledges."""
        return self.ranges[0][1] if self.ranges and self.ranges[0][0] <= 0 else 0

    def relative(self, number: int) -> int:
        """`number` as the lesson writes it: unwrapped, near the highest one seen."""
        near = (self.origin + self._highest) % _MODULUS
        return self._highest + distance(number, near)

    def add(self, number: int, span: int) -> int:
        """Cover `span` numbers from `number` on. Returns how many of them were seen for the first time."""
        start = self.relative(number)
        end = start + span
        if span == 0:
            return 0
        fresh = span - sum(max(0, min(end, right) - max(start, left)) for left, right in self.ranges)
        merged: list[tuple[int, int]] = []
        for left, right in self.ranges:
            if right < start or left > end:
                merged.append((left, right))
            else:
                start, end = min(start, left), max(end, right)
        self.ranges = sorted([*merged, (start, end)])
        self._highest = max(self._highest, end)
        return fresh
