"""Answers before the answer: 100 Continue before the content, 103 before the page."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event
from labctl.fetch.exchange import Answer
from labctl.protocols.http1 import Fields, get
from labctl.protocols.http_statuses import status_meaning
from labs.http.claims import INTERIM
from labs.http.peer import Desk
from labs.http.telling import came, sent
from labs.http.words import size
from labs.telling import about, heading, measured, opening, result

API, ORIGIN = "api.shop.test", "origin.shop.test"
CONTENT = b"x" * 100_000
EXPECT: Fields = (("Expect", "100-continue"),)


def show(desk: Desk) -> Iterator[Event]:
    yield opening("answers before the answer", "1xx")
    yield heading("An upload that is wanted", "100, then the content")
    taken, _ = _upload(desk, "/upload")
    yield from _drawn(taken, "/upload")
    yield heading("An upload that is not wanted", "the content stays at home")
    refused, sent_bytes = _upload(desk, "/refuse")
    yield from _drawn(refused, "/refuse")
    with desk.reach(f"http://{API}/") as peer:
        odd = peer.ask("/upload", method="POST", fields=(("Expect", "200-ok"),), body=b"x")
    yield about("417", f"Expect: 200-ok is nothing that a server can promise: {odd.status}.")
    yield heading("Hints before the page", "103, and the browser begins to fetch")
    with desk.reach(f"http://{ORIGIN}/") as peer:
        early = peer.ask("/early")
    yield from _hints(early)
    yield measured(
        "http.refused.sent", sent_bytes, f"For the refused upload {size(sent_bytes)} went out.", "B"
    )
    if refused.failure or refused.status < 400:
        yield INTERIM.not_seen(f"The upload was not refused: {refused.status}. {refused.detail}".rstrip())
        return
    yield INTERIM.judged(
        sent_bytes < 1000,
        f"The server said {refused.status}; of a head and {size(len(CONTENT))}, {size(sent_bytes)} went out.",
    )
    if sent_bytes < 1000:
        yield result(f"{size(len(CONTENT))} were not sent, for one round trip of waiting.")


def _upload(desk: Desk, path: str) -> tuple[Answer, int]:
    """The answer, and the bytes that were written for it."""
    impatient = "client-does-not-wait" in desk.habits
    limits = desk.limits._replace(continue_s=0.0) if impatient else desk.limits
    with desk.reach(f"http://{API}/") as peer:
        answer = peer.ask(path, method="POST", fields=EXPECT, body=CONTENT, limits=limits)
        return answer, peer.stream.sent


def _drawn(answer: Answer, path: str) -> Iterator[Event]:
    times = answer.times
    yield sent(
        times.sent_at, f"POST {path}, only the head", f"POST {path}, the head alone, with Expect.", to=API
    )
    # With a yes it goes out as soon as that is there; when the last byte of it left is another moment.
    begins = times.first_byte_at if answer.interim else times.sent_end
    content = (begins or times.sent_at, size(len(CONTENT)))
    if answer.interim and times.first_byte_at is not None:
        yield came(
            times.first_byte_at,
            "100 Continue",
            "100 Continue.",
            by=API,
            heavy=False,
            hue="alt",
            role="interim",
        )
    if answer.body_sent:
        yield sent(
            content[0], f"the content, {content[1]}", f"The content, {content[1]}.", to=API, heavy=True
        )
    if answer.status:
        name = f"{answer.status} {status_meaning(answer.status).name}"
        yield came(
            times.head_at or times.sent_at,
            name,
            f"{name}.",
            by=API,
            hue="ok" if answer.status < 400 else "bad",
        )


def _hints(answer: Answer) -> Iterator[Event]:
    times = answer.times
    yield sent(times.sent_at, "GET /early", "GET /early.", to=ORIGIN)
    for interim in answer.interim:
        link = get(interim.fields, "Link") or ""
        at = times.first_byte_at or times.sent_at
        name = f"{interim.status} {status_meaning(interim.status).name}"
        yield came(at, name, f"{name}: {link}.", by=ORIGIN, heavy=False, hue="alt", role="interim")
    yield came(
        times.head_at or times.sent_at, f"{answer.status}, the page", f"{answer.status}, the page.", by=ORIGIN
    )
