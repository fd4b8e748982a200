"""The queue of a time line: a step curve in the same axis as the workers, and the worst of it in words."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.events import Span
from labctl.render.canvas import Canvas
from labctl.render.glyphs import Glyphs
from labctl.render.line import Line
from labctl.render.numbers import duration
from labctl.render.text import cut
from labctl.render.timeline_row import end_of
from labctl.render.waterfall import Axis


def depths(spans: Sequence[Span], scale: Axis, wide: int, now_ms: float) -> list[float]:
    """How many wait in each cell: the most of any moment in it, so that a short peak is seen."""
    found = [0.0] * wide
    for span in spans:
        start = max(0, min(wide - 1, round(scale.column(span.start_ms, wide))))
        stop = max(start + 1, min(wide, round(scale.column(end_of(span, now_ms), wide))))
        for cell in range(start, stop):
            found[cell] = max(found[cell], span.amount or 0.0)
    return found


def queue_lines(
    spans: Sequence[Span],
    said: tuple[str, str],
    scale: Axis,
    margin: int,
    left: int,
    wide: int,
    until: int,
    now_ms: float,
    glyphs: Glyphs,
) -> list[Line]:
    """The curve, and under it what `said` has: the second name of the track, and the sentence ("": our own)."""
    width = left + wide
    curve, words = Canvas(width), Canvas(width)
    curve.put(margin, cut(spans[0].track, left - margin - 1, glyphs.cut), "bold")
    curve.fill(left, left + min(until, wide), glyphs.track, "faint")
    found = depths(spans, scale, wide, now_ms)
    most = max(found)
    for cell, waiting in enumerate(found):
        if waiting > 0:
            curve.put(left + cell, _level(waiting, most, glyphs.levels), spans[0].hue or "warn")
    under, sentence = said
    words.put(margin, cut(under, left - margin - 1, glyphs.cut), "mute")
    words.put(left, cut(sentence or _worst(spans), wide, glyphs.cut), "mute")
    return [curve.line(), words.line()]


def _level(waiting: float, most: float, levels: str) -> str:
    """One step for each that waits; where they are more than there are steps, a share of the most."""
    steps = len(levels)
    part = waiting if most <= steps else waiting / most * steps
    return levels[max(1, min(steps, round(part))) - 1]


def _worst(spans: Sequence[Span]) -> str:
    worst = max(spans, key=lambda span: span.amount or 0.0)
    if not worst.amount:
        return "nobody waited"
    at = worst.start_ms
    return f"at worst {worst.amount:,.0f} waiting, at {f'{at / 1000:.1f} s' if at >= 1000 else duration(at)}"
