"""One job's events through a proxy that buffers, with the field that stops it and without."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.jobs.buffering import BUFFER, BufferingProxy
from labs.jobs.claims import PROXY_BUFFERING
from labs.jobs.stage import Stage, standing
from labs.telling import command, measured, note, opening, result, table
from labs.words import ms

STEPS, STEP_S, SOON_MS, MOST_S = 6, 0.2, 100.0, 8.0


def show(internet: Internet) -> Iterator[Event]:
    """The same stream three times at once: straight, through the proxy, and through one that ignores the field."""
    with standing(internet, workers=1) as stage:
        there = urlsplit(stage.service.url)
        place = (there.hostname or "", there.port or 0)
        with BufferingProxy(*place) as proxy, BufferingProxy(*place, ignores=True) as deaf:
            yield opening(
                "a job's events through a proxy",
                f"{STEPS} steps of {ms(STEP_S * 1000)}, {BUFFER} bytes of buffer",
            )
            job_id = stage.submit(STEPS, STEP_S).body["job_id"]
            with ThreadPoolExecutor(3) as together:
                bases = (stage.service.url, proxy.url, deaf.url)
                straight, passed, kept = together.map(lambda base: _arrivals(stage, base, job_id), bases)
        field = stage.ask("GET", f"/api/jobs/{job_id}/stream").fields.get("x-accel-buffering", "")
    ids = [id_ for id_ in straight if id_ in passed and id_ in kept]
    late = {id_: max(0.0, (passed[id_] - straight[id_]) * 1000) for id_ in ids}
    held_back = {id_: max(0.0, (kept[id_] - straight[id_]) * 1000) for id_ in ids}
    most = max(held_back.values(), default=0.0) or 1.0
    rows = [
        Row(
            f"Event {id_}: {ms(late[id_])} late through the proxy, {ms(held_back[id_])} through one that ignores the "
            "field.",
            (id_, ms(late[id_]), ms(held_back[id_])),
            share=min(1.0, held_back[id_] / most),
        )
        for id_ in ids
    ]
    said = f"X-Accel-Buffering: {field or 'not sent'}"
    yield table("buffering.late", "", ("event", said, "field ignored"), rows)
    yield note(
        "Late is counted from a client without a proxy. The proxy is the lab's own and does what nginx does by "
        f"default: it keeps an answer, its head too, until there are {BUFFER} bytes or the end. A short stream is "
        "all there at once, when the job is done: the page sees no progress, and nothing is logged."
    )
    yield note(
        "With X-Accel-Buffering: no in the head of each stream no line of nginx.conf is needed; "
        "proxy_buffering off; for the path does the same. nginx takes the field for itself, and clients never see it."
    )
    worst, other = max(late.values(), default=0.0), max(held_back.values(), default=0.0)
    yield measured(
        "jobs.buffering.latest", round(worst, 1), f"The latest event was {round(worst, 1)} ms late.", "ms"
    )
    yield PROXY_BUFFERING.judged(
        len(ids) == STEPS + 2 and worst < SOON_MS and other > STEP_S * STEPS * 500,
        f"{len(ids)} events: with {said} the latest was {ms(worst)} late, with the field ignored {ms(other)}.",
    )
    if worst < SOON_MS:
        yield result(f"At most {ms(worst)} late instead of {ms(other)}.")
    else:
        yield result(f"All events came in the end together, up to {ms(worst)} late.", "bad")
    yield command("next", "labctl jobs --show notify", "what the service itself adds")


def _arrivals(stage: Stage, base: str, job_id: str) -> dict[str, float]:
    """When each event came, by its id; monotonic seconds."""
    from labctl.jobs.eventsource import EventSource, Message

    got: dict[str, float] = {}
    with EventSource(f"{base}/api/jobs/{job_id}/stream", headers=stage.fields()) as source:
        timer = threading.Timer(MOST_S, source.close)
        timer.daemon = True
        timer.start()
        for each in source:
            if isinstance(each, Message):
                got.setdefault(each.last_event_id, time.monotonic())
                if each.type == "done":
                    break
        timer.cancel()
        timer.join()
    return got
