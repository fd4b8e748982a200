"""What a time line knows: who did what when. Spans come in any order, and are kept by worker and track.

A later span with the same track, start and label takes the place of the earlier: that one was open.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from labctl.events import Span

# The threads of a worker stand under its name: `worker 1 thread 2`.
_THREAD = re.compile(r"(?P<worker>.+) thread \d+")
_MOMENTS = ("killed", "respawn", "boot")


@dataclass
class Track:
    """A worker, or one thread of it: its second name, and what it did, by role (of a moment), start and label."""

    name: str
    under: str = ""
    spans: dict[tuple[str, float, str], Span] = field(default_factory=dict)

    def add(self, span: Span) -> None:
        """Take a span; one that was open before is replaced."""
        if not self.under or not any(each.label for each in self._killed):
            # Once somebody was killed, what stands beneath the mark tells who came.
            self.under = span.under or self.under
        self.spans[span.role if span.role in _MOMENTS else "", span.start_ms, span.label] = span

    @property
    def _killed(self) -> list[Span]:
        return [span for span in self.spans.values() if span.role == "killed"]

    @property
    def killed(self) -> bool:
        """Whether somebody was killed here."""
        return bool(self._killed)

    @property
    def born_ms(self) -> float:
        """Before this there was nobody. A boot says so; without one the worker was there from the beginning."""
        first = min(self.spans.values(), key=lambda span: span.start_ms)
        return first.start_ms if first.role == "boot" else float("-inf")

    @property
    def died_ms(self) -> float:
        """After this there is nobody: when somebody was killed, and nobody came."""
        last = max((span.start_ms for span in self._killed), default=float("inf"))
        after = any(span.start_ms >= last for span in self.spans.values() if span.role != "killed")
        return float("inf") if after else last


@dataclass
class Group:
    """A worker with its threads: they are drawn together, under one name."""

    name: str
    tracks: list[Track] = field(default_factory=list)

    @property
    def under(self) -> str:
        """The second name: the first that any of them has."""
        return next((track.under for track in self.tracks if track.under), "")

    @property
    def killed(self) -> bool:
        """Whether somebody was killed here."""
        return any(track.killed for track in self.tracks)


class Tracks:
    """All workers in the order in which they came, and the queue. `words` makes text printable."""

    def __init__(self, words: Callable[[str], str]) -> None:
        self._words = words
        self._groups: dict[str, Group] = {}
        self._queue: dict[float, Span] = {}
        self.queue_said = ""
        self.queue_under = ""
        self.first_ms = float("inf")
        self.last_ms = 0.0

    def add(self, span: Span) -> None:
        """Take the next span."""
        self.first_ms = min(self.first_ms, span.start_ms)
        self.last_ms = max(self.last_ms, span.start_ms, span.end_ms)
        if span.role == "queue":
            self._queue[span.start_ms] = span
            self.queue_said = self._words(span.label) or self.queue_said
            self.queue_under = self._words(span.under) or self.queue_under
            return
        name = self._words(span.track)
        found = _THREAD.fullmatch(name)
        title = found["worker"] if found else name
        group = self._groups.setdefault(title, Group(title))
        track = next((each for each in group.tracks if each.name == name), None)
        if track is None:
            group.tracks.append(track := Track(name))
        track.add(span)

    @property
    def queue(self) -> list[Span]:
        """How many waited, from when to when."""
        return list(self._queue.values())

    @property
    def groups(self) -> list[Group]:
        """The workers."""
        return list(self._groups.values())

    def shown(self, hide: int) -> list[Group]:
        """All workers but `hide` of them: from the end, and those with a kill only when no other is left."""
        groups = self.groups
        order = sorted(range(len(groups)), key=lambda at: (groups[at].killed, -at))
        hidden = set(order[:hide])
        return [group for at, group in enumerate(groups) if at not in hidden]
