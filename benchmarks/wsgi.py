"""Processor time of a hello-world request: our WSGI server beside gunicorn sync and wsgiref, in turn, in one run.

wrk asks with 16 connections. gunicorn's sync worker and wsgiref end a connection with each response; ours keeps it, so
it is measured both ways: on kept connections, and told to close. What is compared is processor time from /proc (user
and system, of all of a server's processes): requests a second of a hello world vary too much to compare.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

ROUNDS = 5
SECONDS = 1
TRIES = 3
_HELLO = """def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"hello\\n"]
"""
_CLOSE = ("-H", "Connection: close")


def cpu_s(pids: tuple[int, ...]) -> float:
    """Seconds of processor time that these processes have used."""
    ticks = 0
    for pid in pids:
        values = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(values[11]) + int(values[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cost_us(pids: tuple[int, ...], port: int, *words: str) -> float:
    """Microseconds of processor time a request. Where no request comes through the machine is busy: once more."""
    before = cpu_s(pids)
    for _ in range(TRIES):
        out = subprocess.run(
            ["wrk", "-t1", "-c16", f"-d{SECONDS}", *words, f"http://127.0.0.1:{port}/"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = re.search(r"(\d+) requests in", out)
        assert found, out
        assert "Non-2xx" not in out, out
        if requests := int(found[1]):
            return (cpu_s(pids) - before) / requests * 1e6
    raise TimeoutError(out)


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, figure, goal)."""
    what = "our WSGI server, processor time of a request"
    if not shutil.which("wrk") or not sys.platform.startswith("linux"):
        return [(f"{what}, to gunicorn sync", "not measured: needs wrk and /proc", "1")]
    from labctl.serving.application import read_app
    from labctl.serving.standing import stand

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        (Path(name) / "hello.py").write_text(_HELLO)
        app = read_app(str(Path(name) / "hello.py"), python=sys.executable)
        toy, sync, wsgiref = (
            stack.enter_context(stand(app, kind, threads=threads, watched=False))
            for kind, threads in (("toy", 32), ("sync", 1), ("wsgiref", 1))
        )
        asked = {
            "kept": ((toy.pid,), toy.address, ()),
            "closed": ((toy.pid,), toy.address, _CLOSE),
            "sync": ((sync.pid, *sync.workers()), sync.address, ()),
            "wsgiref": ((wsgiref.pid,), wsgiref.address, ()),
        }
        costs: dict[str, list[float]] = {kind: [] for kind in asked}
        for number in range(ROUNDS):
            turn = list(asked)
            for kind in turn if number % 2 else turn[::-1]:
                pids, address, words = asked[kind]
                assert address is not None
                costs[kind].append(cost_us(pids, address[1], *words))

    def ratio(ours: str, theirs: str) -> str:
        return f"{statistics.median(a / b for a, b in zip(costs[ours], costs[theirs], strict=True)):.2f}"

    medians = {kind: f"{statistics.median(each):.0f}" for kind, each in costs.items()}
    return [
        (f"{what} on a kept connection, to gunicorn sync", ratio("kept", "sync"), "1"),
        (f"{what} on a kept connection, to wsgiref", ratio("kept", "wsgiref"), "0.8"),
        (f"{what} on a new connection, to gunicorn sync", ratio("closed", "sync"), "1"),
        (f"{what} on a new connection, to wsgiref", ratio("closed", "wsgiref"), "0.8"),
        (
            "(microseconds: ours kept, ours new, gunicorn sync, wsgiref)",
            ", ".join(medians[kind] for kind in asked),
            "",
        ),
    ]


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    for row in report():
        print(*row, sep="  |  ")
