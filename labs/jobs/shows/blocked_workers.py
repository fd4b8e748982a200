"""As many streams as there are threads: does the rest of the site still answer?"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.jobs.claims import BLOCKED_WORKERS
from labs.jobs.stage import Stage, standing
from labs.telling import command, measured, note, opening, result, table
from labs.words import ms

THREADS, ADMITTED, WANTED = 4, 2, 6
PATIENCE_S = 1.5
# Whoever is so slow without streams tells nothing about them.
_BUSY_MS = 250.0


def show(internet: Internet) -> Iterator[Event]:
    """More streams than threads are asked for, and then /healthz."""
    with ExitStack() as held:
        stage = held.enter_context(
            standing(internet, workers=1, threads=THREADS, streams=ADMITTED, streams_per_user=WANTED)
        )
        yield opening(f"{WANTED} streams at {THREADS} threads", f"{ADMITTED} are admitted")
        job_id = stage.submit(2, 6.0).body["job_id"]
        before = stage.ask("GET", "/healthz")
        answers = [_open(stage, job_id, held) for _ in range(WANTED)]
        try:
            during = stage.ask("GET", "/healthz", timeout_s=PATIENCE_S)
            status, took_ms = during.status, during.took_ms
        except OSError:
            status, took_ms = 0, PATIENCE_S * 1000
    rows = [
        Row(
            f"Stream {number}: {answer}.",
            (f"stream {number}", answer),
            hues=("", "ok" if answer.startswith("200") else "warn" if answer.startswith("503") else "bad"),
        )
        for number, answer in enumerate(answers, 1)
    ]
    yield table("blocked.streams", "", ("", "answer"), rows, named=False)
    open_now = sum(answer.startswith("200") for answer in answers)
    site = f"answered {status} in {ms(took_ms)}" if status else f"did not answer within {ms(took_ms)}"
    yield note(
        f"With {open_now} streams open, /healthz {site}; before them it took {ms(before.took_ms)}. A stream is a "
        "request that has not ended, so it keeps its thread. As many streams as threads, and the login page, the "
        "health check and the POST wait behind them."
    )
    yield note(
        f"So the service admits {ADMITTED}, says 503 with Retry-After to the others, and keeps the threads that are "
        "left for everything else. Thousands of streams want another kind of server: one process that waits for all of "
        "them (labctl jobs serve --stream-server)."
    )
    yield measured("jobs.blocked.open", open_now, f"{open_now} streams were open.", "streams")
    if status == 0 and before.took_ms > _BUSY_MS:
        yield BLOCKED_WORKERS.not_seen(
            f"This machine was too busy: /healthz took {ms(before.took_ms)} without streams."
        )
        return
    yield BLOCKED_WORKERS.judged(
        status == 200 and open_now == ADMITTED,
        f"With {open_now} streams open at {THREADS} threads the health check {site}.",
    )
    yield result(f"The site {site}.")
    yield command("next", "labctl jobs --show six-connections", "the browser has a limit of its own")


def _open(stage: Stage, job_id: str, held: ExitStack) -> str:
    """Ask for a stream, and leave it open; the status line, or that none came."""
    there = urlsplit(stage.service.url)
    fields = "".join(f"{name}: {value}\r\n" for name, value in stage.fields().items())
    client = socket.create_connection((there.hostname or "", there.port or 0), timeout=PATIENCE_S)
    held.callback(client.close)
    client.sendall(f"GET /api/jobs/{job_id}/stream HTTP/1.1\r\nHost: {there.netloc}\r\n{fields}\r\n".encode())
    client.settimeout(PATIENCE_S / 3)
    try:
        line = client.recv(4096).split(b"\r\n")[0].decode("ascii", "replace")
    except TimeoutError:
        return "no answer: every thread has a stream"
    return line.removeprefix("HTTP/1.1 ")
