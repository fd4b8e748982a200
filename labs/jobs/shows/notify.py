"""How soon an event is at the client: told of it, or looking for it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.jobs.claims import NOTIFY
from labs.jobs.stage import standing
from labs.telling import command, measured, note, opening, result, table
from labs.words import ms

STEPS, STEP_S = 16, 0.06
# What the same service does without its doorbell.
_POLL = "polls-every-250-ms"


def show(internet: Internet) -> Iterator[Event]:
    """The same job twice: once at the service as it is, once at one that looks every 250 ms."""
    yield opening("from a worker's write to the client's read", f"{STEPS} events each")
    usual = _late(internet, frozenset())
    poll = _late(internet, frozenset({_POLL}))
    if len(usual) < STEPS // 2 or len(poll) < STEPS // 2:
        yield NOTIFY.not_seen("This machine was too busy: most of the events did not come in time.")
        return
    rows = [
        Row(
            f"{name}: half of the events came within {ms(statistics.median(late))}, the last within {ms(max(late))}.",
            (name, ms(statistics.median(late)), ms(max(late))),
            share=min(
                1.0, statistics.median(late) / max(statistics.median(poll), statistics.median(usual), 0.001)
            ),
        )
        for name, late in (("this service", usual), ("one that looks every 250 ms", poll))
    ]
    yield table("notify.late", "", ("", "half within", "all within"), rows)
    yield note(
        "The worker writes the event and rings a bell: a datagram on SQLite's machine, NOTIFY on PostgreSQL. Who "
        "streams looks at once, and once a second in case a ring got lost. Looking every 250 ms is late by 125 ms on "
        "average, and asks the database 4 times a second for every server, news or not."
    )
    median, other = statistics.median(usual), statistics.median(poll)
    yield measured(
        "jobs.notify.median", round(median, 1), f"Half of them came within {ms(round(median, 1))}.", "ms"
    )
    yield NOTIFY.judged(
        median * 3 < other,
        f"Half of the events came within {ms(median)}; looking every 250 ms, within {ms(other)}.",
    )
    yield result(f"{ms(median)} instead of {ms(other)}.")
    yield command("next", "labctl jobs", "what a replay looks like")


def _late(internet: Internet, faults: frozenset[str]) -> list[float]:
    """Milliseconds between each step's end, as the ledger has it, and its event at the client."""
    from labctl.jobs.eventsource import Message

    got: list[float] = []
    with standing(internet, faults=faults, workers=1) as stage:
        job_id = stage.submit(STEPS, STEP_S).body["job_id"]
        with stage.stream(job_id) as stream:
            for happened in stream:
                if isinstance(happened, Message) and happened.type == "progress":
                    got.append(time.monotonic())
                if isinstance(happened, Message) and happened.type == "done":
                    break
        began = [ran.at for ran in stage.ledger(job_id)]
    # A step begins when the event of the one before it is written: the ledger's line is that moment, or a little later.
    return [max(0.0, (at - begun) * 1000) for at, begun in zip(got, began[1:], strict=False)]
