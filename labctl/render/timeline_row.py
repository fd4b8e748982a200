"""One row of a time line: which cells each interval takes, and how they are drawn. Exact to a cell.

What lasts a moment still has a cell. Between two requests a cell stays free where there is room for it; where there
is none they touch, in another hue, and those that would stand in the same cell become one bar without a letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from labctl.events import Span
from labctl.render.canvas import Canvas
from labctl.render.glyphs import Glyphs
from labctl.render.text import cells
from labctl.render.waterfall import Axis

# What stands where one thing ends and the next begins: the request, then its worker's end, then the next worker.
_ORDER = {"killed": 1, "respawn": 2, "boot": 3}
# Requests on one track that share more than this were at work at the same time (milliseconds).
AT_ONCE_MS = 0.5


class Bar(NamedTuple):
    """An interval in cells, [start, stop); `merged` when more than one is in it."""

    start: int
    stop: int
    span: Span
    merged: bool = False


def is_request(span: Span) -> bool:
    """Whether somebody's request is at work in it; every role that is not known is taken for one."""
    return span.role not in _ORDER


def in_lanes(spans: Iterable[Span], now_ms: float) -> list[list[Span]]:
    """The spans of one track on as few rows as show each that was at work at the same time as another."""
    lanes: list[list[Span]] = [[]]
    free = [-1.0]
    for span in sorted(spans, key=lambda each: (each.start_ms, _ORDER.get(each.role, 0))):
        at = 0
        if is_request(span):
            at = next((n for n, end in enumerate(free) if span.start_ms >= end - AT_ONCE_MS), len(lanes))
            if at == len(lanes):
                lanes.append([])
                free.append(-1.0)
            free[at] = end_of(span, now_ms)
        lanes[at].append(span)
    return lanes


def end_of(span: Span, now_ms: float) -> float:
    """When it ended; what is open lasts until now."""
    return max(span.start_ms, now_ms) if span.state == "open" else span.end_ms


def bars(spans: Iterable[Span], scale: Axis, width: int, now_ms: float) -> list[Bar]:
    """The cells of a row's spans, in order; nothing overlaps, and everything has a cell."""
    placed: list[Bar] = []
    for span in spans:
        if span.role == "boot" and end_of(span, now_ms) <= span.start_ms:
            continue
        bar = _cells_of(span, scale, width, now_ms)
        if placed:
            bar = _beside(placed, bar)
        placed.append(bar)
    return placed


def _cells_of(span: Span, scale: Axis, width: int, now_ms: float) -> Bar:
    start = max(0, min(round(scale.column(span.start_ms, width)), width - 1))
    stop = max(start + 1, min(round(scale.column(end_of(span, now_ms), width)), width))
    return Bar(start, stop, span)


def _beside(placed: list[Bar], bar: Bar) -> Bar:
    """The bar as it stands behind the others; the one before may become shorter, or part of it."""
    before = placed[-1]
    gap = 1 if is_request(before.span) and is_request(bar.span) else 0
    if before.stop + gap > bar.start and before.stop - before.start > 1:
        # The one before ends earlier, so that this one begins where it did.
        before = before._replace(stop=max(before.start + 1, bar.start - gap))
        placed[-1] = before
    if before.stop <= bar.start:
        return bar
    if before.stop < bar.stop or (before.stop == bar.stop and bar.span.role != before.span.role):
        return bar._replace(start=before.stop, stop=max(bar.stop, before.stop + 1))
    placed.pop()
    both = before.merged or is_request(bar.span)
    kept = bar.span if bar.span.role in ("killed", "stuck") else before.span
    return Bar(before.start, max(before.stop, bar.stop), kept, merged=both)


def wider_than_its_letter(bar: Bar, words: Callable[[str], str]) -> bool:
    """Whether the texture of a request is seen beside its letter."""
    plain = bar.merged or not 0 < cells(words(bar.span.label)) <= bar.stop - bar.start
    return (
        is_request(bar.span)
        and bar.span.role != "stuck"
        and (plain or bar.stop - bar.start > cells(bar.span.label))
    )


def draw(
    canvas: Canvas, left: int, row: Iterable[Bar], glyphs: Glyphs, words: Callable[[str], str], most: int
) -> None:
    """Draw the bars from the column `left` on, in at most `most` cells; neighbouring requests differ in hue."""
    before = ""
    for bar in row:
        start, stop = left + min(bar.start, most - 1), left + min(bar.stop, most)
        span = bar.span
        glyph, hue = of_role(span.role, glyphs)
        if not is_request(span):
            canvas.fill(start, stop, glyph, hue)
            continue
        if span.role != "stuck":
            hue = span.hue if span.hue not in ("", "accent") else "ok" if before == "accent" else "accent"
        before = hue
        canvas.fill(start, stop, glyph, hue)
        label = words(span.label)
        size = cells(label)
        if not bar.merged and 0 < size <= stop - start:
            # Odd cells over: the letter stands left of the middle.
            canvas.put(start + (stop - start - size) // 2, label, f"{hue} reverse bold")


def of_role(role: str, glyphs: Glyphs) -> tuple[str, str]:
    """The texture and the hue of a role."""
    return {
        "stuck": (glyphs.stuck, "bad"),
        "killed": (glyphs.failed, "bad bold"),
        "respawn": (glyphs.broken, "warn"),
        "boot": (glyphs.booting, "mute"),
        "idle": (glyphs.track, "faint"),
    }.get(role, (glyphs.busy, "accent"))
