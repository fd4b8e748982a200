"""The box: how soon it is entered and ready, and what its wire carries next to a bare veth pair."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 5
SECONDS = 1.0
# The program below is run in a child, which enters namespaces; this process never does.
_ENTER = """
import json, os, time
from labctl.sandbox.namespace import enter
started = time.perf_counter()
enter()
if os.fork():
    os.wait()
else:
    print(json.dumps((time.perf_counter() - started) * 1000), flush=True)
    os._exit(0)
"""
_IMPORTS = """
import json, os, sys, base64, threading
import labctl.children, labctl.sandbox.box_child, labctl.sandbox.box_job
from labctl.sandbox.faults import town_under
town_under("")
"""
_CARRIED = """
import json, os, socket, sys, time
from labctl.sandbox import layout
from labctl.sandbox.namespace import enter, inside, setns, new_network
from labctl.sandbox.netlink import Netlink, switch_off_offloads
from labctl.sandbox.wire import Wire

over_wire, seconds = sys.argv[1] == "wire", float(sys.argv[2])
enter()
if os.fork():
    os.wait()
    os._exit(0)
sides = layout.build(["203.0.113.10"])
if over_wire:
    wire = Wire(layout.WIRE_CLIENT, layout.WIRE_SERVER, distances={}, otherwise=0.0)
else:
    # The same two sides, with one pair between them.
    with inside(sides.client), Netlink() as link:
        macs = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
        link.veth("bare0", "bare1", sides.server, macs=macs, mtu=1500)
        link.address("bare0", "10.99.0.1", 24)
        switch_off_offloads("bare0")
        link.up("bare0")
    with inside(sides.server), Netlink() as link:
        link.address("bare1", "10.99.0.2", 24)
        switch_off_offloads("bare1")
        link.up("bare1")
address = "203.0.113.10" if over_wire else "10.99.0.2"
with inside(sides.server):
    listening = socket.create_server((address, 80))
if not os.fork():
    setns(sides.client)
    block = bytes(1 << 16)
    with socket.create_connection((address, 80)) as sock:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sock.sendall(block)
    os._exit(0)
if not os.fork():
    buffer = bytearray(1 << 18)
    sock = listening.accept()[0]
    size, started = 0, time.monotonic()
    while got := sock.recv_into(buffer):
        size += got
    print(json.dumps(size / (time.monotonic() - started) / 1e6), flush=True)
    os._exit(0)
os.wait()
os.wait()
if over_wire:
    wire.close()
os._exit(0)
"""


def inside(program: str, *arguments: str) -> float:
    """What the program prints."""
    out = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    ).stdout
    return float(json.loads(out))


def enter_ms() -> float:
    """Milliseconds to leave the host: all namespaces, and the first process in them."""
    return statistics.median(inside(_ENTER) for _ in range(ROUNDS))


def started_ms() -> float:
    """Milliseconds of an interpreter that imports what the box's process needs, and ends."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", _IMPORTS + "os._exit(0)"], check=True)
    return (time.perf_counter() - started) * 1000


def ready_ms() -> float:
    """Milliseconds from nothing to a box in which every server's sockets are open."""
    from labctl.sandbox.box import Box

    started = time.perf_counter()
    with Box() as box:
        box.wait_until_ready()
        return (time.perf_counter() - started) * 1000


def megabytes_per_second(over: str) -> float:
    """What one TCP connection carries over the `wire` or the `bare` pair."""
    return statistics.median(inside(_CARRIED, over, str(SECONDS)) for _ in range(ROUNDS))


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, figure, goal)."""
    from labctl.sandbox.box import Box, BoxRefused

    try:
        with Box() as box:
            box.wait_until_ready()
    except BoxRefused as refused:
        return [("the box", f"not measured: {refused}", "")]
    pairs = [(started_ms(), ready_ms()) for _ in range(ROUNDS * 2)]
    start, ready = statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)
    bare, wire = megabytes_per_second("bare"), megabytes_per_second("wire")
    return [
        ("entering the box, ms", f"{enter_ms():.1f}", "20"),
        (
            f"the box with its town is ready, to interpreter and imports ({start:.0f} ms)",
            f"{ready / start:.2f}",
            "1.5",
        ),
        (f"the wire's throughput, to a bare veth pair's {bare:.0f} MB/s", f"{wire / bare:.2f}", "0.5"),
    ]


if __name__ == "__main__":
    for row in report():
        print(*row, sep="  |  ")
