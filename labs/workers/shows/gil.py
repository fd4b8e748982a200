"""Two requests that compute, in two threads and in two processes: who waits for what."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labs.telling import about, command, measured, note, opening, result, table
from labs.words import ms
from labs.workers.claims import GIL, RELEASED
from labs.workers.client import Clients, many, said
from labs.workers.server import address_of, standing

if TYPE_CHECKING:
    from labctl.serving.standing import Standing

TWO, EACH_MS = 2, 160
# A thread that the lock keeps waiting is blocked half of its time, one that nobody keeps waiting never is.
_BLOCKED, _NOT_BLOCKED = 0.3, 0.15
_SCRIPT = Path(__file__).resolve().parents[1] / "apps" / "two_threads.py"


class Ran(NamedTuple):
    """Two at once. Parts of their time: on a core, waiting for a core, blocked; None where it is not told."""

    how: str
    what: str
    took_ms: float
    on_core: float | None
    for_core: float | None
    blocked: float | None


def show(internet: Internet) -> Iterator[Event]:
    yield opening(f"{TWO} requests that compute for {EACH_MS} ms each, at once", "threads and processes")
    with standing(internet, "gthread", workers=1, threads=TWO) as server:
        has_gil = _said_once(server, "/gil").get("gil", True)
        loops = _run(server, "two threads", "a loop in Python", "/loop")
        hashes = _run(server, "two threads", "sha256 of 4 MB", "/digest")
        beside, alone = _beside(server)
    with standing(internet, "sync", workers=TWO) as server:
        apart = _run(server, "two processes", "a loop in Python", "/loop")
    found = [loops, apart, hashes]
    yield table(
        "gil.two",
        "",
        ("where", "what", "both done", "on a core", "wait for a core", "blocked by the lock"),
        [_row(each) for each in found],
    )
    yield note(
        "Linux counts for each thread how long it was on a core and how long it was ready and waited for one. What is "
        "left of a request that only computes is being blocked, here by the lock of the interpreter. A busy machine "
        "makes all three slower, and it blocks nobody."
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
        return said(clients.wait(10)[0].answer)


def _run(server: Standing, how: str, what: str, path: str) -> Ran:
    with Clients(address_of(server), many(f"{path}?ms={EACH_MS}", TWO)) as clients:
        asked = clients.wait(30)
    took = (max(each.done_ns for each in asked) - min(each.sent_ns for each in asked)) / 1e6
    told = [said(each.answer) for each in asked]
    if not all("core_ms" in each for each in told):
        return Ran(how, what, took, None, None, None)
    wall = sum(each["wall_ms"] for each in told)
    on_core = sum(each["core_ms"] for each in told) / wall
    for_core = sum(each["for_core_ms"] for each in told) / wall
    return Ran(how, what, took, on_core, for_core, max(0.0, 1 - on_core - for_core))


def _beside(server: Standing) -> tuple[float, float]:
    """Medians of an answer that needs nothing, with and without a thread that computes beside it, in ms."""

    def median() -> float:
        with Clients(address_of(server), many("/", 7, apart_ms=12)) as clients:
            return sorted(each.took_ms for each in clients.wait(10))[3]

    alone = median()
    with Clients(address_of(server), many("/loop?ms=120", 1)) as hog:
        beside = median()
        hog.wait(10)
    return beside, alone


def _row(ran: Ran) -> Row:
    parts = [
        "not told" if each is None else f"{each:.0%}" for each in (ran.on_core, ran.for_core, ran.blocked)
    ]
    hue: Hue = "bad" if (ran.blocked or 0) > _BLOCKED else "ok"
    return Row(
        f"{ran.how.capitalize()}, {ran.what}: {ms(ran.took_ms)}; on a core {parts[0]}, waiting for one {parts[1]}, "
        f"blocked {parts[2]}.",
        (ran.how, ran.what, ms(ran.took_ms), *parts),
        hues=("accent", "", "", "mute", "mute", hue),
    )


def _judged(loops: Ran, hashes: Ran, has_gil: bool) -> Iterator[Event]:
    if loops.blocked is None or hashes.blocked is None:
        for claim in (GIL, RELEASED):
            yield claim.not_seen("This system does not tell what a thread waits for; Linux does (schedstat).")
        return
    blocked, other = round(100 * loops.blocked), round(100 * hashes.blocked)
    yield measured(
        "workers.gil.blocked", blocked, f"The two loops were blocked for {blocked}% of their time.", "%"
    )
    yield measured(
        "workers.gil.digest", other, f"The two digests were blocked for {other}% of their time.", "%"
    )
    if not has_gil:
        yield GIL.not_seen(
            "This Python has no such lock (a free-threaded build), so nothing is kept waiting by it."
        )
    elif _NOT_BLOCKED < loops.blocked < _BLOCKED:
        yield GIL.not_seen(
            f"The machine was too busy to tell: {blocked}% blocked is neither half nor nothing."
        )
    else:
        yield GIL.judged(
            loops.blocked >= _BLOCKED,
            f"Two threads with a loop in Python were blocked for {blocked}% of their time.",
            blocked=blocked,
        )
    if _NOT_BLOCKED < hashes.blocked < _BLOCKED:
        yield RELEASED.not_seen(
            f"The machine was too busy to tell: {other}% blocked is neither half nor nothing."
        )
    else:
        yield RELEASED.judged(
            hashes.blocked <= _NOT_BLOCKED,
            f"Two threads with sha256 of large pieces were blocked for {other}% of their time.",
            blocked=other,
        )


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
