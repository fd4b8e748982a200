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
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROUNDS = 15
EXCHANGES = 2000
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


ECHO = """import socket, sys
answer = bytes.fromhex(sys.argv[1])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
    echo.bind(("127.0.0.1", 0))
    print(echo.getsockname()[1], flush=True)
    while (got := echo.recvfrom(4096))[0] != b"end":
        echo.sendto(got[0][:2] + answer, got[1])"""


def one_exchange() -> list[tuple[str, str, str]]:
    """One question of a walk on one connected socket, to the same bytes sent and received raw.

    Timed: `next_question()`, send, receive, `hear()`, against send and receive alone. The peer is a process
    of its own that sends the same reply to everything, so that it shares no interpreter lock with what is
    measured. Every exchange needs a fresh Walk: making one belongs to no exchange, and its cost is reported
    apart. Measured are the first referral (from a root server) and the last answer.

    Both processes share one processor: a raw round trip takes 12 to 16 us then. Where the peer sleeps on another
    processor, waking it makes it 20 to 100 us, from second to second, and the ratio means nothing.
    """
    from labctl.internet import Endpoint
    from labctl.protocols.dns_walk import Walk
    from labctl.sandbox import open_sandbox

    with open_sandbox(latency=False) as town:
        hints, clock = town.root_servers, time.monotonic
        walk, exchanged = Walk(NAME, "A", hints, clock=clock), []
        while (question := walk.next_question()) is not None:
            reply = town.ask(Endpoint(question.server.address), question.wire).wire
            assert reply is not None
            exchanged.append((question.wire, reply))
            walk.hear(reply)
    rows = []
    for what, before in (("a referral", 0), ("the answer", len(exchanged) - 1)):
        wire, reply = exchanged[before]

        def make(past: Sequence[tuple[bytes, bytes]] = tuple(exchanged[:before])) -> Any:
            return at_question(Walk(NAME, "A", hints, clock=clock), past)

        raw, asked, made = exchange_seconds(wire, reply, make)
        of = f"a raw UDP round trip of {raw * 1e6:.0f} us"
        rows.append((f"one exchange in process ({what}), to {of}", f"{asked / raw:.1f}", "3"))
        if before == 0:
            rows.append(("(making a Walk, to the same)", f"{made / raw:.1f}", ""))
    return rows


def at_question(walk: Any, exchanged: list[tuple[bytes, bytes]]) -> Any:
    """The walk after these exchanges; ids differ from walk to walk, so each reply gets the question's."""
    for _, reply in exchanged:
        walk.hear(walk.next_question().wire[:2] + reply[2:])
    return walk


def exchange_seconds(wire: bytes, reply: bytes, make: Callable[[], Any]) -> tuple[float, float, float]:
    """Medians, in seconds: a raw round trip, one with the walker around it, and making the walker."""
    everywhere = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None
    if everywhere:
        os.sched_setaffinity(0, {min(everywhere)})  # the child inherits it
    echo = subprocess.Popen([sys.executable, "-c", ECHO, reply[2:].hex()], stdout=subprocess.PIPE, text=True)
    assert echo.stdout is not None
    raw, asked, made = [], [], []
    with echo, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", int(echo.stdout.readline())))
        for _ in range(EXCHANGES):
            times = [time.perf_counter()]
            client.send(wire)
            client.recv(4096)
            times.append(time.perf_counter())
            walk = make()
            times.append(time.perf_counter())
            client.send(walk.next_question().wire)
            heard = walk.hear(client.recv(4096))
            times.append(time.perf_counter())
            assert heard.kind in ("referral", "answer"), heard.text
            for took, start, end in zip((raw, made, asked), times, times[1:], strict=False):
                took.append(end - start)
        client.send(b"end")
    if everywhere:
        os.sched_setaffinity(0, everywhere)
    return statistics.median(raw), statistics.median(asked), statistics.median(made)


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, ratio, goal)."""
    return [*whole_walk(), *one_exchange()]


if __name__ == "__main__":
    for row in report():
        print(*row, sep="  |  ")
