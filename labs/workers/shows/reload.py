"""HUP under load: new workers, and nobody notices."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.telling import command, measured, note, opening, result, table
from labs.words import count, listed, ms
from labs.workers.claims import RELOAD
from labs.workers.client import Clients, many, said
from labs.workers.server import address_of, standing

WORKERS, REQUESTS, EACH_MS, APART_MS, HUP_AFTER_MS, GRACEFUL_S = 2, 16, 90, 45, 200, 10


def show(internet: Internet) -> Iterator[Event]:
    with standing(internet, "sync", workers=WORKERS, graceful_s=GRACEFUL_S) as server:
        yield opening("HUP under load", f"{WORKERS} sync workers, a request each {APART_MS} ms")
        before = server.workers()
        server.events()
        with Clients(address_of(server), many(f"/wait?ms={EACH_MS}", REQUESTS, apart_ms=APART_MS)) as clients:
            time.sleep(HUP_AFTER_MS / 1000)
            hup_ns = time.monotonic_ns()
            server.signal(signal.SIGHUP)
            asked = clients.wait()
        # They have --graceful-timeout, and then they are killed.
        end = time.monotonic() + GRACEFUL_S + 2
        while set(server.workers()) & set(before) and time.monotonic() < end:
            server.wait_for("gone", timeout_s=0.05, since_ns=time.monotonic_ns())
        events, after = server.events(), server.workers()
    answered = Counter(int(said(each.answer).get("pid", 0)) for each in asked if each.answered)
    lost = [each.request.label for each in asked if not each.answered]
    rows = [_row(pid, "old", before, answered, events, hup_ns) for pid in before]
    rows += [_row(pid, "new", before, answered, events, hup_ns) for pid in after if pid not in before]
    yield table(
        "reload.workers",
        f"HUP {HUP_AFTER_MS} ms after the first request",
        ("worker", "pid", "answered", "HUP"),
        rows,
    )
    yield note(
        "As documented, the master reads its configuration again, starts new workers, and asks the old ones to stop "
        "(SIGTERM): they accept nothing more, finish what they have in hand, for --graceful-timeout at most, and end. "
        "What waits in the queue is taken by the new ones."
    )
    yield note(
        "New workers import your application anew: so HUP is a deploy without a gap. With --preload it is not: the "
        "master imported it once, and new workers get the old code."
    )
    yield measured(
        "workers.reload.lost", len(lost), f"{count(len(lost), 'request')} of {REQUESTS} got lost.", "requests"
    )
    changed = not set(before) & set(after)
    gone = sum(1 for pid in before if pid not in after)
    if not changed and not lost:
        yield RELOAD.judged(
            False, f"Of the old {WORKERS} workers only {gone} had gone after {GRACEFUL_S + 2} s."
        )
    else:
        yield RELOAD.judged(
            changed and not lost,
            f"{gone} of {WORKERS} workers were changed under {REQUESTS} requests, and "
            + (
                f"{'request' if len(lost) == 1 else 'requests'} {listed(lost)} got lost."
                if lost
                else "0 requests got lost."
            ),
        )
    yield result("HUP: new processes, the same socket, the same queue.", "ok" if not lost else "bad")
    yield command("by hand", "kill -HUP $(pgrep -o gunicorn)")
    yield command("next", "labctl workers --show globals", "what workers do not share")


def _row(
    pid: int, kind: str, before: tuple[int, ...], answered: Counter[int], events: object, hup_ns: int
) -> Row:
    wanted = "gone" if kind == "old" else "booted"
    at = next((e.at_ns for e in events if e.kind == wanted and e.pid == pid), None)  # type: ignore[attr-defined]
    when = "never" if at is None else f"{ms(max(0.0, (at - hup_ns) / 1e6))} after it"
    what = f"ended {when}" if kind == "old" else f"ready {when}"
    return Row(
        f"A worker of the {kind} ones, pid {pid}: answered {answered[pid]}, {what}.",
        (kind, str(pid), str(answered[pid]), what),
        hues=("mute" if kind == "old" else "ok", "", "", "mute"),
    )
