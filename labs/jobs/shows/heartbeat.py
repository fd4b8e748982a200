"""A client that goes away without a word: how long its place stays taken."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

from labctl.events import Event
from labctl.internet import Internet
from labs.jobs.claims import HEARTBEAT
from labs.jobs.stage import Stage, standing
from labs.telling import command, measured, note, opening, result
from labs.words import ms

BEAT_S, STEP_S, PATIENCE_S = 0.25, 4.0, 2.5


def show(internet: Internet) -> Iterator[Event]:
    """One place for a stream; its client leaves in the middle of a long step, when there is nothing to write."""
    with standing(internet, workers=1, streams=1, heartbeat_s=BEAT_S) as stage:
        yield opening(
            "one place for a stream, and its client is gone", f"the job has no news for {ms(STEP_S * 1000)}"
        )
        job_id = stage.submit(2, STEP_S).body["job_id"]
        stage.until(lambda: bool(stage.ledger(job_id)))
        with closing(_open(stage, job_id)) as client:
            beats = _hear(client)
        left = time.monotonic()
        refused = 0

        def free() -> bool:
            nonlocal refused
            try:
                with closing(_open(stage, job_id)):
                    return True
            except ConnectionError:
                refused += 1
                return False

        freed = stage.until(free, PATIENCE_S)
        took_ms = (time.monotonic() - left) * 1000
    told = f"was free after {ms(took_ms)}" if freed else f"was still taken after {ms(took_ms)}"
    yield note(
        f"While it listened the client got {beats} heartbeats: lines that begin with a colon, which no page sees."
    )
    yield note(
        f"Then it left, and its place {told}; new streams were refused {refused} times meanwhile. TCP tells a server "
        "nothing that does not write: the end of the connection is found when something is sent into it. Proxies cut "
        "streams that are silent for long (nginx: 60 s), which a heartbeat prevents as well."
    )
    yield measured("jobs.heartbeat.freed", round(took_ms), f"The place {told}.", "ms")
    yield HEARTBEAT.judged(freed and beats > 0, f"The client's place {told}, with {beats} heartbeats before.")
    yield result(f"The place {told}.")
    yield command("next", "labctl jobs --show blocked-workers", "what happens when all places are taken")


def _open(stage: Stage, job_id: str) -> socket.socket:
    """A stream over a bare socket, its head read. Raises ConnectionError when there is no place."""
    there = urlsplit(stage.service.url)
    fields = "".join(f"{name}: {value}\r\n" for name, value in stage.fields().items())
    client = socket.create_connection((there.hostname or "", there.port or 0), timeout=10)
    client.sendall(f"GET /api/jobs/{job_id}/stream HTTP/1.1\r\nHost: {there.netloc}\r\n{fields}\r\n".encode())
    head = client.recv(4096)
    if not head.startswith(b"HTTP/1.1 200"):
        client.close()
        raise ConnectionError(head.split(b"\r\n")[0].decode("ascii", "replace"))
    return client


def _hear(client: socket.socket) -> int:
    """How many heartbeats come within the time of three."""
    deadline, heard = time.monotonic() + 3.5 * BEAT_S, 0
    while (left := deadline - time.monotonic()) > 0:
        client.settimeout(left)
        try:
            data = client.recv(4096)
        except TimeoutError:
            break
        if not data:
            break
        heard += sum(line.startswith(b":") for line in data.split(b"\n"))
    return heard
