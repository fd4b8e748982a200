"""Our EventSource: it can be closed at any time, shares six connections, and keeps its credentials to one host."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from free_ports import closed_port
from jobs.scripted_streams import Answer, scripted

from labctl.jobs.eventsource import (
    CLOSED,
    RETRIES_ANY_STATUS,
    TAKES_HALF_EVENTS,
    WITHOUT_LIMIT,
    Closed,
    ConnectionPool,
    EventSource,
    Lost,
    Message,
    Opened,
    fetch,
    origin,
)

RETRY = "retry: 10\n\n"
NO_MORE = Answer(status="204 No Content", fields="")
HELD = Answer(RETRY, how="hold")


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def reading(source: EventSource) -> tuple[threading.Thread, list[object]]:
    told: list[object] = []
    thread = threading.Thread(target=lambda: told.extend(source))
    thread.start()
    return thread, told


def test_it_is_closed_while_it_reads() -> None:
    with scripted(HELD) as server:
        source = EventSource(server.url)
        thread, told = reading(source)
        server.wait_asked(1)
        source.close()
        thread.join()
        assert source.ready_state == CLOSED
        assert [each for each in told if not isinstance(each, Opened)] == []


def test_it_is_closed_while_it_waits_to_connect_again() -> None:
    with closed_port() as port:
        source = EventSource(f"http://127.0.0.1:{port}/stream")
        lost = threading.Event()
        thread = threading.Thread(target=lambda: [lost.set() for _ in source])
        thread.start()
        assert lost.wait(20)
        source.close()
        thread.join(2.0)
        assert not thread.is_alive()


def test_it_is_closed_before_an_answer_comes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = EventSource(f"http://127.0.0.1:{silent.getsockname()[1]}/stream")
        thread, told = reading(source)
        peer, _ = silent.accept()
        with peer:
            assert peer.recv(10)
            source.close()
            thread.join()
        assert told == []


def test_an_iteration_that_was_left_is_closed_with_its_connection() -> None:
    with scripted(HELD) as server:
        pool = ConnectionPool()
        with EventSource(server.url, pool=pool) as source:
            assert next(iter(source)) == Opened("")
            assert pool.used(origin(server.url)) == 1
        assert pool.used(origin(server.url)) == 0


def test_a_lost_connection_gives_its_place_back_before_it_is_told() -> None:
    with scripted(Answer(RETRY), NO_MORE) as server:
        pool = ConnectionPool()
        with EventSource(server.url, pool=pool) as source:
            used = [(type(happening), pool.used(origin(server.url))) for happening in source]
    assert used == [(Opened, 1), (Lost, 0), (Closed, 0)]


def test_silence_is_a_lost_connection_only_for_who_says_so() -> None:
    with scripted(HELD, NO_MORE) as server, EventSource(server.url, read_s=0.05) as source:
        assert list(source) == [
            Opened(""),
            Lost("the server was silent for too long", 10),
            Closed(204, "status 204"),
        ]


def test_it_begins_in_the_middle_when_it_is_told_to() -> None:
    answers = (Answer(RETRY + "id: 8\ndata: a\n\n"), NO_MORE)
    with scripted(*answers) as server, EventSource(server.url, last_event_id="7") as source:
        assert Message("message", "a", "8") in list(source)
    assert [asked.last_event_id for asked in server.asked] == ["7", "8"]


def test_a_careless_client_asks_again_after_503() -> None:
    answers = (
        Answer(RETRY),
        Answer(status="503 Service Unavailable"),
        Answer("id: 1\ndata: a\n\n", how="hold"),
    )
    with (
        scripted(*answers) as server,
        EventSource(server.url, quirks=frozenset({RETRIES_ANY_STATUS})) as source,
    ):
        told = iter(source)
        assert [next(told) for _ in range(5)] == [
            Opened(""),
            Lost("the server ended the stream", 10),
            Lost("status 503", 10),
            Opened(""),
            Message("message", "a", "1"),
        ]


def test_a_careless_client_loses_the_event_that_was_cut() -> None:
    answers = (Answer(RETRY + "id: 3\ndata: wh"), NO_MORE)
    with (
        scripted(*answers) as server,
        EventSource(server.url, quirks=frozenset({TAKES_HALF_EVENTS})) as source,
    ):
        assert Message("message", "wh", "3") in list(source)
    assert server.asked[1].last_event_id == "3"


def test_a_token_goes_to_the_same_host_only() -> None:
    with scripted(NO_MORE) as last:
        for host in ("127.0.0.1", "localhost"):
            there = Answer(
                status="307 Temporary Redirect", fields=f"Location: http://{host}:{last.port}/stream\r\n"
            )
            with (
                scripted(there) as first,
                EventSource(first.url, headers={"Authorization": "Bearer t"}, cookies={"a": "b"}) as source,
            ):
                assert list(source) == [Closed(204, "status 204")]
            assert first.asked[0].fields["authorization"] == "Bearer t"
    same, other = last.asked
    assert (same.fields["authorization"], same.fields["cookie"]) == ("Bearer t", "a=b")
    assert not {"authorization", "cookie"} & set(other.fields)


@pytest.mark.parametrize("where", ["file:///etc/passwd", "http://[", "/stream"])
def test_bad_and_endless_redirects_are_failures_of_the_connection(where: str) -> None:
    answers = (Answer(RETRY), Answer(status="302 Found", fields=f"Location: {where}\r\n"))
    with scripted(*answers) as server, EventSource(server.url) as source:
        told = [happening for happening, _ in zip(source, range(3), strict=False)]
    assert isinstance(told[2], Lost)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "/stream", "http://"])
def test_what_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an http URL"):
        EventSource(url)


def test_the_seventh_request_waits_until_one_of_six_streams_ends() -> None:
    pool = ConnectionPool()
    with scripted(HELD) as server, ExitStack() as held:
        where, ping = origin(server.url), f"http://127.0.0.1:{server.port}/ping"
        for _ in range(6):
            source = held.enter_context(EventSource(server.url, pool=pool))
            assert next(iter(source)) == Opened("")
        assert fetch(ping, pool=pool, timeout_s=0.05) is None
        # Another name of the same server has connections of its own.
        assert fetch(ping.replace("127.0.0.1", "localhost"), pool=pool) == 200
        seventh = EventSource(server.url, pool=pool)
        thread, told = reading(seventh)
        while not pool.waiting(where):
            assert thread.is_alive()
        source.close()
        server.wait_asked(7)
        assert pool.used(where) == 6
        eighth = EventSource(server.url, pool=pool)
        waiting, nothing = reading(eighth)
        while not pool.waiting(where):
            assert waiting.is_alive()
        eighth.close()
        waiting.join()
        assert nothing == []
        seventh.close()
        thread.join()
        assert told in ([], [Opened("")])
        assert fetch(ping, pool=pool) == 200


def test_without_a_limit_the_seventh_is_served_at_once() -> None:
    pool = ConnectionPool(quirks=frozenset({WITHOUT_LIMIT}))
    with scripted(HELD) as server, ExitStack() as held:
        for _ in range(7):
            source = held.enter_context(EventSource(server.url, pool=pool))
            assert next(iter(source)) == Opened("")
        assert fetch(f"http://127.0.0.1:{server.port}/ping", pool=pool) == 200
