"""`--show double-click`: the same POST twice, with an Idempotency-Key and without one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.jobs.claims import IDEMPOTENCY_KEY
from labs.jobs.rail import short
from labs.jobs.stage import Reply, Stage, standing
from labs.telling import command, note, opening, result, table

_KEY = "click-1"


def show(internet: Internet) -> Iterator[Event]:
    """Two POSTs at the same time, three times."""
    with standing(internet, workers=1) as stage:
        yield opening("a double click", "two POSTs at the same time, live")
        without = _twice(stage, "")
        with_key = _twice(stage, _KEY)
        other = stage.submit(2, 0.02, key=_KEY)
    jobs = {_job(reply) for reply in with_key}
    yield table(
        "double-click.posts",
        "",
        ("Idempotency-Key", "first POST", "second POST", "jobs"),
        [_row("none", without), _row(_KEY, with_key)],
    )
    yield note(
        "The client makes the key up, once for each thing that it wants, and sends it again with every retry. "
        "The server keeps it with the job, so a retry of a POST whose answer was lost does no harm."
    )
    yield note(
        f"The same key with another body got {other.status}: {other.body.get('message', 'no message')}"
    )
    plain = len({_job(reply) for reply in without})
    told = f"Two POSTs with the key {_KEY} made {len(jobs)} job{'' if len(jobs) == 1 else 's'}, without a key {plain}"
    statuses = ", ".join(str(reply.status) for reply in (*with_key, *without))
    yield IDEMPOTENCY_KEY.judged(len(jobs) == 1 and plain == 2, f"{told}; the answers were {statuses}.")
    if len(jobs) == 1:
        yield result("Clicked twice, made once.")
    else:
        yield result("Clicked twice, made twice.", "bad")
    yield command("next", "labctl jobs --show dual-write", "a crash between two writes")


def _twice(stage: Stage, key: str) -> list[Reply]:
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(stage.submit, 1, 0.02, key=key) for _ in range(2)]
        return [each.result() for each in asked]


def _job(reply: Reply) -> str:
    return str(reply.body.get("job_id", ""))


def _row(key: str, replies: list[Reply]) -> Row:
    first, second = (f"{reply.status}, {short(_job(reply))}" for reply in replies)
    jobs = len({_job(reply) for reply in replies})
    return Row(
        f"Idempotency-Key {key}: {first}; {second}: {jobs} job{'' if jobs == 1 else 's'}.",
        (key, first, second, str(jobs)),
        hues=("accent", "", "", "ok" if jobs == 1 else "warn"),
    )
