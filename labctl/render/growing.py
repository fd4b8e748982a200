"""A time line on the page: painted while it grows where the terminal can, printed once when it is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from labctl.events import Span
from labctl.render.line import Line
from labctl.render.live_picture import EVERY_S, LivePicture
from labctl.render.page import Page
from labctl.render.timeline import ROWS, Timeline


class GrowingTimeline:
    """Takes spans as they happen. `live` paints on the page's terminal, every so many seconds of `clock`."""

    def __init__(
        self,
        page: Page,
        *,
        live: bool,
        clock: Callable[[], float] = time.monotonic,
        every: float = EVERY_S,
    ) -> None:
        self._timeline = Timeline(page.glyphs, page.words)
        self._width = page.width
        self._clock = clock
        self._lock = threading.Lock()
        # The clock of the spans is ahead of ours by so much, or by more: a span is heard of after it happened.
        self._ahead_ms = float("-inf")
        live = live and page.paper.size() is not None
        self._picture = LivePicture(page.paper, self._draw, page.width, every=every) if live else None
        self._begun = False

    def add(self, span: Span) -> None:
        """Take the next span; the first one begins the painting."""
        with self._lock:
            self._timeline.add(span)
            self._ahead_ms = max(self._ahead_ms, max(span.start_ms, span.end_ms) - self._clock() * 1000)
        if self._picture is not None and not self._begun:
            self._begun = True
            self._picture.begin()

    def finish(self, *, all_rows: bool) -> Sequence[Line]:
        """Stop painting; the lines of the whole picture, to be printed where it stood."""
        if self._picture is not None and self._begun:
            self._picture.over()
        return self._timeline.lines(self._width, rows=None if all_rows else ROWS, more=", --all")

    def _draw(self, columns: int, rows: int) -> Sequence[Line]:
        with self._lock:
            now_ms = self._clock() * 1000 + self._ahead_ms
            return self._timeline.lines(columns, now_ms=now_ms, rows=rows)
