"""The sandbox's name servers: how soon they answer, and how many questions a second, next to NSD or Knot.

Both serve the same zone on loopback and are asked by dnsperf in turn.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROUNDS = 3
SECONDS = 3
QUESTIONS = "www.shop.test A\nshop.test MX\nshop.test NS\nwww.shop.test AAAA\nmail.shop.test A\n"


def boot_ms() -> float:
    """Milliseconds from nothing to the first answer of a name server, after the imports."""
    from labctl.internet import Endpoint
    from labctl.protocols.dns_message import build_query
    from labctl.sandbox import open_sandbox

    took = []
    for _ in range(11):
        started = time.perf_counter()
        with open_sandbox(latency=False) as town:
            wire = build_query("www.shop.test.", "A", 7)
            for address in ("198.41.0.4", "203.0.113.61"):
                assert town.ask(Endpoint(address), wire).wire
            took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def asked(address: str, port: int, questions: str) -> float:
    """Answers a second, as dnsperf counts them."""
    out = subprocess.run(
        ["dnsperf", "-s", address, "-p", str(port), "-d", questions, "-l", str(SECONDS), "-q", "32"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"Queries per second:\s+([\d.]+)", out)
    assert found, out
    return float(found[1])


def nsd(folder: Path, zone: str) -> tuple[subprocess.Popen[bytes], int]:
    """NSD with one server process and this zone, without its rate limit."""
    port = 53531
    (folder / "zone").write_text(zone)
    (folder / "nsd.conf").write_text(
        f"""server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: shop.test.
  zonefile: zone
"""
    )
    child = subprocess.Popen(
        [shutil.which("nsd") or "/usr/sbin/nsd", "-d", "-c", str(folder / "nsd.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(1.5)
    return child, port


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, figure, goal)."""
    rows = [("the sandbox's name servers answer after, ms", f"{boot_ms():.0f}", "150")]
    if not shutil.which("dnsperf") or not (shutil.which("nsd") or Path("/usr/sbin/nsd").exists()):
        return [*rows, ("questions a second, to NSD", "not measured: needs dnsperf and nsd", "0.33")]
    from labctl.sandbox.standalone import serve
    from labctl.sandbox.town import healthy_town

    zone = "\n".join(healthy_town().zone("shop.test.").records) + "\n"
    with tempfile.TemporaryDirectory() as name, serve(0, latency=False) as up:
        folder = Path(name)
        shop = next(server.address for server in up.servers if "shop.test." in server.zones)
        (folder / "questions").write_text(QUESTIONS)
        child, port = nsd(folder, zone)
        try:
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(asked(shop, up.port, str(folder / "questions")))
                theirs.append(asked("127.0.0.1", port, str(folder / "questions")))
        finally:
            child.terminate()
            child.wait()
    ratio = statistics.median(ours) / statistics.median(theirs)
    return [*rows, ("questions a second, to NSD with one process", f"{ratio:.2f}", "0.33")]


if __name__ == "__main__":
    for row in report():
        print(*row, sep="  |  ")
