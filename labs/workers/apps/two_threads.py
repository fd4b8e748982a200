"""Two threads with a loop, for a Python that the lab found: `python two_threads.py MS` prints JSON."""

from __future__ import annotations

import json
import sys
import threading
import time


def of_this_thread() -> int:
    """Nanoseconds on a core, and waiting for one."""
    with open(f"/proc/self/task/{threading.get_native_id()}/schedstat") as file:
        on_core, waiting, _ = file.read().split()
    return int(on_core) + int(waiting)


def run(milliseconds: float, found: list[float]) -> None:
    """Compute, and say for which part of the time nothing was to be had."""
    before, began = of_this_thread(), time.monotonic_ns()
    end = time.thread_time_ns() + int(milliseconds * 1e6)
    while time.thread_time_ns() < end:
        for _ in range(1000):
            pass
    wall = time.monotonic_ns() - began
    found.append(max(0.0, 1 - (of_this_thread() - before) / wall))


if __name__ == "__main__":
    parts: list[float] = []
    threads = [threading.Thread(target=run, args=(float(sys.argv[1]), parts)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    sys.stdout.write(json.dumps({"blocked": sum(parts) / 2, "gil": gil}))
