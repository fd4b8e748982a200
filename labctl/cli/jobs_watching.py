"""Follow a job's stream with the browser's rules, and reopen it where a browser's EventSource gives up.

Exit code 0: the job is done. 1: it failed or was cancelled, as a check that failed. 3: it cannot be watched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import quote

from labctl.cli import jobs_client
from labctl.cli.jobs_client import Client
from labctl.cli.jobs_showing import shown
from labctl.jobs.eventsource import EventSource, Lost, Message, Opened
from labctl.protocols.sse_source import Happening

_AGAIN_S = 1.5
# Heartbeats come each ten seconds: who is silent for so long has vanished without closing.
_SILENCE_S = 45.0
_ENDS = {"done": 0, "failed": 1, "cancelled": 1}


def follow(client: Client, job: str, *, jsonl: bool, last: str = "") -> int:
    """Show each event once, until the job ends. The exit code. Raises CannotRun, KeyboardInterrupt."""
    path = f"/api/jobs/{quote(job, safe='')}"
    # A service that is not there, or does not know the job, is told at once; later it may be away for a while.
    _status(client, path, job)
    with shown(job, jsonl) as screen:
        while True:
            for happening in _stream(client, path + "/stream", last):
                if isinstance(happening, Message):
                    # What ends a cancelled job has no id of its own.
                    if happening.type not in _ENDS and not _newer(happening.last_event_id, last):
                        continue
                    # An end without an id of its own comes with the last one, as in a browser.
                    number = happening.last_event_id if happening.last_event_id != last else ""
                    last = happening.last_event_id or last
                    screen.event(number, happening.type, happening.data)
                    if happening.type in _ENDS:
                        return _ENDS[happening.type]
                elif isinstance(happening, Opened):
                    screen.opened(happening.last_event_id)
                elif isinstance(happening, Lost):
                    screen.lost(happening.why, happening.wait_ms / 1000)
                elif happening.status == 204:
                    status = _status(client, path, job)
                    screen.ended(status)
                    return _ENDS.get(status, 1)
                else:
                    _never_again(client, job, happening.status)
                    screen.lost(happening.why, _AGAIN_S)
                    time.sleep(_AGAIN_S)


def _stream(client: Client, path: str, last: str) -> Iterator[Happening]:
    """What happens on the stream; it ends after Closed."""
    with EventSource(
        client.url + path, headers=client.headers, last_event_id=last, read_s=_SILENCE_S
    ) as source:
        yield from source


def _never_again(client: Client, job: str, status: int) -> None:
    """Raises CannotRun for an answer that will be the same next time."""
    if status == 401:
        raise jobs_client.not_you(client.url)
    if status == 404:
        raise jobs_client.no_such_job(job)


def _status(client: Client, path: str, job: str) -> str:
    answer = client.ask("GET", path)
    if answer.status == 404:
        raise jobs_client.no_such_job(job)
    if answer.status != 200:
        raise jobs_client.refused(answer, "the job")
    return str(answer.body.get("status", ""))


def _newer(given: str, last: str) -> bool:
    """Delivery is at least once: an id that was seen is not shown again. What has no number is always shown."""
    if not (given.isascii() and given.isdigit() and last.isascii() and last.isdigit()):
        return True
    return int(given) > int(last)
