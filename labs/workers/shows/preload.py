"""What workers share: --preload, copy-on-write, and how reading undoes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.telling import command, measured, note, opening, result, table, warning
from labs.workers.claims import PRELOAD, READING_WRITES
from labs.workers.client import Clients, many, said
from labs.workers.processes import mb, memory_of
from labs.workers.server import address_of, standing

if TYPE_CHECKING:
    from labctl.serving.standing import Standing

WORKERS, ITEMS = 4, 200_000
_PARTS = (
    ("apart", "no --preload", "each worker imported the application by itself"),
    ("shared", "--preload", "the master imported it, then forked"),
    ("read", "after reading", "each worker has gone through the list once"),
)


def show(internet: Internet) -> Iterator[Event]:
    yield opening(f"a list of {ITEMS:,} texts in {WORKERS} workers", "Pss, as Linux counts it")
    found: dict[str, tuple[float, float]] = {}
    env = {"LABCTL_WORKERS_ITEMS": str(ITEMS)}
    with standing(internet, "sync", workers=WORKERS, env=env) as server:
        found["apart"] = _sum(server)
    with standing(internet, "sync", workers=WORKERS, env=env, preload=True) as server:
        found["shared"] = _sum(server)
        read = _all_read(server)
        found["read"] = _sum(server)
    if not all(pss for pss, _ in found.values()):
        yield warning(
            "This system does not tell what processes share; Linux does, in /proc/PID/smaps_rollup."
        )
        for claim in (PRELOAD, READING_WRITES):
            yield claim.not_seen("Shared memory cannot be told from private memory here.")
        yield command("next", "labctl workers --show globals")
        return
    most = max(pss for pss, _ in found.values())
    rows = [
        Row(
            f"{title}: {mb(found[part][0])} in all (Pss); the sum of Rss says {mb(found[part][1])}: {remark}.",
            (title, mb(found[part][0]), f"Rss says {mb(found[part][1])}"),
            share=found[part][0] / most,
            hues=("", "", "mute", "ok" if part == "shared" else "warn"),
        )
        for part, title, remark in _PARTS
    ]
    shown = table(
        "preload.memory", f"Master and {WORKERS} workers together", ("", "Pss", "Rss"), rows, named=False
    )
    yield replace(shown, form="shares")
    yield note(
        "Rss counts a shared page in each process, so its sum says too much. Pss divides a page by those who have it."
    )
    yield note(
        "fork copies no memory: pages are shared until somebody writes to one. Python writes when it reads, since each "
        "object holds the count of its references, and the page with it is copied. Large data that many workers read "
        "lie better in one block (bytes, an array, a mapped file) or outside of Python."
    )
    for part, title, _ in _PARTS:
        yield measured(
            f"workers.memory.{part}", mb(found[part][0]), f"Memory, {title}: {mb(found[part][0])}."
        )
    apart, shared, after = (found[part][0] for part, _, _ in _PARTS)
    yield PRELOAD.judged(
        shared < 0.75 * apart,
        f"{mb(apart)} without --preload, {mb(shared)} with it, for the same list in {WORKERS} workers.",
    )
    if read < WORKERS:
        yield READING_WRITES.not_seen(f"Only {read} of {WORKERS} workers were met by a request that reads.")
    else:
        yield READING_WRITES.judged(
            after - shared > 0.5 * (apart - shared) if shared < 0.75 * apart else after > 1.3 * shared,
            f"{mb(shared)} before, and {mb(after)} after each of {WORKERS} workers had only read the list.",
        )
    if shared < 0.75 * apart:
        yield result("--preload saves memory for what nobody touches, and the time of importing.")
    else:
        yield result("Here --preload saved no memory.", "bad")
    yield command("by hand", "grep Pss: /proc/$(pgrep -n gunicorn)/smaps_rollup")
    yield command("next", "labctl workers --show backlog", "what happens when all are busy")


def _sum(server: Standing) -> tuple[float, float]:
    """Pss and Rss of the master and all workers, in kB; (0, 0) where it is not told."""
    parts = [memory_of(pid) for pid in (server.pid, *server.workers())]
    if any(each is None for each in parts):
        return 0.0, 0.0
    return sum(p.pss_kb for p in parts if p), sum(p.rss_kb for p in parts if p)


def _all_read(server: Standing) -> int:
    """Requests until each worker has read; how many have."""
    met: set[int] = set()
    for _ in range(8):
        with Clients(address_of(server), many("/read?ms=40", WORKERS)) as clients:
            met |= {int(said(each.answer).get("pid", 0)) for each in clients.wait()} - {0}
        if len(met) >= WORKERS:
            break
    return len(met)
