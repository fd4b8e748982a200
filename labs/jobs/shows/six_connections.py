"""Seven streams of one browser, and a request that finds no connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.jobs.claims import SIX_CONNECTIONS
from labs.jobs.stage import faults_of, standing
from labs.telling import command, measured, note, opening, result, table
from labs.words import ms

if TYPE_CHECKING:
    from labctl.jobs.eventsource import ConnectionPool

STREAMS, ADMITTED, CLOSED, PATIENCE_S = 7, 12, 2, 0.6


def show(internet: Internet) -> Iterator[Event]:
    """Streams of one job in seven tabs, then GET /healthz, then two of the tabs are closed."""
    from labctl.jobs.eventsource import PER_HOST, EventSource, Opened
    from labctl.jobs.eventsource import ConnectionPool as Pool

    pool = Pool(quirks=faults_of(internet))
    with ExitStack() as held:
        stage = held.enter_context(standing(internet, workers=1, streams_per_user=ADMITTED))
        yield opening(f"{STREAMS} streams of one browser", f"the service admits {ADMITTED} for each user")
        job_id = stage.submit(60, 0.1).body["job_id"]
        together = held.enter_context(ThreadPoolExecutor(STREAMS + 1))
        opened: list[EventSource] = []
        lock = threading.Lock()

        def listen(source: EventSource) -> None:
            for each in source:
                if isinstance(each, Opened):
                    with lock:
                        opened.append(source)

        sources = [stage.stream(job_id, pool=pool) for _ in range(STREAMS)]
        for source in sources:
            held.callback(source.close)
            together.submit(listen, source)
        stage.until(lambda: len(opened) >= PER_HOST, 5.0)
        # Long enough for the seventh, when there is a place for it.
        time.sleep(0.2)
        with lock:
            open_before = list(opened)
        began = time.monotonic()
        asked = together.submit(_healthz, stage.service.url, pool)
        time.sleep(PATIENCE_S)
        waited = not asked.done()
        for source in open_before[:CLOSED]:
            source.close()
        closed_at = time.monotonic()
        status, at = asked.result(10.0)
        stage.until(lambda: len(opened) == STREAMS, 2.0)
        open_after = len(opened) - CLOSED
        # Its end is the end of its streams, so that nobody waits for them.
        stage.ask("DELETE", f"/api/jobs/{job_id}")
        stage.wait_ended(job_id)
    took_ms, after_ms = (at - began) * 1000, max(0.0, (at - closed_at) * 1000)
    number = len(open_before)
    how = (
        f"waited {ms(took_ms)}, and was answered {status} {ms(after_ms)} after {CLOSED} streams were closed"
        if waited
        else f"was answered {status} in {ms(took_ms)}"
    )
    told = f"no answer within {ms(PATIENCE_S * 1000)}" if waited else f"{status} in {ms(took_ms)}"
    after = f"{status} after {ms(after_ms)} more" if waited else "-"
    rows = [
        Row(
            f"With {STREAMS} streams wanted, {number} are open; GET /healthz: {told}.",
            (f"{STREAMS} tabs", str(number), told),
            hues=("", "", "bad" if waited else "ok"),
        ),
        Row(
            f"With {CLOSED} of them closed, {open_after} are open; GET /healthz: {after}.",
            (f"{CLOSED} closed", str(open_after), after),
            hues=("", "", "ok"),
        ),
    ]
    yield table("six.requests", "", ("", "open streams", "GET /healthz"), rows)
    if waited:
        yield note(
            f"The service had places for {ADMITTED} and threads to spare: nothing reached it. The {PER_HOST} "
            "connections are the browser's, for all tabs of one server together, and a stream never gives its own "
            "back. The page seems to hang, and no log of a server has a line about it."
        )
    yield note(
        "HTTP/2 carries a hundred streams and more in one connection, so the limit is gone with it. Without it: one "
        "stream for a user instead of one for a job, and closing it when its tab is hidden."
    )
    yield measured("jobs.six.open", number, f"{number} of {STREAMS} streams were open.", "streams")
    yield SIX_CONNECTIONS.judged(
        number == PER_HOST and waited and status == 200,
        f"Of {STREAMS} streams {number} were open, and GET /healthz {how}.",
    )
    yield result(f"GET /healthz {how}.", "ok" if waited else "bad")
    yield command("next", "labctl jobs --show blocked-workers", "the server has a limit of its own")


def _healthz(url: str, pool: ConnectionPool) -> tuple[int | None, float]:
    """Its status among the browser's connections, and when it was there."""
    from labctl.jobs.eventsource import fetch

    status = fetch(f"{url}/healthz", pool=pool, timeout_s=5.0)
    return status, time.monotonic()
