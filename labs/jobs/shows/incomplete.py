"""A connection that ends in the middle of an event: what counts, and where the client goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.protocols import sse
from labs.jobs.claims import INCOMPLETE_EVENT
from labs.jobs.scripted import STREAM, Answer, Scripted
from labs.jobs.stage import faults_of
from labs.telling import command, note, opening, result, table
from labs.words import count, listed

RETRY_MS, MOST_S, LAST, CUT = 300, 2.5, 4, 3
_TEXTS = {number: f"page {number} of {LAST} is written" for number in range(1, LAST + 1)}


def show(internet: Internet) -> Iterator[Event]:
    """Four events; the first connection breaks within the third, behind half of its text."""
    from labctl.jobs.eventsource import EventSource, Message

    got: list[tuple[int, str, str]] = []
    with (
        Scripted(_answer) as server,
        EventSource(server.url, quirks=faults_of(internet)) as source,
    ):
        yield opening(f"the connection breaks within event {CUT}", f"{LAST} events, retry: {RETRY_MS}")
        timer = threading.Timer(MOST_S, source.close)
        timer.daemon = True
        timer.start()
        for each in source:
            if isinstance(each, Message):
                got.append((len(server.heads()), each.last_event_id, each.data))
                if each.last_event_id == str(LAST):
                    break
        timer.cancel()
        timer.join()
        asked = [head.fields.get("last-event-id", "") for head in server.heads()]
    whole = [id_ for _, id_, data in got if data == _TEXTS.get(int(id_ or 0))]
    rows = [
        Row(
            f"Connection {number}: event {id_ or 'without an id'}, {data!r}.",
            (str(number), id_ or "-", data),
            hues=("", "", "ok" if data == _TEXTS.get(int(id_ or 0)) else "bad"),
        )
        for number, id_, data in got
    ]
    yield table("incomplete.events", "", ("connection", "id", "data"), rows)
    back = asked[1] if len(asked) > 1 else ""
    cut = _event(CUT)
    yield note(
        f"Of event {CUT} the server had sent {count(len(_half()), 'byte')} of {len(cut)}: its id, and half of its "
        "data. Only the empty line makes an event of them: before it, the browser keeps what came to itself, and "
        "drops it when the connection ends."
    )
    yield note(
        f"The client came back with Last-Event-ID: {back or 'none'}, and the server sent what "
        "follows that id: it knows nothing else of what the client has."
    )
    ids = [str(number) for number in range(1, LAST + 1)]
    held = back == str(CUT - 1) and whole == ids and len(got) == LAST
    yield INCOMPLETE_EVENT.judged(
        held,
        f"The connection broke within event {CUT}; the client came back with id {back or 'none'}, and had events "
        f"{listed(whole)} whole.",
    )
    if held:
        yield result(f"Event {CUT} came again, and whole.")
    else:
        yield result(f"This client took half of event {CUT} for the whole, and never got the rest.", "bad")
    yield command("next", "labctl jobs", "a cut between two events of a real job")


def _event(number: int) -> bytes:
    return sse.encode("progress", _TEXTS[number], number)


def _half() -> bytes:
    """Event CUT up to the middle of its data."""
    whole = _event(CUT)
    return whole[: whole.index(b"data: ") + len("data: ") + len(_TEXTS[CUT]) // 2]


def _answer(number: int, fields: dict[str, str]) -> Answer:
    """A careful server: what follows the id that the client names."""
    if number == 0:
        before = b"".join(_event(each) for each in range(1, CUT))
        return Answer(STREAM + sse.encode_retry(RETRY_MS) + before + _half(), broken=True)
    last = fields.get("last-event-id", "")
    after = int(last) if last.isdecimal() else 0
    return Answer(STREAM + b"".join(_event(each) for each in range(after + 1, LAST + 1)))
