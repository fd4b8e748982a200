"""What an EventSource does when its next connection is refused, ended, or answered with another status than 200."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.protocols import sse
from labs.jobs.claims import STATUS_CLOSES
from labs.jobs.scripted import STREAM, Answer, Scripted
from labs.jobs.stage import faults_of
from labs.telling import command, measured, note, opening, result, table
from labs.words import count, listed

RETRY_MS, RETRY_AFTER_S, MOST_S = 120, 1, 1.5
_REASONS = {502: "Bad Gateway", 503: "Service Unavailable", 429: "Too Many Requests"}


class _Case(NamedTuple):
    """What the client met behind its first connection, and what it did: requests, events, the status that closed it
    (0: nothing did), milliseconds until a stream was open again (None: never)."""

    name: str
    status: int
    requests: int
    events: int
    closed: int
    again_ms: float | None


def show(internet: Internet) -> Iterator[Event]:
    """Each case is a stream that breaks behind its first event, and then is there again at the third request."""
    quirks = faults_of(internet)
    yield opening("a stream breaks, and the client comes back", f"retry: {RETRY_MS}")
    cases = [
        _case("the stream ends", 0, 0.0, quirks),
        _case("connection refused", 0, 2.5 * RETRY_MS / 1000, quirks),
        *(_case(f"{status} {reason}", status, 0.0, quirks) for status, reason in _REASONS.items()),
    ]
    columns = ("what it meets", "requests", "events", "in the end")
    yield table("status.cases", "", columns, [_row(each) for each in cases])
    lost = [each for each in cases if not each.status]
    answered = [each for each in cases if each.status]
    closed = [each for each in answered if each.closed == each.status and each.requests == 2]
    yield note(
        "No answer is a lost connection, and is tried again until there is one. An answer that is no stream is an "
        "answer: onerror is called, readyState is 2, and no request follows, whatever Retry-After says. So a service "
        "that starts anew is survived without a proxy, and behind one that says 502 meanwhile it is the end."
    )
    yield note(
        "A page needs its own way back: when readyState is 2, wait, and open a new EventSource whose URL has the last "
        "id. And 429 and 503 belong on the POST."
    )
    yield measured(
        "jobs.status.closed", len(closed), f"{len(closed)} statuses closed it for good.", "statuses"
    )
    came_back = sum(each.again_ms is not None for each in lost)
    yield STATUS_CLOSES.judged(
        len(closed) == len(answered) and came_back == len(lost),
        f"Of {len(answered)} clients that got another status {len(closed)} stayed away; of {len(lost)} whose "
        f"connection was lost {came_back} came back.",
    )
    wrong = [str(each.status) for each in answered if each not in closed]
    yield result(
        f"This client asked again behind {listed(wrong)}; no browser does."
        if wrong
        else "Only where there was no answer did it ask again.",
        "bad" if wrong else "ok",
    )
    yield command("next", "labctl jobs --kill server", "a web server that dies below its streams")


def _case(name: str, status: int, refused_s: float, quirks: frozenset[str]) -> _Case:
    from labctl.jobs.eventsource import Closed, EventSource, Message, Opened

    def answer(number: int, _: dict[str, str]) -> Answer:
        if number == 0:
            data = STREAM + sse.encode_retry(RETRY_MS) + sse.encode("progress", "1", 1)
            return Answer(data, broken=status != 0, refused_s=refused_s)
        if number == 1 and status:
            return Answer(
                f"HTTP/1.1 {status} {_REASONS[status]}\r\nRetry-After: {RETRY_AFTER_S}\r\n"
                "Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
            )
        return Answer(STREAM + sse.encode("done", "2", 2))

    events, closed, first = 0, 0, 0.0
    again_ms: float | None = None
    with Scripted(answer) as server, EventSource(server.url, quirks=quirks) as source:
        timer = threading.Timer(MOST_S, source.close)
        timer.daemon = True
        timer.start()
        for each in source:
            if isinstance(each, Opened) and not first:
                first = time.monotonic()
            elif isinstance(each, Opened):
                again_ms = (time.monotonic() - first) * 1000
            elif isinstance(each, Message):
                events += 1
                if each.type == "done":
                    break
            elif isinstance(each, Closed):
                closed = each.status
                # As long as three more attempts would take.
                time.sleep(3 * RETRY_MS / 1000)
        timer.cancel()
        timer.join()
        requests = len(server.heads())
    return _Case(name, status, requests, events, closed, again_ms)


def _row(case: _Case) -> Row:
    how = "closed for good" if case.closed else "not back"
    if case.again_ms is not None:
        how = f"back after {case.again_ms:.0f} ms"
    expected = case.closed == case.status and (case.again_ms is None) == bool(case.status)
    return Row(
        f"{case.name}: {case.requests} requests answered, {count(case.events, 'event')}, {how}.",
        (case.name, str(case.requests), str(case.events), how),
        hues=("", "", "", "ok" if expected and not case.status else "warn" if expected else "bad"),
    )
