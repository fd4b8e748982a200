"""Two requests that compute, in two threads and in two processes: who waits for what."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from labctl.errors import CannotRun
from labctl.events import Claim, Event, Hue, Row
from labctl.internet import Internet
from labs.telling import about, command, measured, note, opening, result, table
from labs.words import ms
from labs.workers.claims import GIL, RELEASED
from labs.workers.client import Clients, many, said
from labs.workers.server import address_of, standing

if TYPE_CHECKING:
    from labctl.serving.standing import Standing

TWO, EACH_MS, MEET_MS = 2, 160, 60
# One of two that share a lock is blocked for as long as it computes itself; who shares none is never blocked.
_BLOCKED, _NOT_BLOCKED = 0.5, 0.4
# Two that hardly meet do not block each other, whatever they are.
_TOGETHER = 0.6
_SCRIPT = Path(__file__).resolve().parents[1] / "apps" / "two_threads.py"


class Ran(NamedTuple):
    """Two at once. Milliseconds of one request, on average: on a core, waiting for a core, blocked; -1 if not told.

    `together` is the part of the shorter one's time in which both were in hand.
    """

    how: str
    what: str
    took_ms: float
    together: float
    on_core_ms: float = -1.0
    for_core_ms: float = -1.0
    blocked_ms: float = -1.0

    @property
    def told(self) -> bool:
        """Whether this system tells what a thread waits for."""
        return self.on_core_ms > 0

    @property
    def kept(self) -> float:
        """How long it was blocked, for each millisecond on a core. Waiting for a core is not in it."""
        return self.blocked_ms / self.on_core_ms


def show(internet: Internet) -> Iterator[Event]:
    yield opening(f"{TWO} requests that compute {EACH_MS} ms each", "threads and processes")
    with standing(internet, "gthread", workers=1, threads=TWO) as server:
        has_gil = _said_once(server, "/gil").get("gil", True)
        loops = _run(server, "2 threads", "a loop", "/loop")
        hashes = _run(server, "2 threads", "sha256", "/digest")
        beside, alone = _beside(server)
    with standing(internet, "sync", workers=TWO) as server:
        apart = _run(server, "2 processes", "a loop", "/loop")
    found = [loops, apart, hashes]
    yield table(
        "gil.two",
        "",
        ("where", "what", "both done", "on a core", "no core", "blocked"),
        [_row(each) for each in found],
    )
    yield note(
        "Linux counts for each thread how long it was on a core, and how long it was ready and there was no core. What "
        "is left of a request that only computes is being blocked, here by the lock of the interpreter. A busy machine "
        "has no core to give, and it blocks nobody. The sha256 is of pieces of 16 MB, in C."
    )
    yield about(
        "beside it",
        f"a request that only answers took {ms(alone)}, and {ms(beside)} while another thread computed",
        "(medians; a thread keeps the lock for up to 5 ms)",
    )
    yield from _judged(loops, hashes, bool(has_gil))
    yield from _free_threaded()
    yield result("Threads for waiting, processes for computing in Python.")
    yield command("by hand", 'python -c "import sys; print(sys._is_gil_enabled())"', "Python 3.13 and later")
    yield command("next", "labctl workers --show formula", "how many workers, then?")


def _said_once(server: Standing, target: str) -> dict[str, object]:
    with Clients(address_of(server), many(target, 1)) as clients:
        return said(clients.wait()[0].answer)


def _run(server: Standing, how: str, what: str, path: str) -> Ran:
    # They begin to compute at the same moment, however late one of them arrives.
    moment = time.monotonic_ns() + int(MEET_MS * 1e6)
    with Clients(address_of(server), many(f"{path}?ms={EACH_MS}&at={moment}", TWO)) as clients:
        told = [said(each.answer) for each in clients.wait()]
    if len(told) < TWO or not all("from_ms" in each for each in told):
        raise CannotRun(
            "server-ended", f"the {TWO} requests for {what} did not both get the answer of the application"
        )
    spans = [(float(each["from_ms"]), float(each["from_ms"]) + float(each["wall_ms"])) for each in told]
    begun, ended = zip(*spans, strict=True)
    took = max(ended) - min(begun)
    together = (min(ended) - max(begun)) / min(end - begin for begin, end in spans)
    if not all("core_ms" in each for each in told):
        return Ran(how, what, took, together)
    wall, on_core, for_core = (
        sum(float(each[name]) for each in told) / len(told) for name in ("wall_ms", "core_ms", "for_core_ms")
    )
    return Ran(how, what, took, together, on_core, for_core, max(0.0, wall - on_core - for_core))


def _beside(server: Standing) -> tuple[float, float]:
    """Medians of an answer that needs nothing, with and without a thread that computes beside it, in ms."""

    def median() -> float:
        with Clients(address_of(server), many("/", 7, apart_ms=12)) as clients:
            return sorted(each.took_ms for each in clients.wait())[3]

    alone = median()
    with Clients(address_of(server), many("/loop?ms=120", 1)) as hog:
        beside = median()
        hog.wait()
    return beside, alone


def _row(ran: Ran) -> Row:
    parts = [
        ms(each) if ran.told else "not told" for each in (ran.on_core_ms, ran.for_core_ms, ran.blocked_ms)
    ]
    said = "what they waited for is not told"
    if ran.told:
        said = f"each was on a core for {parts[0]}, had none for {parts[1]}, and was blocked for {parts[2]}"
    hue: Hue = "bad" if ran.told and ran.kept >= _BLOCKED else "ok"
    return Row(
        f"In {ran.how}, {ran.what}: both done after {ms(ran.took_ms)}; {said}.",
        (ran.how, ran.what, ms(ran.took_ms), *parts),
        hues=("accent", "", "", "mute", "mute", hue),
    )


def _judged(loops: Ran, hashes: Ran, has_gil: bool) -> Iterator[Event]:
    if not (loops.told and hashes.told):
        for claim in (GIL, RELEASED):
            yield claim.not_seen("This system does not tell what a thread waits for; Linux does (schedstat).")
        return
    for name, ran in (("loop", loops), ("digest", hashes)):
        yield measured(
            f"workers.gil.{name}",
            round(ran.blocked_ms, 1),
            f"In two threads, {ran.what} was blocked for {ms(ran.blocked_ms)}.",
            "ms",
        )
    if not has_gil:
        yield GIL.not_seen(
            "This Python has no such lock (a free-threaded build), so nothing is kept waiting by it."
        )
    else:
        yield _verdict(GIL, loops, "a loop in Python", loops.kept >= _BLOCKED)
    yield _verdict(RELEASED, hashes, "sha256 of large pieces", hashes.kept <= _NOT_BLOCKED)


def _verdict(claim: Claim, ran: Ran, what: str, held: bool) -> Event:
    said = f"Two threads with {what}: each computed for {ms(ran.on_core_ms)} and was blocked for {ms(ran.blocked_ms)}."
    if ran.kept < _BLOCKED and (ran.kept > _NOT_BLOCKED or ran.together < _TOGETHER):
        return claim.not_seen(f"The machine was too busy to tell. {said}")
    return claim.judged(held, said)


def _free_threaded() -> Iterator[Event]:
    """The loop in a Python without the lock, when there is one on PATH."""
    names = [f"python3.{minor}t" for minor in range(20, 12, -1)]
    program = next((path for name in names if (path := shutil.which(name))), None)
    if program is None:
        yield note(
            "Since 3.13 there are builds of Python without the lock (python3.13t, supported since 3.14). None of them "
            "is on this PATH, so it is not shown here."
        )
        return
    try:
        out = subprocess.run(  # noqa: S603  # a Python on PATH, our own program
            [program, str(_SCRIPT), str(EACH_MS)], capture_output=True, timeout=20, check=True
        ).stdout
        told = json.loads(out)
        part = f"{told['blocked']:.0%}"
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        yield note(f"{Path(program).name} is on this PATH, and could not be asked.")
        return
    lock = "with the lock" if told.get("gil") else "without the lock"
    yield about(Path(program).name, f"{lock}: two threads with the loop are blocked for {part} of their time")
