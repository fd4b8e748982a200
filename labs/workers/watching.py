"""One run of a plan against a server that stands: spans while it goes on, and what there was to see."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from labctl.events import Span
from labs.workers.board import Board
from labs.workers.client import Asked, Clients
from labs.workers.happening import Told, Work
from labs.workers.server import address_of, label_in

if TYPE_CHECKING:
    from labctl.serving.child_events import ChildEvent
    from labctl.serving.standing import Standing
    from labs.workers.plan import Request

_POLL_S = 0.05
# What has happened is told this much later, so that what comes over two ways is in order.
_BEHIND_MS = 40.0
_SETTLES_S = 3.0


class Watched(NamedTuple):
    """A run that is over: who asked, who worked, and the board with the queue."""

    asked: tuple[Asked, ...]
    works: tuple[Work, ...]
    board: Board
    lasted_ms: float

    def work(self, label: str) -> Work | None:
        """The (last) work on a request; None when nobody began it."""
        return next((each for each in reversed(self.works) if each.label == label), None)


def watch(
    server: Standing, requests: Sequence[Request], threads: int, timeout_s: int, *, most_s: float
) -> Iterator[Span | Watched]:
    """Send the requests and yield spans as things happen; the last thing is a Watched. Ends after `most_s`."""
    board = Board(server.workers(), threads, server.kind, timeout_s)
    server.events()
    heap: list[Told] = []
    seen: set[tuple[str, str]] = set()
    yield from board.idle()
    with Clients(address_of(server), requests, patience_s=most_s) as clients:
        began = clients.began_ns
        while True:
            over = clients.finished or (time.monotonic_ns() - began) / 1e9 > most_s or not server.alive()
            if not over:
                time.sleep(_POLL_S)
            heap += _of_clients(clients, seen, began)
            heap += [told for event in server.events() if (told := _of_server(event, began)) is not None]
            heap.sort(key=lambda told: told.at_ms)
            until = (time.monotonic_ns() - began) / 1e6 - (0.0 if over else _BEHIND_MS)
            while heap and heap[0].at_ms <= until:
                yield from board.feed(heap.pop(0))
            yield from board.overdue(until)
            if over:
                break
        asked = tuple(clients.asked())
        # A worker that was ended last has its successor in a moment.
        end = time.monotonic() + _SETTLES_S
        while board.unsettled and time.monotonic() < end and server.alive():
            time.sleep(_POLL_S / 5)
            for event in server.events():
                if (late := _of_server(event, began)) is not None:
                    yield from board.feed(late)
    last = max([each.done_ns for each in asked if each.done_ns] or [time.monotonic_ns()])
    looked = (time.monotonic_ns() - began) / 1e6
    # Who has no answer has waited until now.
    whole = sum(1 for each in asked if each.answer) == len(requests)
    lasted = (last - began) / 1e6 if whole else looked
    until = max([lasted, *(work.end_ms or 0.0 for work in board.works)])
    yield from board.end(until, looked_ms=looked, alive=server.alive())
    yield Watched(asked, tuple(board.works), board, lasted)


def _of_clients(clients: Clients, seen: set[tuple[str, str]], began: int) -> list[Told]:
    found = []
    for asked in clients.asked():
        label = asked.request.label
        for kind, at in (("sent", asked.sent_ns), ("done", asked.done_ns)):
            if at and (kind, label) not in seen:
                seen.add((kind, label))
                found.append(Told((at - began) / 1e6, kind, label=label))
    return found


def _of_server(event: ChildEvent, began: int) -> Told | None:
    if event.kind not in ("begin", "end", "timeout", "gone", "booted"):
        return None
    return Told(
        (event.at_ns - began) / 1e6,
        event.kind,
        event.pid,
        label_in(event) if event.kind == "begin" else "",
        int(event.data.get("id") or 0),
        str(event.data.get("raised") or ""),
        how_it_ended(event) if event.kind == "gone" else "",
    )


def how_it_ended(event: ChildEvent) -> str:
    """The end of a process in a few words: `kill -9`, `SIGSEGV`, `exit status 7`."""
    number = int(event.data.get("signal") or 0)
    if not number:
        return f"exit status {event.data.get('status')}"
    if number == signal.SIGKILL:
        return "kill -9"
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def works_in(events: Sequence[ChildEvent]) -> list[Work]:
    """The requests whose begin and end are among these, in the order of their ends; milliseconds of the machine."""
    begun: dict[tuple[int, object], float] = {}
    works = []
    for event in events:
        key = event.pid, event.data.get("id")
        if event.kind == "begin":
            begun[key] = event.at_ns / 1e6
        elif event.kind == "end" and key in begun:
            works.append(Work(label_in(event), event.pid, 0, begun[key], begun[key], event.at_ns / 1e6))
    return works
