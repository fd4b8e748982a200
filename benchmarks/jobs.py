"""Open streams by the thousand, our stream server beside Starlette's StreamingResponse on uvicorn, and a whole service.

Both hold all their streams all the time; the events go to one of them, then to the other. What is compared is the
processor time of the server's process for each event that a client gets. The whole service is in jobs_service.py.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

STREAMS = 5000
JOBS = 40
ROUNDS = 6
EVENTS = 2  # of each job, in each round
_HERE = Path(__file__).resolve().parent


class Child:
    """A process that is told lines and answers with lines."""

    def __init__(self, program: str, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(_HERE / program), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self, word: str = "") -> str:
        """The rest of the next line. Raises RuntimeError when the child is gone, or says something else."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line or not line.startswith(word):
            raise RuntimeError(f"wanted {word!r}, heard {line!r} from {self.process.args}")
        return line[len(word) :].strip()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def child(program: str, *words: str) -> Iterator[Child]:
    found = Child(program, *words)
    try:
        yield found
    finally:
        found.end()


def memory_kb(pid: int) -> int:
    """What a process has in memory and shares with nobody."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError("no Pss")


def cpu_s(server: Child) -> float:
    server.say("cpu")
    return float(server.hear("cpu"))


class Side:
    """A server with all its clients."""

    def __init__(self, stack: ExitStack, kind: str, folder: str) -> None:
        os.mkdir(folder)
        self.server = stack.enter_context(child("jobs_servers.py", kind, str(JOBS), folder))
        port = self.server.hear("port")
        pid = self.server.process.pid
        # What the first stream loads is not of the streams.
        with child("jobs_clients.py", port, "1", "1") as first:
            first.hear("open")
        before = memory_kb(pid)
        self.clients = stack.enter_context(child("jobs_clients.py", port, str(STREAMS), str(JOBS)))
        self.clients.hear("open")
        self.kb_per_stream = (memory_kb(pid) - before) / STREAMS
        self.costs_us: list[float] = []
        self.sent = 0

    def turn(self) -> None:
        self.sent += STREAMS * EVENTS
        before = cpu_s(self.server)
        self.clients.say(f"until {self.sent}")
        self.server.say(f"put {EVENTS}")
        self.server.hear("put")
        self.clients.hear("at")
        self.costs_us.append((cpu_s(self.server) - before) / (STREAMS * EVENTS) * 1e6)

    def end(self) -> dict[str, float]:
        self.clients.say("end")
        told = json.loads(self.clients.hear())
        lost = STREAMS * ROUNDS * EVENTS - told["events"]
        assert (lost, told["wrong"], told["shortest"]) == (0, 0, ROUNDS * EVENTS)
        return {"lost": lost, "wrong": told["wrong"], "median_ms": statistics.median(told["waited_ms"])}


def streams() -> list[tuple[str, str, str]]:
    """Rows of (what, figure, goal)."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ours, theirs = (Side(stack, kind, f"{folder}/{kind}") for kind in ("ours", "starlette"))
        for number in range(ROUNDS):
            for side in (ours, theirs) if number % 2 else (theirs, ours):
                side.turn()
        ended = [side.end() for side in (ours, theirs)]
    ratios = [a / b for a, b in zip(ours.costs_us, theirs.costs_us, strict=True)]
    costs = [statistics.median(side.costs_us) for side in (ours, theirs)]
    what = f"{STREAMS:,} streams of {JOBS} jobs"
    return [
        (f"{what}: processor time of a delivery, to Starlette on uvicorn", f"{statistics.median(ratios):.2f}", "0.5"),
        ("(the worst round of it)", f"{max(ratios):.2f}", ""),
        ("(microseconds: ours, Starlette)", f"{costs[0]:.1f}, {costs[1]:.1f}", ""),
        ("(memory of a stream, kB: ours, Starlette)", f"{ours.kb_per_stream:.1f}, {theirs.kb_per_stream:.1f}", ""),
        ("(from the write to the clients, median ms: ours, Starlette)",
         f"{ended[0]['median_ms']:.1f}, {ended[1]['median_ms']:.1f}", ""),
        ("(events lost or doubled: ours, Starlette)", f"{ended[0]['lost']}, {ended[1]['lost']}", "0"),
    ]  # fmt: skip


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, figure, goal)."""
    if not sys.platform.startswith("linux"):
        return [("open streams", "not measured: needs /proc", "")]
    import jobs_service

    return [*streams(), *jobs_service.report()]


if __name__ == "__main__":
    sys.path.insert(0, str(_HERE.parent))
    for row in report():
        print(*row, sep="  |  ")
