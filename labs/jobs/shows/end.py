"""`--show end`: who does not close a stream at its end comes back, until a 204 says that nothing follows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.jobs.claims import ENDS_AT_204
from labs.jobs.stage import Stage, standing
from labs.telling import command, note, opening, result, table
from labs.words import count

_RETRY_MS = 300
_MOST_S = 2.5


class _End(NamedTuple):
    """Requests of a client, events that it got, and the status that closed its stream (None: nothing did)."""

    requests: int
    events: int
    closed: int | None


def show(internet: Internet) -> Iterator[Event]:
    """One job; a page that closes at `done`, and one that does not."""
    with standing(internet, workers=1, retry_ms=_RETRY_MS) as stage:
        yield opening("the end of a stream", f"retry: {_RETRY_MS}, live")
        job = str(stage.submit(2, 0.1).body.get("job_id", ""))
        stage.wait_ended(job)
        closes, stays = _follow(stage, job, True), _follow(stage, job, False)
    yield table(
        "end.clients",
        "",
        ("the page", "requests", "events", "in the end"),
        [_row("closes at done", closes), _row("does not close", stays)],
    )
    yield note(
        "EventSource takes the end of a stream for a lost connection, and asks again with its last id. A page says "
        "stream.close() at done; a server says 204 when nothing will follow."
    )
    told = f"Behind done the client that did not close had {count(stays.requests, 'request')} in all"
    if stays.closed == 204 and stays.requests == 2:
        yield ENDS_AT_204.judged(True, f"{told}; the last one got 204, and it stayed away.")
        yield result("One request more, a 204, and that is all.")
    elif stays.closed is None:
        yield ENDS_AT_204.judged(False, f"{told}, within {_MOST_S:g} s, and would have gone on.")
        yield result("It would go on asking for ever.", "bad")
    else:
        yield ENDS_AT_204.judged(False, f"{told}, and was closed by {stays.closed}.")
    yield command("next", "labctl jobs --show status", "which other statuses end a stream")


def _follow(stage: Stage, job: str, closes: bool) -> _End:
    from labctl.jobs.eventsource import Closed, Message

    before = len(stage.wire.heads())
    events, closed = 0, None
    with stage.stream(job, wired=True) as source:
        timer = threading.Timer(_MOST_S, source.close)
        timer.daemon = True
        timer.start()
        for each in source:
            if isinstance(each, Message):
                events += 1
                if closes and each.type == "done":
                    break
            elif isinstance(each, Closed):
                closed = each.status
        timer.cancel()
        timer.join()
    return _End(len(stage.wire.heads()) - before, events, closed)


def _row(page: str, end: _End) -> Row:
    how = f"{end.closed}: closed" if end.closed is not None else "closed by itself"
    if end.closed is None and end.requests > 1:
        how = "goes on asking"
    return Row(
        f"A page that {page}: {count(end.requests, 'request')}, {count(end.events, 'event')}, {how}.",
        (page, str(end.requests), str(end.events), how),
        hues=("accent", "", "", "bad" if how == "goes on asking" else "ok"),
    )
