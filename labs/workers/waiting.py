"""Who waits: requests that were sent and that nobody works on yet, as spans of one track.

Pure: moments in, spans out. Times are milliseconds since the clients began.
"""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Span
from labs.words import count, ms

QUEUE = "queue"
# One on its way to a free worker is no queue.
_ON_ITS_WAY_MS = 5.0


class Waiting:
    """`place` is where they wait: it stands under the name of the track. `parts` are (from, to, how many)."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.parts: list[tuple[float, float, int]] = []
        # When each request was sent that waits now.
        self._sent: dict[str, float] = {}
        self._untold: list[tuple[float, float, int]] = []
        self._since = self._began = 0.0

    def come(self, label: str, at_ms: float) -> Iterator[Span]:
        """A request was sent."""
        before = len(self._sent)
        self._sent.setdefault(label, at_ms)
        yield from self._changed(at_ms, before)

    def leave(self, label: str, at_ms: float) -> Iterator[Span]:
        """Somebody has begun it, or its client waits no longer."""
        before = len(self._sent)
        self._sent.pop(label, None)
        yield from self._changed(at_ms, before)

    def end(self, at_ms: float) -> Iterator[Span]:
        """No more will come: what waits now has waited until here."""
        yield from self._waited(at_ms, len(self._sent))

    @property
    def oldest(self) -> str:
        """The label of the one that has waited longest; "" when nobody waits."""
        return min(self._sent, key=lambda label: self._sent[label], default="")

    @property
    def worst(self) -> tuple[int, float]:
        """How many waited at worst, and when that began; (0, 0.0) when nobody had to."""
        since, _, amount = max(self.parts, key=lambda part: (part[2], -part[0]), default=(0.0, 0.0, 0))
        return amount, since

    def _changed(self, at_ms: float, before: int) -> Iterator[Span]:
        if len(self._sent) != before:
            yield from self._waited(at_ms, before)

    def _waited(self, at_ms: float, waiting: int) -> Iterator[Span]:
        """So many waited until now. It is told as soon as the queue has lasted."""
        if waiting:
            self._untold.append((self._since, at_ms, waiting))
        else:
            self._began = at_ms
        self._since = at_ms
        if waiting and at_ms - self._began < _ON_ITS_WAY_MS:
            if not self._sent:
                self._untold.clear()
            return
        for since, until, amount in self._untold:
            self.parts.append((since, until, amount))
            yield Span(
                text=f"{count(amount, 'request')} waited, from {ms(since)} to {ms(until)}.",
                track=QUEUE,
                start_ms=since,
                end_ms=until,
                role="queue",
                hue="warn",
                amount=float(amount),
                picture="timeline",
                under=self.place,
            )
        self._untold.clear()
