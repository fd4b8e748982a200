"""Another user's job, no user at all, and a token in the URL: what each endpoint says."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.jobs.claims import AUTHZ, TOKEN_NOT_IN_URL
from labs.jobs.stage import Stage, standing
from labs.telling import command, note, opening, result, table

_ENDPOINTS = (("GET", ""), ("GET", "/stream"), ("POST", "/ticket"), ("DELETE", ""))


class Seen(NamedTuple):
    """The statuses that one endpoint gave."""

    what: str
    foreign: int
    unknown: int
    nobody: int
    in_url: int


def show(internet: Internet) -> Iterator[Event]:
    """Ann has a job. Bob, nobody, and a token in the URL ask every endpoint for it."""
    with standing(internet, workers=1) as stage:
        yield opening("one job of ann's", "bob asks for it, nobody does, and a token in the URL")
        over = stage.submit(1, 0).body["job_id"]
        stage.wait_ended(over)
        job_id = stage.submit(100, 0.2).body["job_id"]
        seen = [_ask(stage, job_id, over, method, end) for method, end in _ENDPOINTS]
        still = stage.status(job_id)
    yield table(
        "authz.answers",
        "",
        ("", "bob", "bob, a job that is not", "nobody", "?token="),
        [_row(each) for each in seen],
    )
    yield note(
        "404 for both of Bob's: the answers do not tell a job of Ann's from one that never was, so guessing ids "
        "teaches nothing. 403 would have said that it is there. Nobody gets 401: who are you?"
    )
    yield note(
        "EventSource cannot send Authorization. A cookie goes by itself; where there is none, a ticket in the URL "
        "opens the stream of one job for half a minute, and is worth nothing in tomorrow's log."
    )
    same = all(each.foreign == each.unknown == 404 for each in seen)
    foreign = ", ".join(str(each.foreign) for each in seen)
    unknown = ", ".join(str(each.unknown) for each in seen)
    yield AUTHZ.judged(
        same and still in ("queued", "running"),
        f"For Ann's job Bob got {foreign}; for one that is not there {unknown}.",
    )
    refused = all(each.in_url == 401 and each.nobody == 401 for each in seen)
    in_url = ", ".join(str(each.in_url) for each in seen)
    yield TOKEN_NOT_IN_URL.judged(refused, f"With Ann's own token in the URL the endpoints said {in_url}.")
    yield result(
        f"Ann's job is {still}: four endpoints, and nobody else got at it."
        if same
        else "Bob learns something."
    )
    yield command("next", "labctl jobs --show status", "what a stream does with such an answer")


def _ask(stage: Stage, job_id: str, over: str, method: str, end: str) -> Seen:
    path, other = f"/api/jobs/{job_id}{end}", f"/api/jobs/{uuid.uuid4()}{end}"
    token = stage.service.tokens["ann"]
    # With the token in the URL for a job of hers that is over: should it count, nothing is cancelled or held open.
    return Seen(
        f"{method} /api/jobs/ID{end}",
        stage.ask(method, path, user="bob").status,
        stage.ask(method, other, user="bob").status,
        stage.ask(method, path, user="").status,
        stage.ask(method, f"/api/jobs/{over}{end}?token={token}", user="").status,
    )


def _row(seen: Seen) -> Row:
    return Row(
        f"{seen.what}: Bob {seen.foreign}, a job that is not {seen.unknown}, nobody {seen.nobody}, "
        f"a token in the URL {seen.in_url}.",
        (seen.what, str(seen.foreign), str(seen.unknown), str(seen.nobody), str(seen.in_url)),
    )
