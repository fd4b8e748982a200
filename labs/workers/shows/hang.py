"""A view that does not come back: what the master does about it, and what it writes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.telling import about, command, measured, note, opening, result, table
from labs.words import ms
from labs.workers.claims import TIMEOUT
from labs.workers.client import Clients, many
from labs.workers.server import address_of, standing
from labs.workers.told import became

if TYPE_CHECKING:
    from labctl.serving.child_events import ChildEvent

# The master may be more than a second late where the machine is busy.
TIMEOUT_S, HANGS_MS = 1, 3000
_WORDS = ("WORKER TIMEOUT", "was sent", "Booting worker", "Worker exiting", "exited with code")


def show(internet: Internet) -> Iterator[Event]:
    with standing(internet, "sync", workers=1, timeout_s=TIMEOUT_S) as server:
        yield opening("a view that does not come back", f"1 sync worker, --timeout {TIMEOUT_S}")
        server.events()
        with Clients(address_of(server), many(f"/wait?ms={HANGS_MS}", 1)) as clients:
            began = time.monotonic_ns()
            asked = clients.wait()[0]
            done = (asked.done_ns - began) / 1e6
            kept = server.events()
            # The client may know before we do that somebody ended the worker: the view did not come to its end.
            if done < HANGS_MS and not any(event.kind == "booted" for event in kept):
                server.wait_for("booted", timeout_s=5)
            kept += server.events()
        yield table(
            "hang.events", "", ("when", "who", "what happens"), list(_rows(kept, began, done, became(asked)))
        )
        log = server.log()
        yield from _log(log)
        abort = next((event for event in kept if event.kind == "timeout"), None)
        born = next((event for event in kept if event.kind == "booted"), None)
        yield note(
            "A sync worker touches a file before each request: its heartbeat. A view that takes too long, for whatever "
            "reason, looks like a worker that is dead. The master looks once a second, so it may be a second late."
        )
        if abort is not None and born is None:
            yield TIMEOUT.not_seen(
                f"The worker was ended after {ms((abort.at_ns - began) / 1e6)}, and nobody had come in its place yet."
            )
        elif abort is None or born is None:
            yield TIMEOUT.judged(
                False,
                f"The request was in hand for {ms(done)}, with --timeout {TIMEOUT_S}, and its worker was left alone.",
            )
        else:
            after, later = (abort.at_ns - began) / 1e6, (born.at_ns - abort.at_ns) / 1e6
            yield measured("workers.timeout.after", round(after, 1), f"SIGABRT came after {ms(after)}.", "ms")
            yield TIMEOUT.judged(
                True,
                f"SIGABRT came after {ms(after)}, with --timeout {TIMEOUT_S}; pid {born.pid} was ready {ms(later)} "
                "later.",
            )
        yield about("the client", became(asked), f"after {ms(done)}; nobody does the work again")
    yield result("--timeout is for workers that are stuck. A view that needs longer belongs in a job.")
    yield command("by hand", "gunicorn -t 1 labs.workers.apps.shop:app", "in labctl's venv")
    yield command("next", "labctl workers --show timeout", "the same for threads")


def _rows(events: list[ChildEvent], began: int, done: float, got: str) -> Iterator[Row]:
    words = {
        "begin": ("worker", "begins the request"),
        "timeout": ("worker", "gets SIGABRT from the master"),
        "gone": ("master", "learns that the worker has ended"),
        "forked": ("master", "has forked another one"),
        "booted": ("worker", "takes requests"),
        "end": ("worker", "leaves the view"),
    }
    told = [
        ((event.at_ns - began) / 1e6, *words[event.kind], event.pid)
        for event in events
        if event.kind in words
    ]
    lines = [(at, f"{who} {pid}" if who == "worker" else who, what) for at, who, what, pid in told]
    lines.append((done, "client", f"has {got}" if got != "a 200" else "has its answer"))
    for at, who, what in sorted(lines):
        yield Row(
            f"At {ms(max(0.0, at))} the {who} {what}.", (ms(max(0.0, at)), who, what), hues=("mute", "accent")
        )


def _log(log: str) -> Iterator[Event]:
    rows = []
    for line in log.splitlines():
        if any(word in line for word in _WORDS):
            said = line.partition("] ")[2] or line
            rows.append(Row(f"The log says: {said}", (said[:100],), hues=("mute",)))
    if rows:
        yield table("hang.log", "gunicorn's own log", ("line",), rows[-6:], named=False)
