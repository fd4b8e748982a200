"""From what the server tells and when requests were sent to spans on tracks: who worked on what, and who waited.

Pure: events and moments in, spans out. Times are milliseconds since the clients began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from labctl.events import Span, SpanState
from labs.words import ms
from labs.workers import bars
from labs.workers.happening import Place, Replaced, Told, Work, at_once
from labs.workers.waiting import Waiting

# gunicorn's master looks once a second, and somewhat later on a busy machine.
_MASTER_LOOKS_MS = 1500.0


class Board:
    """Feed what happened in the order of time; take the spans."""

    def __init__(self, pids: tuple[int, ...], threads: int, kind: str, timeout_s: int) -> None:
        self.places = [Place(n, pid) for n, pid in enumerate(pids, 1)]
        self.threads, self.kind, self.timeout_s = threads, kind, timeout_s
        self.works: list[Work] = []
        self.replaced: list[Replaced] = []
        self.sent: dict[str, float] = {}
        self.waiting = Waiting("(in the pools)" if kind == "gthread" else "(backlog)")
        self._open: dict[tuple[int, int], Work] = {}
        self._done: set[str] = set()
        self.aborted: set[int] = set()

    def track(self, place: Place, slot: int) -> tuple[str, str]:
        """The name of a row, and what stands under it."""
        if self.kind == "toy":
            return f"thread {slot + 1}", f"pid {place.pid}" if slot == 0 else ""
        if self.threads == 1:
            return f"worker {place.number}", f"pid {place.pid}"
        return f"worker {place.number} thread {slot + 1}", f"pid {place.pid}" if slot == 0 else ""

    def idle(self) -> Iterator[Span]:
        """Rows for everybody, before anything has happened."""
        for place in self.places:
            for slot in range(self.threads):
                yield bars.ready(*self.track(place, slot), place.pid)

    def feed(self, told: Told) -> Iterator[Span]:
        """The spans that follow from one thing."""
        if told.kind == "sent":
            self.sent[told.label] = told.at_ms
            yield from self.waiting.come(told.label, told.at_ms)
        elif told.kind == "done":
            self._done.add(told.label)
            yield from self.waiting.leave(told.label, told.at_ms)
        elif told.kind == "begin":
            yield from self._begin(told)
        elif told.kind == "end":
            yield from self._end(told)
        elif told.kind == "timeout":
            self.aborted.add(told.pid)
        elif told.kind == "gone":
            yield from self._gone(told)
        elif told.kind == "booted":
            yield from self._booted(told)

    def _place_of(self, pid: int) -> Place | None:
        return next((each for each in self.places if pid == each.pid or pid in each.before), None)

    def _begin(self, told: Told) -> Iterator[Span]:
        if self._place_of(told.pid) is None:
            self.places.append(Place(len(self.places) + 1, told.pid))
        busy = {work.slot for (pid, _), work in self._open.items() if pid == told.pid}
        slot = next(n for n in range(len(busy) + 1) if n not in busy)
        # A server that does not say which request it is takes the one that has waited longest.
        label = told.label or self.waiting.oldest or "?"
        work = Work(label, told.pid, slot, told.at_ms, self.sent.get(label, told.at_ms))
        self.works.append(work)
        self._open[told.pid, told.id] = work
        yield from self.waiting.leave(label, told.at_ms)
        yield from self._bar(work, told.at_ms, "open")

    def _end(self, told: Told) -> Iterator[Span]:
        # A worker that is being ended leaves the view for that alone: its request lasts as long as it does.
        if told.pid in self.aborted or (work := self._open.pop((told.pid, told.id), None)) is None:
            return
        work.end_ms, work.raised = told.at_ms, told.raised
        # What came to its end was not stuck, unless the master should have ended it long before.
        work.stuck = self._over_timeout(work, told.at_ms - _MASTER_LOOKS_MS)
        yield from self._bar(work, told.at_ms, "done")

    def _over_timeout(self, work: Work, at_ms: float) -> bool:
        # Only a sync worker is silent while it has a request.
        return self.kind == "sync" and at_ms - work.begin_ms > self.timeout_s * 1000 > 0

    def overdue(self, now_ms: float) -> Iterator[Span]:
        """What has been in hand for longer than --timeout by now, once each: it is shown as stuck while it lasts."""
        for work in self._open.values():
            if not work.stuck and self._over_timeout(work, now_ms):
                work.stuck = True
                yield from self._bar(work, work.begin_ms, "open")

    def _gone(self, told: Told) -> Iterator[Span]:
        for key in [key for key in self._open if key[0] == told.pid]:
            work = self._open.pop(key)
            work.end_ms, work.cut, work.how = told.at_ms, True, told.how
            work.stuck = told.pid in self.aborted
            yield from self._bar(work, told.at_ms, "done")
        place = self._place_of(told.pid)
        if place is not None and place.pid == told.pid:
            place.gone_ms, place.gone_pid = told.at_ms, told.pid
            place.how = "timeout: SIGABRT" if told.pid in self.aborted else told.how or "it ended"

    def _booted(self, told: Told) -> Iterator[Span]:
        if self._place_of(told.pid) is not None:
            return
        place = next((each for each in self.places if each.gone_ms is not None), None)
        if place is None:
            place = Place(len(self.places) + 1, told.pid)
            self.places.append(place)
            yield bars.came(*self.track(place, 0), told.pid, told.at_ms)
            return
        track, under = self.track(place, 0)
        replaced = Replaced(place.gone_pid, told.pid, place.gone_ms or 0.0, told.at_ms)
        self.replaced.append(replaced)
        yield bars.ended(track, under, place, told.pid)
        yield bars.respawned(track, under, replaced)
        place.before.append(place.gone_pid)
        place.pid, place.gone_ms = told.pid, None

    def _bar(self, work: Work, at_ms: float, state: SpanState) -> Iterator[Span]:
        place = self._place_of(work.pid)
        if place is not None:
            yield bars.at_work(*self.track(place, work.slot), work, at_ms, state, self.timeout_s)

    def end(self, at_ms: float, *, looked_ms: float = 0.0, alive: bool = True) -> Iterator[Span]:
        """No more will come: what is still open ends here.

        `looked_ms` is how long it was looked for what comes late, `alive` whether the master is still there.
        """
        for work in self._open.values():
            yield from self._bar(work, at_ms, "done")
            work.end_ms, work.unended = at_ms, True
        self._open.clear()
        for place in self.places:
            if place.gone_ms is not None:
                waited = max(at_ms, looked_ms) - place.gone_ms
                then = "and nobody in its place"
                if alive:
                    then = f"nobody ready {ms(waited)} later" if waited >= 1000 else "and we stopped looking"
                yield bars.ended(*self.track(place, 0), place, then=then)
        yield from self.waiting.end(at_ms)

    @property
    def unsettled(self) -> bool:
        """Whether more is on its way: of a worker that is being ended, or of a request whose client is done."""
        return any(place.gone_ms is not None or place.pid in self.aborted for place in self.places) or any(
            work.label in self._done for work in self._open.values()
        )

    def in_hand(self, at_ms: float, pid: int = 0) -> int:
        """How many requests were in the hands of workers, or of one of them, at a moment."""
        return sum(1 for work in self.works if work.lasts_at(at_ms) and pid in (0, work.pid))

    @property
    def worst(self) -> tuple[int, float]:
        """How many waited at worst, and when that began; (0, 0.0) when nobody had to."""
        return self.waiting.worst

    def most_at_once(self) -> Mapping[int, int]:
        """For each pid, how many requests it had in its hands at the same time."""
        return {
            pid: at_once([work for work in self.works if work.pid == pid])
            for pid in {work.pid for work in self.works}
        }
