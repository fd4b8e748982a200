"""`count += 1` at the level of a module, with four workers."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.telling import command, measured, note, opening, result, table
from labs.words import count, listed
from labs.workers.claims import GLOBALS
from labs.workers.client import Clients, many, said
from labs.workers.server import address_of, standing

WORKERS, REQUESTS, EACH_MS = 4, 20, 15


def show(internet: Internet) -> Iterator[Event]:
    with standing(internet, "sync", workers=WORKERS) as server:
        yield opening(f"count += 1, {REQUESTS} times", f"{WORKERS} sync workers")
        with Clients(address_of(server), many(f"/count?ms={EACH_MS}", REQUESTS, apart_ms=2)) as clients:
            asked = clients.wait()
        workers = server.workers()
    told = [
        (int(found["pid"]), int(found["count"])) for each in asked if "count" in (found := said(each.answer))
    ]
    by_pid = {pid: [number for who, number in told if who == pid] for pid in workers}
    rows = [
        Row(
            f"Worker {n} (pid {pid}) said {listed([str(v) for v in sorted(values)], 'nothing')}.",
            (f"worker {n}", f"pid {pid}", "  ".join(str(v) for v in sorted(values)) or "nothing"),
            hues=("accent", "mute", ""),
        )
        for n, (pid, values) in enumerate(by_pid.items(), 1)
    ]
    yield table(
        "globals.counts", "What each worker answered", ("worker", "pid", "the counter"), rows, named=False
    )
    largest = max((number for _, number in told), default=0)
    total = sum(max(values, default=0) for values in by_pid.values())
    yield note(
        "Each process has its own copy of the module, so it counts what it has seen itself. It is the same for a dict "
        "that is a cache, for who is logged in, and for the state of a job: what workers share lies outside of them."
    )
    yield measured(
        "workers.globals.largest", largest, f"After {REQUESTS} requests the largest count is {largest}."
    )
    used = sum(1 for values in by_pid.values() if values)
    if used < 2:
        yield GLOBALS.not_seen(f"All {REQUESTS} requests met the same worker, so there was one counter.")
    else:
        yield GLOBALS.judged(
            largest < len(told) and total == len(told),
            f"The largest count was {largest} after {len(told)} requests, and the last ones of {count(used, 'worker')} "
            f"add up to {total}.",
            largest=largest,
            total=total,
        )
    if largest < len(told):
        yield result(f"{count(used, 'counter')}, none of them right.")
    else:
        yield result("Here there was one counter for all.", "bad")
    yield command("by hand", "for i in $(seq 20); do curl -s localhost:8000/count; done")
    yield command("next", "labctl workers --show preload", "what they do share")
