"""Must show: nothing is left running after Ctrl-C, a failure and `kill -9`, whatever the application does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import LINUX, Marked

pytestmark = LINUX

# It forks a daemon that refuses to end, a view never comes back, and one computes for ever.
SHOP = """
import os, signal
if os.fork() == 0:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    while True:
        signal.pause()

def app(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/wait":
        while True:
            signal.pause()
    while True:
        pass
"""
# What a lab does: a server, requests under way, and then something happens to us.
LAB = """
import signal, sys
from labctl.serving.application import read_app
from labctl.serving.connection import Connection
from labctl.serving.standing import stand
kind, end = sys.argv[1:]
with stand(read_app("shop:app"), kind, workers=2, threads=2) as standing:
    clients = [Connection(standing.address) for _ in range(2)]
    for client, path in zip(clients, (b"/wait", b"/compute")):
        client.send(b"GET " + path + b" HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
        standing.wait_for("begin", where=lambda event: event.data["path"] == path.decode())
    print(standing.pid, flush=True)
    if end == "failure":
        raise OSError("a lab of ours fails")
    if end == "exit":
        sys.exit(3)
    signal.pause()
"""


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        *[("sync", end) for end in ("kill -9", "ctrl-c", "hang-up", "term", "failure", "exit", "keeper")],
        *[(kind, end) for kind in ("gthread", "flask") for end in ("kill -9", "ctrl-c", "failure")],
    ],
)
def test_no_process_of_a_busy_server_is_left(kind: str, end: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    marked = Marked()
    with subprocess.Popen(
        [sys.executable, "-c", LAB, kind, end],
        cwd=tmp_path,
        env=marked.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
    ) as lab:
        try:
            assert lab.stdout is not None
            server = int(lab.stdout.readline())
            watched = marked.watch()
            alive = set(marked.alive())
            if end not in ("failure", "exit"):
                assert {lab.pid, server} < alive
            if end == "kill -9":
                lab.kill()
            elif end == "ctrl-c":
                os.killpg(lab.pid, signal.SIGINT)
            elif end == "hang-up":
                os.killpg(lab.pid, signal.SIGHUP)
            elif end == "term":
                lab.terminate()
            elif end == "keeper":
                # By accident, and then we end: the server was asked to end by the kernel.
                [keeper] = [pid for pid in alive if parent_of(pid) == lab.pid]
                os.kill(keeper, signal.SIGTERM)
                lab.terminate()
            assert marked.all_end(watched)
        finally:
            lab.kill()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
