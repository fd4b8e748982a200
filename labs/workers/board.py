"""From what the server tells and when requests were sent to spans on tracks: who worked on what, and who waited.

Pure: events and moments in, spans out. Times are milliseconds since the clients began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from labctl.events import Span
from labs.words import ms
from labs.workers.waiting import Waiting


class Told(NamedTuple):
    """One thing that happened: "sent", "begin", "end", "timeout", "gone", "booted" or "done" (the client has it).

    `id` counts the requests of a process: the end of one names it alone.
    """

    at_ms: float
    kind: str
    pid: int = 0
    label: str = ""
    id: int = 0
    status: int = 0
    signal: str = ""


@dataclass
class Work:
    """One request in a worker's hands. `end_ms` is None while it lasts; `cut` when its worker went away."""

    label: str
    pid: int
    slot: int
    begin_ms: float
    sent_ms: float
    end_ms: float | None = None
    stuck: bool = False
    cut: bool = False

    @property
    def queued_ms(self) -> float:
        """How long it waited for a worker."""
        return max(0.0, self.begin_ms - self.sent_ms)


@dataclass
class Place:
    """A worker's place: who sits there now, and since when nobody does."""

    number: int
    pid: int
    gone_ms: float | None = None
    gone_pid: int = 0
    how: str = ""
    before: list[int] = field(default_factory=list)


class Board:
    """Feed what happened in the order of time; take the spans."""

    def __init__(self, pids: tuple[int, ...], threads: int, kind: str, timeout_s: int) -> None:
        self.places = [Place(n, pid) for n, pid in enumerate(pids, 1)]
        self.threads, self.kind, self.timeout_s = threads, kind, timeout_s
        self.works: list[Work] = []
        self.sent: dict[str, float] = {}
        self.waiting = Waiting("(backlog)" if kind == "sync" else "(in the pools)")
        self._open: dict[tuple[int, int], Work] = {}
        self._aborted: set[int] = set()
        self.kills: list[tuple[int, int, float, float]] = []

    # Names of tracks.

    def track(self, place: Place, slot: int) -> tuple[str, str]:
        """The name of a row, and what stands under it."""
        if self.kind == "toy":
            return f"thread {slot + 1}", f"pid {place.pid}" if slot == 0 else ""
        if self.threads == 1:
            return f"worker {place.number}", f"pid {place.pid}"
        return f"worker {place.number} thread {slot + 1}", f"pid {place.pid}" if slot == 0 else ""

    def idle(self) -> Iterator[Span]:
        """Rows for everybody, before anything has happened: nothing wide, at the beginning."""
        for place in self.places:
            for slot in range(self.threads):
                track, under = self.track(place, slot)
                yield Span(
                    text=f"{track.capitalize()} ({under or f'pid {place.pid}'}) is ready.",
                    track=track,
                    start_ms=0.0,
                    end_ms=0.0,
                    role="boot",
                    picture="timeline",
                    under=under,
                )

    def feed(self, told: Told) -> Iterator[Span]:
        """The spans that follow from one thing."""
        if told.kind == "sent":
            self.sent[told.label] = told.at_ms
            yield from self.waiting.come(told.label, told.at_ms)
        elif told.kind == "done":
            yield from self.waiting.leave(told.label, told.at_ms)
        elif told.kind == "begin":
            yield from self._begin(told)
        elif told.kind == "end":
            yield from self._end(told)
        elif told.kind == "timeout":
            self._aborted.add(told.pid)
        elif told.kind == "gone":
            yield from self._gone(told)
        elif told.kind == "booted":
            yield from self._booted(told)

    def _place_of(self, pid: int) -> Place | None:
        return next((each for each in self.places if pid == each.pid or pid in each.before), None)

    def _begin(self, told: Told) -> Iterator[Span]:
        place = self._place_of(told.pid)
        if place is None:
            place = Place(len(self.places) + 1, told.pid)
            self.places.append(place)
        busy = {work.slot for (pid, _), work in self._open.items() if pid == told.pid}
        slot = next(n for n in range(len(busy) + 1) if n not in busy)
        # A server that does not say which request it is takes the one that has waited longest.
        label = told.label or self.waiting.oldest or "?"
        work = Work(label, told.pid, slot, told.at_ms, self.sent.get(label, told.at_ms))
        self.works.append(work)
        self._open[told.pid, told.id] = work
        yield from self.waiting.leave(label, told.at_ms)
        yield self._span(place, work, told.at_ms, "open")

    def _end(self, told: Told) -> Iterator[Span]:
        work = self._open.pop((told.pid, told.id), None)
        if work is None:
            return
        work.end_ms = told.at_ms
        work.cut = told.pid in self._aborted or told.status == 0
        work.stuck = told.pid in self._aborted or told.at_ms - work.begin_ms > self.timeout_s * 1000 > 0
        place = self._place_of(told.pid)
        if place is not None:
            yield self._span(place, work, told.at_ms, "done")

    def _gone(self, told: Told) -> Iterator[Span]:
        place = self._place_of(told.pid)
        for key in [key for key in self._open if key[0] == told.pid]:
            work = self._open.pop(key)
            work.end_ms, work.cut = told.at_ms, True
            work.stuck = told.pid in self._aborted
            if place is not None:
                yield self._span(place, work, told.at_ms, "done")
        if place is not None and place.pid == told.pid:
            place.gone_ms, place.gone_pid = told.at_ms, told.pid
            why = "timeout: SIGABRT" if told.pid in self._aborted else told.signal or "it ended"
            place.how = why

    def _booted(self, told: Told) -> Iterator[Span]:
        if self._place_of(told.pid) is not None:
            return
        place = next((each for each in self.places if each.gone_ms is not None), None)
        if place is None:
            place = Place(len(self.places) + 1, told.pid)
            self.places.append(place)
            track, under = self.track(place, 0)
            yield Span(
                text=f"{track.capitalize()} (pid {told.pid}) came at {ms(told.at_ms)}.",
                track=track,
                start_ms=told.at_ms,
                end_ms=told.at_ms,
                role="boot",
                picture="timeline",
                under=under,
            )
            return
        gone, old = place.gone_ms or 0.0, place.gone_pid
        track, under = self.track(place, 0)
        place.before.append(old)
        self.kills.append((old, told.pid, gone, told.at_ms))
        yield Span(
            text=f"{track.capitalize()} (pid {old}) was ended at {ms(gone)}: {place.how}.",
            track=track,
            start_ms=gone,
            end_ms=gone,
            label=f"{place.how}, then pid {told.pid}",
            role="killed",
            hue="bad",
            picture="timeline",
            under=under,
        )
        yield Span(
            text=f"The master started pid {told.pid} in its place; it was ready {ms(told.at_ms - gone)} later.",
            track=track,
            start_ms=gone,
            end_ms=told.at_ms,
            role="respawn",
            hue="warn",
            picture="timeline",
            under=under,
        )
        place.pid, place.gone_ms = told.pid, None

    def _span(self, place: Place, work: Work, at_ms: float, state: Any) -> Span:
        track, under = self.track(place, work.slot)
        took = at_ms - work.begin_ms
        queued = f" after {ms(work.queued_ms)} in the queue" if work.queued_ms >= 1 else ""
        who = f"{track.capitalize()} (pid {work.pid})"
        if state == "open":
            said = f"{who} began request {work.label}{queued}, at {ms(work.begin_ms)}."
        elif work.cut:
            said = f"{who} was on request {work.label} for {ms(took)} when it was ended."
        else:
            over = f", longer than --timeout {self.timeout_s}" if work.stuck else ""
            said = f"{who} did request {work.label} in {ms(took)}{over}{queued}, from {ms(work.begin_ms)} on."
        return Span(
            text=said,
            track=track,
            start_ms=work.begin_ms,
            end_ms=at_ms,
            label=work.label,
            role="stuck" if work.stuck else "request",
            hue="bad" if work.stuck else "accent",
            picture="timeline",
            under=under,
            state=state,
        )

    def end(self, at_ms: float) -> Iterator[Span]:
        """No more will come: what is still open ends here."""
        for (pid, _), work in list(self._open.items()):
            work.end_ms = at_ms
            place = self._place_of(pid)
            if place is not None:
                yield self._span(place, work, at_ms, "done")
        self._open.clear()
        for place in self.places:
            if place.gone_ms is not None:
                track, under = self.track(place, 0)
                yield Span(
                    text=f"{track.capitalize()} (pid {place.gone_pid}) was ended at {ms(place.gone_ms)}: {place.how}."
                    " Nobody came in its place.",
                    track=track,
                    start_ms=place.gone_ms,
                    end_ms=place.gone_ms,
                    label=f"{place.how}, and nobody in its place",
                    role="killed",
                    hue="bad",
                    picture="timeline",
                    under=under,
                )
        yield from self.waiting.end(at_ms)

    @property
    def unsettled(self) -> bool:
        """Whether a worker is being ended, or nobody has come in its place yet."""
        return any(place.gone_ms is not None or place.pid in self._aborted for place in self.places)

    def in_hand(self, at_ms: float) -> int:
        """How many requests were in the hands of workers at a moment."""
        return sum(1 for w in self.works if w.begin_ms <= at_ms and (w.end_ms is None or at_ms < w.end_ms))

    @property
    def worst(self) -> tuple[int, float]:
        """How many waited at worst, and when that began; (0, 0.0) when nobody had to."""
        return self.waiting.worst

    def most_at_once(self) -> Mapping[int, int]:
        """For each pid, how many requests it had in its hands at the same time."""
        found: dict[int, int] = {}
        for pid in {work.pid for work in self.works}:
            mine = [work for work in self.works if work.pid == pid]
            marks = sorted(
                [(w.begin_ms, 1) for w in mine]
                + [(w.end_ms if w.end_ms is not None else 1e12, -1) for w in mine]
            )
            now = 0
            for _, step in marks:
                now += step
                found[pid] = max(found.get(pid, 0), now)
        return found
