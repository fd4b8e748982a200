"""A whole sandbox walk against `dig +trace`, and one exchange in process against a raw UDP round trip.

`dig +trace` looks name servers up through the system resolver, so it runs in a mount namespace of its own,
with a hosts file that leads them to loopback addresses of the sandbox. That needs root, and leaves the file
of the host as it is.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROUNDS = 15
NAME = "www.shop.test"


def timed(words: list[str], environment: dict[str, str]) -> float:
    """Seconds of wall time of a command that must succeed."""
    started = time.perf_counter()
    done = subprocess.run(words, env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    took = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"{words}: {done.returncode}\n{done.stderr.decode()}\n{done.stdout.decode()[-500:]}")
    return took


AT_ONCE = """import sys, labctl.sandbox as sandbox
waiting = sandbox.open_sandbox
sandbox.open_sandbox = lambda **how: waiting(**{**how, "latency": False})
from labctl.__main__ import main
sys.exit(main())"""


def labctl(latency: bool) -> list[str]:
    """The command, or the same in a town whose servers answer at once."""
    return [str(Path(sys.executable).parent / "labctl")] if latency else [sys.executable, "-c", AT_ONCE]


def whole_walk() -> list[tuple[str, str, str]]:
    """`labctl dns --json` to `dig +trace`, process start included, with and without the town's latencies."""
    from labctl.sandbox.standalone import serve

    if os.geteuid() != 0 or not shutil.which("dig") or not shutil.which("unshare"):
        return [("a whole walk, to `dig +trace`", "not measured: needs root, dig and unshare", "6")]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for latency in (True, False):
            with serve(0, latency=latency) as up:
                names = [(server.name, server.address) for server in up.servers]
                root = next(server.address for server in up.servers if server.role == "root")
                hosts = Path(folder) / "hosts"
                hosts.write_text("".join(f"{a} {n.rstrip('.')}\n" for n, a in names))
                trace = f"mount --bind {hosts} /etc/hosts && exec dig -p {up.port} @{root} +trace {NAME} A"
                peers = {
                    "dig": ["unshare", "-m", "sh", "-c", trace],
                    "labctl": [*labctl(latency), "dns", NAME, "--json", "--phase", "observe"],
                    "unshare": ["unshare", "-m", "sh", "-c", f"mount --bind {hosts} /etc/hosts && exec true"],
                }
                plain = {
                    "PATH": os.environ["PATH"],
                    "LABCTL_HOME": folder,
                    "LABCTL_LATENCY": "yes" if latency else "no",
                }
                took: dict[str, list[float]] = {name: [] for name in peers}
                for turn in range(ROUNDS):
                    order = list(peers) if turn % 2 else list(reversed(list(peers)))
                    for name in order:
                        took[name].append(timed(peers[name], plain))
                overhead = statistics.median(took["unshare"])
                dig = statistics.median(took["dig"]) - overhead
                ratio = statistics.median(took["labctl"]) / dig
                what = "with the town's latencies" if latency else "without latencies"
                rows.append((f"a whole walk {what}, to `dig +trace`", f"{ratio:.1f}", "6"))
    return rows


def one_exchange() -> list[tuple[str, str, str]]:
    """The walker and the parser on one socket, to the same bytes sent and received raw."""
    from labctl.protocols.dns_walk import Walk
    from labctl.sandbox import open_sandbox

    with open_sandbox(latency=False) as town:
        machine = Walk(NAME, "A", town.root_servers, clock=town.clock)
        question = machine.next_question()
        assert question is not None
        from labctl.internet import Endpoint

        reply = town.ask(Endpoint(question.server.address), question.wire)
        assert reply.wire
        wire, answer = question.wire, reply.wire
    echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    echo.bind(("127.0.0.1", 0))
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(echo.getsockname())

    def serve() -> None:
        while True:
            data, peer = echo.recvfrom(4096)
            if data == b"end":
                return
            echo.sendto(data[:2] + answer[2:], peer)

    thread = threading.Thread(target=serve)
    thread.start()

    def raw() -> None:
        client.send(wire)
        client.recv(4096)

    def walked() -> None:
        machine: Any = Walk(NAME, "A", town.root_servers, clock=time.monotonic)
        question = machine.next_question()
        client.send(question.wire)
        machine.hear(client.recv(4096))

    took: dict[str, list[float]] = {"raw": [], "walked": []}
    for _ in range(2000):
        for name, act in (("raw", raw), ("walked", walked)):
            started = time.perf_counter()
            act()
            took[name].append(time.perf_counter() - started)
    client.send(b"end")
    thread.join()
    client.close()
    echo.close()
    ratio = statistics.median(took["walked"]) / statistics.median(took["raw"])
    return [("one exchange in process, to a raw UDP round trip", f"{ratio:.1f}", "3")]


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, ratio, goal)."""
    return [*whole_walk(), *one_exchange()]


if __name__ == "__main__":
    for row in report():
        print(*row, sep="  |  ")
