"""The stream of a job: replay, the end, heartbeats, and how many are admitted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jobs.web_store import Web, web_in
from werkzeug.test import TestResponse

from labctl.jobs.doorbell import ring


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with web_in(tmp_path) as found:
        yield found


def job_with(web: Web, events: int, *, ended: bool = True) -> str:
    job_id = web.submit()
    for number in range(events):
        web.store.put(job_id, step=number)
    if ended:
        web.store.end(job_id)
    return job_id


def ids(answer: TestResponse) -> list[int]:
    return [int(number) for number in re.findall(r"^id: (\d+)$", answer.text, re.M)]


def test_a_stream_has_all_events_and_ends_with_the_job(web: Web) -> None:
    answer = web.ask("GET", f"/api/jobs/{job_with(web, 3)}/stream")
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.text.startswith("retry: 1500\n\n")
    assert 'id: 0\nevent: progress\ndata: {"step":0}\n\n' in answer.text
    assert ids(answer) == [0, 1, 2]
    answer.close()
    assert web.places.used == 0


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ({"Last-Event-ID": "1"}, "", [2, 3]),
        ({}, "?last_event_id=2", [3]),
        ({"Last-Event-ID": "0"}, "?last_event_id=2", [1, 2, 3]),
        ({"Last-Event-ID": ""}, "?last_event_id=1", [2, 3]),
        ({"Last-Event-ID": "-1"}, "", [0, 1, 2, 3]),
    ],
)
def test_what_was_missed_comes_once(
    web: Web, headers: dict[str, str], query: str, expected: list[int]
) -> None:
    answer = web.ask("GET", f"/api/jobs/{job_with(web, 4)}/stream{query}", headers=headers)
    assert ids(answer) == expected


@pytest.mark.parametrize("given", ["x", "1.5", "-2", "٣", "1" * 16, "1 OR 1"])
def test_an_id_that_is_none_is_refused_and_not_a_server_error(web: Web, given: str) -> None:
    job_id = job_with(web, 1)
    answer = web.ask("GET", f"/api/jobs/{job_id}/stream", query_string={"last_event_id": given})
    assert answer.status_code == 400


def test_nothing_more_is_204(web: Web) -> None:
    job_id = job_with(web, 3)
    for last in ("2", "99"):
        answer = web.ask("GET", f"/api/jobs/{job_id}/stream", headers={"Last-Event-ID": last})
        assert (answer.status_code, answer.data) == (204, b"")
    never_begun = job_with(web, 0)
    assert web.ask("GET", f"/api/jobs/{never_begun}/stream").status_code == 204


def test_a_cancelled_job_says_so_once(web: Web) -> None:
    job_id = job_with(web, 2, ended=False)
    web.store.cancel(job_id)
    answer = web.ask("GET", f"/api/jobs/{job_id}/stream")
    assert ids(answer) == [0, 1]
    assert answer.text.endswith("event: cancelled\ndata: {}\n\n")
    again = web.ask("GET", f"/api/jobs/{job_id}/stream", headers={"Last-Event-ID": "1"})
    assert again.status_code == 204


def test_new_events_come_while_the_stream_is_open(web: Web) -> None:
    job_id = job_with(web, 1, ended=False)
    answer = web.ask("GET", f"/api/jobs/{job_id}/stream")
    parts = iter(answer.response)
    assert next(parts) == b"retry: 1500\n\n"
    assert b"id: 0" in next(parts)
    web.store.put(job_id)
    web.store.end(job_id)
    ring(web.settings, job_id)
    assert b"id: 1" in next(parts)
    assert not list(parts)
    answer.close()


def test_a_stream_without_news_has_heartbeats(tmp_path: Path) -> None:
    with web_in(tmp_path, heartbeat_s=0.01) as web:
        answer = web.ask("GET", f"/api/jobs/{job_with(web, 0, ended=False)}/stream")
        parts = iter(answer.response)
        assert [next(parts) for _ in range(3)] == [b"retry: 1500\n\n", b": beat\n\n", b": beat\n\n"]
        answer.close()
        assert web.places.used == 0


def test_no_more_streams_than_places_and_each_is_given_back(tmp_path: Path) -> None:
    with web_in(tmp_path, streams=3, streams_per_user=2) as web:
        path = {user: f"/api/jobs/{web.submit(user)}/stream" for user in ("ann", "bob")}
        opened = [web.ask("GET", path["ann"]) for _ in range(2)]
        mine = web.ask("GET", path["ann"])
        assert (mine.status_code, mine.json["error"]) == (429, "too-many-streams")
        opened.append(web.ask("GET", path["bob"], "bob"))
        full = web.ask("GET", path["bob"], "bob")
        assert (full.status_code, full.json["error"]) == (503, "no-place")
        assert int(full.headers["Retry-After"]) >= 1
        assert web.places.used == 3
        # The whole site still answers, also for who has all places; and HEAD takes none.
        assert web.ask("GET", "/api/jobs").status_code == 200
        assert web.ask("HEAD", path["ann"]).status_code == 200
        for answer in opened:
            answer.close()  # never read from: what a server does when the client is gone already
            answer.close()
        assert web.places.used == 0
        again = web.ask("GET", path["ann"])
        assert again.status_code == 200
        again.close()


def test_streams_are_elsewhere_when_there_is_a_stream_server(tmp_path: Path) -> None:
    hosts = ("jobs.test:8000", "127.0.0.1:8000", "jobs.test:9000", "127.0.0.1:9000")
    with web_in(tmp_path, hosts=hosts, stream_url="http://127.0.0.1:9000") as web:
        job_id = web.submit()
        answer = web.ask("GET", f"/api/jobs/{job_id}/stream?last_event_id=3")
        assert answer.status_code == 307
        # The name is the one by which the page was called: a cookie goes by it.
        assert answer.headers["Location"] == f"http://jobs.test:9000/api/jobs/{job_id}/stream?last_event_id=3"
        assert web.ask("GET", f"/api/jobs/{job_id}/stream", "bob").status_code == 404
        assert "http://jobs.test:9000" in answer.headers["Content-Security-Policy"]


def test_faults_are_real(tmp_path: Path) -> None:
    def told(fault: str, last: str = "") -> TestResponse:
        with web_in(tmp_path, faults=frozenset({fault}), heartbeat_s=0.01) as web:
            headers = {"Last-Event-ID": last} if last else {}
            return web.ask("GET", f"/api/jobs/{job_with(web, 3)}/stream", headers=headers, buffered=True)

    assert "id:" not in told("ids-left-out").text
    assert told("retry-in-seconds").text.startswith("retry: 1.5\n\n")
    assert "X-Accel-Buffering" not in told("no-accel-header").headers
    assert (told("empty-200", "2").status_code, told("empty-200", "2").data) == (200, b"")
    assert told("no-replay", "0").status_code == 204
    with web_in(tmp_path, faults=frozenset({"no-admission-limit"}), streams=1) as web:
        path = f"/api/jobs/{web.submit()}/stream"
        answers = [web.ask("GET", path) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        for answer in answers:
            answer.close()
    with web_in(tmp_path, faults=frozenset({"job-ends-with-the-stream"})) as web:
        job_id = web.submit()
        web.ask("GET", f"/api/jobs/{job_id}/stream").close()
        assert job_id in web.store.cancelled
