"""The edge beside nginx's proxy_cache (one worker) and hishel: hits and misses a second, in turn, in one run.

All stand in front of the same nginx, which gives 1 KiB with max-age=600; wrk asks with 16 connections. "Hits,
varied": each request has another field and the seven of a browser, so that none is known byte for byte. hishel is a
library inside of a client: it is measured in its own process without a server around it, which is to its favour.
`HISHEL_PYTHON` names a Python that has hishel.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5
SECONDS = 2


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


ORIGIN, PROXY = free_port(), free_port()
_VARIED = """local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "/hit.css", {["X-N"] = tostring(n), ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64)",
    ["Accept"] = "text/css,*/*;q=0.1", ["Accept-Language"] = "en-US,en;q=0.5", ["Accept-Encoding"] = "gzip, br",
    ["Referer"] = "http://127.0.0.1/", ["Cookie"] = "a=b"})
end
"""
_MISSES = """local n = 0
local mark = "%s"
request = function() n = n + 1; return wrk.format("GET", "/" .. mark .. "-" .. n .. ".css") end
"""
_NGINX = """{user}worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  proxy_cache_path {folder}/cache levels=1:2 keys_zone=kept:50m max_size=1g;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{ {what} }}
  }}
}}
"""
_ORIGIN = (
    'root {folder}; default_type text/css; add_header Cache-Control "max-age=600"; try_files /file.css =404;'
)
_PROXY = (
    'proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_cache kept; '
    "proxy_cache_lock on;"
)
_HISHEL = """
import asyncio, json, sys, tempfile, time
from pathlib import Path
from hishel import AsyncSqliteStorage, SqliteStorage
import hishel.httpx as hx
url, seconds, mark = sys.argv[1], float(sys.argv[2]), sys.argv[3]
def sync_rate(paths):
    with tempfile.TemporaryDirectory() as folder:
        with getattr(hx, "SyncCacheClient", getattr(hx, "CacheClient", None))(
            storage=SqliteStorage(database_path=Path(folder) / "s.db")) as client:
            client.get(url + "/hit.css")
            end, count = time.perf_counter() + seconds, 0
            while time.perf_counter() < end:
                client.get(url + next(paths)); count += 1
            return count / seconds
async def async_rate(paths):
    with tempfile.TemporaryDirectory() as folder:
        async with hx.AsyncCacheClient(storage=AsyncSqliteStorage(database_path=Path(folder) / "a.db")) as client:
            await client.get(url + "/hit.css")
            end, count = time.perf_counter() + seconds, 0
            async def one():
                nonlocal count
                while time.perf_counter() < end:
                    await client.get(url + next(paths)); count += 1
            await asyncio.gather(*(one() for _ in range(16)))
            return count / seconds
def hits():
    while True: yield "/hit.css"
def misses(kind):
    n = 0
    while True:
        n += 1
        yield f"/{mark}-{kind}-{n}.css"
print(json.dumps({"hits sync": sync_rate(hits()), "misses sync": sync_rate(misses("s")),
    "hits async": asyncio.run(async_rate(hits())), "misses async": asyncio.run(async_rate(misses("a")))}))
"""


def rate(port: int, script: Path | None = None) -> float:
    """Requests a second, as wrk counts them. Refuses to measure errors."""
    command = ["wrk", "-c16", "-t1", f"-d{SECONDS}"]
    if script is not None:
        command += ["-s", str(script)]
    out = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/hit.css"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert not re.search("Non-2xx|Socket errors", out), out
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    assert found, out
    return float(found[1])


def nginx(folder: Path, port: int, what: str) -> subprocess.Popen[bytes]:
    """An nginx with one worker."""
    place = folder / str(port)
    place.mkdir()
    (place / "file.css").write_bytes(b"x" * 1024)
    for each in (folder, place):
        each.chmod(0o755)
    config = place / "nginx.conf"
    user = "user root;\n" if os.geteuid() == 0 else ""
    config.write_text(
        _NGINX.format(folder=place, port=port, origin=ORIGIN, what=what.format(folder=place), user=user)
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    child = subprocess.Popen([program, "-p", str(place), "-c", str(config)], stderr=subprocess.DEVNULL)
    while child.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return child
        time.sleep(0.05)
    raise RuntimeError(f"nginx ended with {child.returncode}")


def edge(profile: str) -> tuple[subprocess.Popen[str], int]:
    """`labctl sandbox edge`, as a user would start it, without a line for each request."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        [sys.executable, "-m", "labctl", "sandbox", "edge", "--profile", profile, "--listen", "127.0.0.1:0",
         "--upstream", f"http://127.0.0.1:{ORIGIN}", "--size", "512M", "--jsonl", "-q"],
        stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["port"]


def hishel(python: str, mark: str) -> dict[str, float]:
    """What hishel does as a client of the origin."""
    out = subprocess.run(
        [python, "-c", _HISHEL, f"http://127.0.0.1:{ORIGIN}", str(SECONDS), mark],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    rates: dict[str, float] = json.loads(out)
    return rates


def measure() -> dict[str, list[float]]:
    """Requests a second of everything, a list of rounds each."""
    found: dict[str, list[float]] = {}
    peers = os.environ.get("HISHEL_PYTHON", "")
    subprocess.run([sys.executable, "-m", "compileall", "-q", "labctl"], check=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        varied, misses = folder / "varied.lua", folder / "misses.lua"
        varied.write_text(_VARIED)
        children: list[subprocess.Popen[bytes] | subprocess.Popen[str]] = [
            nginx(folder, ORIGIN, _ORIGIN),
            nginx(folder, PROXY, _PROXY),
        ]
        try:
            ours, port = edge("rfc9111")
            children.append(ours)
            cloudflare, cloudflare_port = edge("cloudflare")
            children.append(cloudflare)
            ports = {"nginx": PROXY, "edge": port, "edge cloudflare": cloudflare_port}
            for who in (ORIGIN, *ports.values()):
                rate(who)  # warm, and each has stored it
            for round_ in range(ROUNDS):
                for who, at in ports.items():
                    found.setdefault(f"hits {who}", []).append(rate(at))
                    found.setdefault(f"varied {who}", []).append(rate(at, varied))
                    misses.write_text(_MISSES % f"{who.replace(' ', '')}{round_}")
                    found.setdefault(f"misses {who}", []).append(rate(at, misses))
                if peers:
                    for what, figure in hishel(peers, f"h{round_}").items():
                        found.setdefault(what.replace(" ", " hishel "), []).append(figure)
        finally:
            for child in reversed(children):
                child.terminate()
            for child in children:
                child.wait()
                if child.stdout is not None:
                    child.stdout.close()
    return found


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, figure, goal)."""
    if not shutil.which("wrk") or not (shutil.which("nginx") or Path("/usr/sbin/nginx").exists()):
        return [("hits and misses a second of the edge", "not measured: needs nginx and wrk", "0.5")]
    found = measure()
    middle = {what: statistics.median(rates) for what, rates in found.items()}
    rows = []
    for kind, words in (
        ("hits", "hits a second"),
        ("varied", "hits a second, no two requests alike"),
        ("misses", "misses a second"),
    ):
        base = middle[f"{kind} nginx"]
        rows.append((f"({words}: nginx proxy_cache, one worker)", f"{base:,.0f}", ""))
        for who, name in (("edge", "the edge"), ("edge cloudflare", "the edge, cloudflare profile")):
            goal = "0.5" if who == "edge" else ""
            ratio = statistics.median(
                a / b for a, b in zip(found[f"{kind} {who}"], found[f"{kind} nginx"], strict=True)
            )
            rows.append((f"{words}: {name}, to nginx", f"{ratio:.2f} ({middle[f'{kind} {who}']:,.0f})", goal))
        for how in ("sync", "async"):
            if f"{kind} hishel {how}" in middle:
                figure = middle[f"{kind} hishel {how}"]
                rows.append((f"{words}: hishel, {how}, to nginx", f"{figure / base:.4f} ({figure:,.0f})", ""))
    return rows


if __name__ == "__main__":
    for row in report():
        print(*row, sep="  |  ")
