"""The axis of a time line: ticks above the rows, in milliseconds or seconds."""

from __future__ import annotations

import math

from labctl.render.canvas import Canvas
from labctl.render.line import Line
from labctl.render.text import cells
from labctl.render.waterfall import Axis, axis

# Beyond this a tick is told in seconds.
SECONDS_FROM_MS = 1000.0
# A name stands at most so many cells left of its tick.
_SHIFT = 3
# Each tick has at least so many cells.
_ROOM = 8
# While it is open the axis is at least so long: a picture that fills at once and is drawn anew tells nothing.
_AT_LEAST_MS = 1000.0


def axis_of(first_ms: float, last_ms: float, wide: int, live: bool) -> Axis:
    """The axis from the beginning of the run, or from the first span when that is much later, to the last.

    While it is open it grows by leaps, so that the bars do not shrink with every moment.
    """
    start = 0.0 if first_ms < last_ms / 2 else first_ms
    most = max(2, min(8, wide // _ROOM))
    scale = axis(start, _leap(start, last_ms) if live else last_ms, most)
    if start:
        start = math.floor(start / scale.step) * scale.step
        scale = axis(start, max(last_ms, scale.stop if live else last_ms), most)
    return scale


def _leap(start: float, last_ms: float) -> float:
    """The next of 1, 2, 3, 5, 7 times a power of ten."""
    length = max(last_ms - start, _AT_LEAST_MS)
    power = 10.0 ** math.floor(math.log10(length) + 1e-9)
    return start + next(step * power for step in (1, 2, 3, 5, 7, 10) if length <= step * power * (1 + 1e-9))


def axis_line(scale: Axis, left: int, wide: int) -> Line:
    """The ticks' names; the unit stands with the last, which ends where the picture ends."""
    canvas = Canvas(left + wide)
    seconds = scale.stop > SECONDS_FROM_MS
    unit = 1000.0 if seconds else 1.0
    names = [_name(tick / unit, scale.step / unit) for tick in scale.ticks]
    names[-1] += " s" if seconds else " ms"
    end = left + wide - cells(names[-1])
    canvas.put(end, names[-1], "mute")
    before = 0
    for tick, name in zip(scale.ticks[:-1], names, strict=False):
        column = left + round(scale.column(tick, wide))
        # The last one stands left of its tick; the one before makes room, by a few cells.
        shifted = min(column, end - 1 - cells(name))
        if column - shifted <= _SHIFT and shifted > before:
            canvas.put(shifted, name, "mute")
            before = shifted + cells(name)
    return canvas.line()


def _name(value: float, step: float) -> str:
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{digits}f}" if value else "0"
