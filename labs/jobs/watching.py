"""One job and its stream, watched: rows of the rail as they happen, and what is left to judge."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from labctl.events import Event
from labs.jobs.rail import Got, Rail, read, written_at
from labs.jobs.stage import Reply, Stage
from labs.words import listed

# In the middle of a step.
_LATER_S = 0.15
# A replay comes at once: behind so much silence it is none.
_REPLAY_S = 0.3
# Less than this is on its way.
_LATE_S = 0.1


@dataclass
class Watched:
    """What a client saw of its stream. Times in monotonic seconds; `asked`: Last-Event-ID of each connection."""

    reply: Reply
    job_id: str
    steps: int
    got: list[Got] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    opened_at: list[float] = field(default_factory=list)
    # When the last one of them was answered.
    answered_at: float = 0.0
    lost_at: list[float] = field(default_factory=list)
    waits_ms: list[int] = field(default_factory=list)
    # Of the last complete event when the connection was lost.
    last_id: str = ""
    away: int = 0
    closed: int | None = None
    given_up: bool = False

    @property
    def sent(self) -> int:
        """started, a progress for each step, done."""
        return self.steps + 2

    @property
    def done(self) -> bool:
        return any(each.type == "done" for each in self.got)

    @property
    def different(self) -> int:
        return len({each.key for each in self.got})

    @property
    def twice(self) -> int:
        return len(self.got) - self.different

    @property
    def missing(self) -> int:
        return max(0, self.sent - self.different)

    @property
    def once(self) -> bool:
        """Each event, once, in order, with ids 0, 1, 2 and so on."""
        return [each.id for each in self.got] == [str(number) for number in range(self.sent)] and self.done


def watch(
    stage: Stage,
    rail: Rail,
    seen: Watched,
    step_s: float,
    *,
    disturb_after: int,
    disturb: Callable[[Got], Iterator[Event]],
    most_s: float,
    lost: str = "the job does not notice",
) -> Iterator[Event]:
    """The rows of the stream; `seen` is filled. `disturb` is called in mid-step, behind that many events and one.

    `lost` is what there is to say of a lost connection. After `most_s` seconds nobody waits any more.
    """
    from labctl.jobs.eventsource import Closed, Lost, Message, Opened

    disturbed = False
    with stage.stream(seen.job_id, wired=True) as source:
        timer = threading.Timer(most_s, source.close)
        timer.daemon = True
        timer.start()
        try:
            for each in source:
                now = time.monotonic()
                if isinstance(each, Opened):
                    yield from _opened(stage, rail, seen, now, step_s)
                elif isinstance(each, Message):
                    got = read(each.type, each.data, each.last_event_id)
                    late = _late(stage, seen, got, step_s)
                    twice = got.key in {other.key for other in seen.got}
                    seen.got.append(got)
                    yield rail.event(got, late, twice)
                    if got.type in ("done", "failed", "cancelled"):
                        break
                    if not disturbed and len(seen.got) > disturb_after:
                        disturbed = True
                        time.sleep(_LATER_S)
                        yield from disturb(got)
                elif isinstance(each, Lost):
                    if len(seen.lost_at) == len(seen.opened_at):
                        # A connection that was never open.
                        continue
                    seen.lost_at.append(now)
                    seen.waits_ms.append(each.wait_ms)
                    seen.last_id = seen.got[-1].id if seen.got else ""
                    yield rail.lost(now, lost)
                else:
                    assert isinstance(each, Closed)
                    seen.closed = each.status
            seen.given_up = not seen.done and seen.closed is None
        finally:
            timer.cancel()
            timer.join()


def _opened(stage: Stage, rail: Rail, seen: Watched, now: float, step_s: float) -> Iterator[Event]:
    heads = [head for head in stage.wire.heads() if head.line.startswith("GET ") and "/stream" in head.line]
    asked = heads[-1].fields.get("last-event-id", "") if heads else ""
    again = bool(seen.opened_at)
    at = heads[-1].at if heads else now
    if again:
        yield from _away(stage, rail, seen, at, step_s)
    seen.asked.append(asked)
    seen.opened_at.append(at)
    seen.answered_at = now
    yield rail.opened(at, asked, again)


def _away(stage: Stage, rail: Rail, seen: Watched, at: float, step_s: float) -> Iterator[Event]:
    """What happened between two connections, as the ledger of steps tells."""
    lost = seen.lost_at[-1]
    ledger = stage.ledger(seen.job_id)
    ended = []
    for step in range(seen.steps):
        when = written_at(Got(0.0, "", "progress", step, None), ledger, step_s, seen.steps)
        if when is not None and lost < when < at:
            ended.append(str(step + 1))
    seen.away = len(ended)
    if ended:
        events = f"event {ended[0]} happens" if len(ended) == 1 else f"events {listed(ended)} happen"
        yield rail.away(f"{events} while nobody listens")
    else:
        yield rail.away("nothing happens meanwhile")
    wait = seen.waits_ms[-1] if seen.waits_ms else 0
    if abs((at - lost) * 1000 - wait) < 400:
        asked = wait == stage.service.settings.retry_ms
        why = f", as the server's retry: {wait} asked" if asked else ", its default"
        yield rail.away(f"the client waits {wait / 1000:.1f} s{why}")
    else:
        yield rail.away(f"the client waits {wait / 1000:.1f} s, and has an answer after {at - lost:.1f} s")


def _late(stage: Stage, seen: Watched, got: Got, step_s: float) -> float | None:
    """How long an event was there before the connection on which it came; None for one that is live."""
    if len(seen.opened_at) < 2 or got.at - seen.answered_at > _REPLAY_S:
        return None
    when = written_at(got, stage.ledger(seen.job_id), step_s, seen.steps)
    late_s = got.at - when if when is not None and when < seen.answered_at else 0.0
    return late_s if late_s >= _LATE_S else None
