"""How close a demonstration of worker models comes to theory: 20 requests of 50 ms, all at once, ceil(20 / N) rounds.

gunicorn is started by the lab's own code, and asked when all of its workers take requests: the first answer of a
server that is still starting is what makes such figures look bad. Each model is measured in turn, `ROUNDS` times;
the figure is the median of measured / theory, the worst round beside it. N requests are in the hands of workers at
the same time whoever accepts them, so uneven accepting costs nothing here: a free worker takes the next one from the
kernel's queue. How the requests of the last round were dealt out is told beside the figures.

A second way, with a client that keeps just N in flight, tells what the burst itself costs.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from labctl.serving.asking import Address, ask
from labctl.serving.standing import stand
from labs.workers.client import Clients, many, said
from labs.workers.queueing import makespan_ms
from labs.workers.server import address_of, shop

ROUNDS, PACED, SHOWN, REQUESTS, EACH_MS = 5, 3, 2, 20, 50
MODELS = (("sync", 1, 1), ("sync", 2, 1), ("sync", 4, 1), ("sync", 5, 1), ("gthread", 1, 4))


def burst(address: Address) -> tuple[float, list[int]]:
    """All at once. Milliseconds from the first request to the last answer, and requests for each worker."""
    with Clients(address, many(f"/wait?ms={EACH_MS}", REQUESTS)) as clients:
        asked = clients.wait(30)
    assert all(each.answered for each in asked)
    took = (max(each.done_ns for each in asked) - min(each.sent_ns for each in asked)) / 1e6
    return took, sorted(Counter(said(each.answer)["pid"] for each in asked).values())


def paced(address: Address, slots: int) -> float:
    """The same with `slots` clients, each of which asks again when it has its answer. Milliseconds."""
    left, lock = [REQUESTS], threading.Lock()

    def one() -> None:
        while True:
            with lock:
                if not left[0]:
                    return
                left[0] -= 1
            assert ask(address, f"/wait?ms={EACH_MS}").status == 200

    threads = [threading.Thread(target=one) for _ in range(slots)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.monotonic() - began) * 1000


def demonstration_s() -> float:
    """The whole command, as a user would type it, in seconds."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "labctl", "workers", "--show", "models", "--plain", "--phase", "observe"]
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, env=environment, timeout=60)
    return time.monotonic() - began


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, figure, goal)."""
    try:
        import gunicorn  # noqa: F401
    except ImportError:
        return [("makespan of 20 requests of 50 ms, to theory", "not measured: needs gunicorn", "1.10")]
    rows = []
    for kind, workers, threads in MODELS:
        slots = workers * threads
        theory = makespan_ms(REQUESTS, slots, EACH_MS)
        with stand(shop(), kind, workers=workers, threads=threads) as server:  # type: ignore[arg-type]
            address = address_of(server)
            bursts = [burst(address) for _ in range(ROUNDS)]
            pace = statistics.median(paced(address, slots) for _ in range(PACED))
        ratios = [took / theory for took, _ in bursts]
        dealt = f", dealt out {'/'.join(map(str, bursts[-1][1]))}" if kind == "sync" and workers > 1 else ""
        name = f"{kind} {workers}" if kind == "sync" else f"{kind} {workers}x{threads}"
        beside = f"worst {max(ratios):.2f}; {pace / theory:.2f} with just {slots} in flight{dealt}"
        figure = f"{statistics.median(ratios):.2f} ({beside})"
        rows.append((f"20 requests of 50 ms, {name}: time to theory's {theory:.0f} ms", figure, "1.10"))
    shown = statistics.median(demonstration_s() for _ in range(SHOWN))
    rows.append(("the demonstration of four models, the whole command", f"{shown:.1f} s", "5 s"))
    return rows


if __name__ == "__main__":
    for row in report():
        print(*row, sep="  |  ")
