"""The stream server: what is sent, what it bears, and that a hundred streams lose nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from jobs.stream_server_harness import Standing, eventually, put, standing

from labctl.jobs.doorbell import ring
from labctl.jobs.stream_server_connection import Limits


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Standing]:
    with standing(tmp_path) as found:
        yield found


def test_a_stream_has_what_was_what_comes_and_ends_with_the_job(server: Standing) -> None:
    put(server, "j1", "started")
    client = server.ask("/api/jobs/j1/stream").until(b"event: started")
    head = client.got.split(b"\r\n\r\n")[0].decode()
    assert "200 OK" in head
    assert "Content-Type: text/event-stream" in head
    assert "Cache-Control: no-store" in head
    assert "X-Accel-Buffering: no" in head
    assert b"retry: 1500\n" in client.got
    put(server, "j1")
    client.until(b"event: progress")
    put(server, "j1", "done", last=True)
    client.whole()
    assert client.ids() == [0, 1, 2]


@pytest.mark.parametrize("fields", [{"Last_Event_ID": "1"}, {}])
def test_a_client_that_comes_back_gets_what_it_has_not(server: Standing, fields: dict[str, str]) -> None:
    for _ in range(4):
        put(server, "j1")
    query = "" if fields else "?last_event_id=1"
    with server.ask(f"/api/jobs/j1/stream{query}", **fields).until(b"id: 3").socket as _:
        pass
    put(server, "j1", "done", last=True)
    client = server.ask(f"/api/jobs/j1/stream{query}", **fields)
    client.whole()
    assert client.ids() == [2, 3, 4]


def test_the_field_counts_before_the_query(server: Standing) -> None:
    for _ in range(4):
        put(server, "j1")
    put(server, "j1", "done", last=True)
    client = server.ask("/api/jobs/j1/stream?last_event_id=0", Last_Event_ID="3")
    client.whole()
    assert client.ids() == [4]


def test_204_when_the_job_has_ended_and_nothing_is_missing(server: Standing) -> None:
    put(server, "j1", "done", last=True)
    assert server.ask("/api/jobs/j1/stream", Last_Event_ID="0").status() == 204
    assert server.ask("/api/jobs/j1/stream").status() == 200


def test_a_user_has_so_many_streams_and_a_closed_one_makes_room(tmp_path: Path) -> None:
    with standing(tmp_path, streams_per_user=2) as server:
        open_ones = [server.ask("/api/jobs/j1/stream").until(b"retry") for _ in range(2)]
        refused = server.ask("/api/jobs/j1/stream")
        assert refused.status() == 429
        assert b"Retry-After" in refused.got
        open_ones[0].socket.close()
        eventually(lambda: sum(server.server._streams.values()) == 1)
        open_ones.append(server.ask("/api/jobs/j1/stream").until(b"retry"))
        for each in open_ones[1:]:
            each.socket.close()


def test_a_connection_too_many_is_told_so(tmp_path: Path) -> None:
    with standing(tmp_path, Limits(connections=1)) as server:
        client = server.ask("/api/jobs/j1/stream").until(b"retry")
        assert server.ask("/healthz").status() == 503
        client.socket.close()
        eventually(lambda: not server.server._connections)
        assert server.ask("/healthz").status() == 200


def test_a_quiet_stream_gets_beats_and_who_sends_no_head_is_dropped(tmp_path: Path) -> None:
    with standing(tmp_path, Limits(head_s=0.5), heartbeat_s=0.05) as server:
        silent = socket.create_connection(("127.0.0.1", server.port), 20)
        with (
            closing(
                server.ask("/api/jobs/j1/stream").until(b": beat\n\n").until(b": beat\n\n: beat\n\n").socket
            ),
            silent,
        ):
            assert silent.recv(10) == b""


def test_who_does_not_read_is_dropped_and_who_talks_on_too(tmp_path: Path) -> None:
    with standing(tmp_path, Limits(unread=1000, after_head=1000)) as server:
        reads = server.ask("/api/jobs/j1/stream").until(b"retry")
        deaf = server.ask("/api/jobs/j1/stream").until(b"retry")
        talks = server.ask("/api/jobs/j1/stream").until(b"retry")
        talks.socket.sendall(b"x" * 2000)
        with talks.socket, suppress(ConnectionResetError):
            assert talks.socket.recv(1) == b""
        number = 0
        while not server.server.dropped:
            number = server.store.put("j1", text="x" * 100_000)  # type: ignore[arg-type]
            ring(server.settings, "j1")
            reads.until(b"id: %d\n" % number)
        put(server, "j1", "done", last=True)
        reads.whole()
        assert reads.ids() == list(range(number + 2))
        deaf.socket.close()


def test_a_hundred_streams_at_different_places_get_each_event_once(server: Standing, tmp_path: Path) -> None:
    with standing(tmp_path, streams_per_user=100) as server:
        jobs = [f"k{number}" for number in range(4)]
        for job in jobs:
            server.store.add(job)
            for _ in range(5):
                put(server, job)
        clients = []
        for number in range(100):
            after = number % 6 - 1
            fields = {"Last_Event_ID": str(after)} if after >= 0 else {}
            clients.append((after, server.ask(f"/api/jobs/{jobs[number % 4]}/stream", **fields)))
            if number % 10 == 9:
                for job in jobs:
                    put(server, job)
        for _, client in clients:
            client.until(b"retry")
        eventually(lambda: len(server.server.channels) == 4)
        for job in jobs:
            put(server, job, "done", last=True)
        for after, client in clients:
            client.whole()
            assert client.ids() == list(range(after + 1, 16))
        eventually(lambda: not server.server._connections)
        assert len(server.server.channels) == 0


def test_the_end_of_the_server_is_a_clean_end_of_its_streams(server: Standing) -> None:
    put(server, "j1")
    client = server.ask("/api/jobs/j1/stream").until(b"id: 0")
    server.end()
    client.whole()
    assert client.ids() == [0]
