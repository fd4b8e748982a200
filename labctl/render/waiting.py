"""Elapsed seconds on stderr while an answer is awaited: one line, erased without a trace.

Only on a terminal that can repaint a line, and only after a while: a quick run shows nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import IO, Protocol

from labctl.events import Event, Exchange
from labctl.render.glyphs import ASCII, UNICODE
from labctl.render.mode import Plan
from labctl.render.text import cut, escape

# `--pace slow` holds a message for 0.6 s: that is no waiting for an answer.
AFTER_S, EVERY_S = 0.7, 0.1
_ERASE = "\r\x1b[K"


class Waiting:
    """Watches a run's events: from a question until the next event the seconds are shown."""

    def __init__(
        self,
        plan: Plan,
        stream: IO[str],
        *,
        clock: Callable[[], float] = time.monotonic,
        after: float = AFTER_S,
        every: float = EVERY_S,
    ) -> None:
        self._on = plan.progress == "bar"
        self._ascii = plan.ascii
        self._width = plan.width or 80
        self._stream = stream
        self._clock = clock
        self._after, self._every = after, every
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def over(self) -> None:
        """Stop and erase; call it before anything else is printed."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None
            ticks(None)

    def since(self, event: Event) -> None:
        """Begin to count when `event` is a question that somebody must answer; call it after printing."""
        self.over()
        if not self._on or not isinstance(event, Exchange) or event.role != "question":
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._count, args=(event.target, self._stop, self._clock()), name="waiting", daemon=True
        )
        ticks(self)
        self._thread.start()

    def line(self, whom: str, elapsed: float) -> str:
        """What is shown: `► waiting for TLD com.  1.3 s`."""
        glyphs = ASCII if self._ascii else UNICODE
        name = escape(" ".join(whom.split()), ascii=self._ascii)
        return "  " + cut(f"{glyphs.now} waiting for {name}  {elapsed:.1f} s", self._width - 3, glyphs.cut)

    def _count(self, whom: str, stop: threading.Event, started: float) -> None:
        if stop.wait(self._after):
            return
        try:
            while True:
                self._stream.write(_ERASE + self.line(whom, self._clock() - started))
                self._stream.flush()
                if stop.wait(self._every):
                    break
            self._stream.write(_ERASE)
            self._stream.flush()
        except (OSError, ValueError):
            return  # stderr went away: nobody is watching


class Ticking(Protocol):
    """Something that prints by its own clock, and can be stopped."""

    def over(self) -> None: ...


# One terminal: there is at most one that counts.
_current: Ticking | None = None


def ticks(who: Ticking | None) -> None:
    """From now on this one prints by its own clock; None when it has stopped."""
    global _current
    _current = who


def hush() -> None:
    """Stop whoever is counting, so that something urgent can be said."""
    if _current is not None:
        _current.over()
