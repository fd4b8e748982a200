"""One question for each worker model: 20 requests that wait 50 ms, and how long until all are answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.telling import command, measured, note, opening, result, table
from labs.words import count, ms
from labs.workers.claims import MODELS
from labs.workers.happening import at_once
from labs.workers.processes import mb, memory_of
from labs.workers.queueing import makespan_ms
from labs.workers.server import standing
from labs.workers.watching import Watched, watch

REQUESTS, EACH_MS = 20, 50
# kind, workers, threads
MODELS_SHOWN = (("sync", 1, 1), ("sync", 2, 1), ("sync", 4, 1), ("gthread", 1, 4))


class Model(NamedTuple):
    """A model as it was measured. `most` is how many requests were in progress at the same time."""

    kind: str
    workers: int
    threads: int
    took_ms: float
    most: int
    memory_kb: float

    @property
    def slots(self) -> int:
        """Workers times threads."""
        return self.workers * self.threads

    @property
    def name(self) -> str:
        """`sync, 4 workers`."""
        if self.kind == "sync":
            return f"sync, {count(self.workers, 'worker')}"
        return f"gthread, {self.workers} x {self.threads}"

    @property
    def theory_ms(self) -> float:
        """Whole rounds of as many as there are slots."""
        return makespan_ms(REQUESTS, self.slots, EACH_MS)


def measure(internet: Internet, kind: str, workers: int, threads: int) -> Model:
    """Start it, wait for all its workers, ask for everything at once. Raises CannotRun."""
    from labs.workers.client import many

    with standing(internet, kind, workers=workers, threads=threads) as server:
        memory = sum(
            each.pss_kb for pid in (server.pid, *server.workers()) if (each := memory_of(pid)) is not None
        )
        requests = many(f"/wait?ms={EACH_MS}", REQUESTS)
        seen = next(
            each for each in watch(server, requests, threads, 30, most_s=20.0) if isinstance(each, Watched)
        )
    first = min(each.sent_ns for each in seen.asked)
    took = (max(each.done_ns for each in seen.asked) - first) / 1e6
    return Model(kind, workers, threads, took, at_once(seen.board.works), memory)


def show(internet: Internet) -> Iterator[Event]:
    yield opening(f"{REQUESTS} requests of {EACH_MS} ms at once", "they wait, as for a database")
    found = [measure(internet, *each) for each in MODELS_SHOWN]
    longest = max(each.took_ms for each in found)
    shown = table("models.waiting", "", ("", "", ""), [_row(each, longest) for each in found], named=False)
    yield replace(shown, form="shares")
    yield note(
        f"Theory: ceil({REQUESTS} / N) rounds of {EACH_MS} ms, N being workers x threads. Processes and threads are "
        "equally good at waiting. They differ in memory, and in what a crash takes along."
    )
    for each in found:
        yield measured(
            f"workers.models.{each.kind}-{each.workers}x{each.threads}",
            round(each.took_ms, 1),
            f"{each.name}: {ms(each.took_ms)}, and theory says {ms(each.theory_ms)}.",
            "ms",
        )
    right = [each for each in found if each.most == each.slots]
    told = (
        f"In {len(right)} of {len(found)} models as many requests were in progress as there are workers x threads: "
        + ", ".join(f"{each.most} of {each.slots}" for each in found)
        + "."
    )
    # Some of several at the same time, and never all of them: that is a machine that does not get round to it.
    if any(1 < each.most < each.slots for each in found):
        yield MODELS.not_seen(f"The machine was too busy to tell. {told}")
    else:
        yield MODELS.judged(len(right) == len(found), told, right=len(right))
    if len(right) == len(found):
        less = ", with less memory" if found[-1].memory_kb < found[-2].memory_kb else ""
        yield result(f"For waiting, threads do what processes do{less}.")
    else:
        yield result("A number that was asked for is not a number that was there.", "warn")
    yield command("by hand", "for i in $(seq 20); do curl -s localhost:8000 & done; time wait")
    yield command("next", "labctl workers --show gil", "the same for work that computes")


def _row(model: Model, longest: float) -> Row:
    memory = f", {mb(model.memory_kb)}" if model.memory_kb else ""
    return Row(
        f"{model.name}: {ms(model.took_ms)}, theory {ms(model.theory_ms)}; {model.most} at once{memory}.",
        (model.name, ms(model.took_ms), f"theory {ms(model.theory_ms)}{memory}"),
        share=model.took_ms / longest,
        hues=("", "", "mute", "accent"),
    )
