"""The stream server: who gets a stream, and what the others are told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jobs.stream_server_harness import Client, Standing, put, standing

from labctl.jobs.access import Access
from labctl.jobs.store import Event


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Standing]:
    with standing(tmp_path) as found:
        yield found


@pytest.mark.parametrize(
    ("target", "fields", "status"),
    [
        ("/api/jobs/j1/stream", {"user": ""}, 401),
        ("/api/jobs/j1/stream", {"user": "eve"}, 401),
        ("/api/jobs/j1/stream", {"user": "bob"}, 404),
        ("/api/jobs/j2/stream", {}, 404),
        ("/api/jobs/j1", {}, 404),
        ("/api/jobs/../jobs/j1/stream", {}, 404),
        ("/api/jobs/j1/stream", {"Host": "evil.test"}, 421),
        ("/api/jobs/j1/stream", {"Origin": "http://evil.test"}, 403),
        ("/api/jobs/j1/stream", {"Origin": "null"}, 403),
        ("/api/jobs/j1/stream", {"Sec_Fetch_Site": "same-site"}, 403),
        ("/api/jobs/j1/stream", {"Last_Event_ID": "no"}, 400),
        ("/api/jobs/j1/stream", {"Last_Event_ID": "-2"}, 400),
        ("/api/jobs/j1/stream", {"Host": ""}, 400),
        ("/api/jobs/j1/stream", {"X": "x" * 20000}, 431),
        ("/healthz", {}, 200),
    ],
)
def test_who_does_not_get_a_stream(
    server: Standing, target: str, fields: dict[str, str], status: int
) -> None:
    client = server.ask(target, **fields)
    assert client.status() == status
    head, _, body = client.got.partition(b"\r\n\r\n")
    assert json.loads(body)["message"].endswith(".")
    assert b"Connection: close" in head
    assert (b"WWW-Authenticate" in head) == (status == 401)


def test_a_ticket_opens_the_stream_of_its_job_only(server: Standing) -> None:
    server.store.add("j2")
    for job in ("j1", "j2"):
        put(server, job, "done", last=True)
    ticket = Access(server.settings).ticket("ann", "j1")
    assert server.ask(f"/api/jobs/j1/stream?ticket={ticket}", user="").status() == 200
    assert server.ask(f"/api/jobs/j2/stream?ticket={ticket}", user="").status() == 401


def test_the_end_of_a_cancelled_job_is_told_once(server: Standing) -> None:
    server.store.rows["j1"] = [Event(-1, "cancelled", {})]
    server.store.end("j1")
    first = server.ask("/api/jobs/j1/stream")
    assert b"event: cancelled\n" in first.whole()
    assert first.ids() == []


def test_who_had_all_stored_events_of_a_cancelled_job_is_answered_204(server: Standing) -> None:
    put(server, "j1")
    server.store.rows["j1"].append(Event(-1, "cancelled", {}))
    server.store.end("j1")
    # What is told has no id: a client that never closes would come back for it for ever.
    assert server.ask("/api/jobs/j1/stream", Last_Event_ID="0").status() == 204
    missed = server.ask("/api/jobs/j1/stream")
    assert b"event: cancelled\n" in missed.whole()
    assert missed.ids() == [0]


def test_a_page_of_the_service_may_read_the_answers(server: Standing) -> None:
    put(server, "j1", "done", last=True)
    origin = {"Origin": "http://jobs.test"}
    assert (
        b"Access-Control-Allow-Origin: http://jobs.test\r\n"
        in server.ask("/api/jobs/j1/stream", **origin).whole()
    )
    assert (
        b"Access-Control-Allow-Credentials: true\r\n" in server.ask("/api/jobs/j9/stream", **origin).whole()
    )
    asked = Client(server.port, "/api/jobs/j1/stream", {"Host": "jobs.test", **origin}, "OPTIONS")
    assert asked.status() == 204
    assert Client(server.port, "/api/jobs/j1/stream", {"Host": "jobs.test"}, "POST").status() == 405


def test_a_store_that_is_gone_is_said_and_open_streams_stay(server: Standing) -> None:
    client = server.ask("/api/jobs/j1/stream").until(b"retry")
    with server.store.gone():
        refused = server.ask("/api/jobs/j1/stream")
        assert refused.status() == 503
        assert b"Retry-After: 2" in refused.got
    put(server, "j1", "done", last=True)
    client.whole()
    assert client.ids() == [0]
