"""Pauses inside a response: stretches in which nothing was on the way, although the response was not complete.

What is on the line arrives a round trip after it was asked for at the latest, so a longer gap is the sender's. A
line that is so slow that it brings one segment at a time looks alike: a gap before about one whole segment counts
for nothing. A lost segment looks alike too, once. Pure functions of what was measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from labctl.fetch.legs import Leg

# A busy machine may hold a thread up for so long. Milliseconds.
_TELLABLE_MS = 20.0
# Bytes of one whole segment on most lines, tunnels and all, up to TCP's own most over Ethernet.
_ONE_SEGMENT = range(1_200, 1_461)
# What came within so many seconds came as one piece.
_TOGETHER = 0.001


class Paused(NamedTuple):
    """How often the sender paused, and for how many milliseconds altogether."""

    times: int = 0
    ms: float = 0.0


NO_PAUSE = Paused()


def paused(leg: Leg, rtt_ms: float | None) -> Paused:
    """The sender's pauses between the first and the last byte of a leg's response.

    Without a round trip that was measured, the wait for the first byte stands for it: it holds one.
    """
    if leg.answer is None or leg.cache == "hit" or leg.failure:
        return NO_PAUSE
    _, sent_end, first, _, end = leg.answer.times
    if first is None or end is None:
        return NO_PAUSE
    trip = rtt_ms if rtt_ms is not None else max(0.0, first - (sent_end or first)) * 1000
    least = max(_TELLABLE_MS, 2 * trip) / 1000
    pieces = _pieces([(at, size) for at, size in leg.arrivals if first < at <= end])
    # Where more came than the tap keeps, nobody knows what filled the time up to the end.
    if sum(size for _, size in leg.arrivals) >= leg.answer.body_bytes:
        pieces.append((end, 0))
    found, before = [], first
    for at, size in pieces:
        if at - before > least and size not in _ONE_SEGMENT:
            found.append((at - before) * 1000)
        before = at
    return Paused(len(found), sum(found))


def _pieces(arrivals: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """What came together, as one: when it began to come, and its bytes."""
    pieces: list[tuple[float, int]] = []
    last = 0.0
    for at, size in arrivals:
        if pieces and at - last <= _TOGETHER:
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + size)
        else:
            pieces.append((at, size))
        last = at
    return pieces
