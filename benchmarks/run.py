"""Everything that the README claims about speed, measured in one run and printed as a Markdown table."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import box
import edge
import jobs
import journey
import servers
import sites
import startup
import tracing
import walk
import workers
import wsgi


def main() -> None:
    """Measure and print; a full run takes about three minutes."""
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}\n")
    print("| what | measured | goal: at most (questions a second, throughput: at least) |\n|---|---|---|")
    for part in (startup, walk, servers, box, edge, sites, journey, workers, wsgi, tracing, jobs):
        for what, measured, goal in part.report():
            print(f"| {what} | {measured} | {goal} |", flush=True)


if __name__ == "__main__":
    main()
