"""The state machine of an EventSource: whatever happens, a browser's rules hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols.sse_source import (
    CLOSED,
    OPEN,
    RETRIES_ANY_STATUS,
    TAKES_HALF_EVENTS,
    Closed,
    Connect,
    Lost,
    Message,
    Opened,
    Read,
    SourceState,
    Stop,
    Wait,
)

STREAM = "text/event-stream"
answers = st.tuples(
    st.just("answer"), st.sampled_from([200, 200, 204, 301, 404, 502, 503]), st.sampled_from([STREAM, ""])
)
bodies = st.tuples(
    st.just("body"), st.sampled_from([b"id: 1\n", b"data: a\n", b"\n", b"retry: 5\n\n", b"id\n"]), st.just("")
)
ends = st.tuples(st.just("end"), st.just(0), st.just(""))
waits = st.tuples(st.just("wait"), st.integers(0, 4000), st.just(""))


@given(st.lists(answers | bodies | ends | waits, max_size=30), st.sampled_from(["", "7"]))
def test_it_asks_again_after_a_lost_connection_and_never_after_a_refusal(
    script: list[tuple[str, int | bytes, str]], last: str
) -> None:
    state, now, refused = SourceState(last), 0.0, False
    due = 0.0
    for what, value, kind in script:
        step = state.step(now)
        if refused:
            assert step == Stop()
            continue
        if isinstance(step, Connect):
            assert now >= due
            sent = dict(step.fields)
            assert sent.get("Last-Event-ID", "") == state.last_event_id
            assert state.step(now) == Read()
        if what == "wait":
            assert isinstance(value, int)
            now += value / 1000
        elif what == "answer" and state.connected and state.ready_state != OPEN:
            assert isinstance(value, int)
            told = state.answered(value, kind, now)
            refused = (value, kind) != (200, STREAM)
            assert isinstance(told[0], Closed if refused else Opened)
        elif what == "body" and state.ready_state == OPEN:
            assert isinstance(value, bytes)
            assert all(isinstance(each, Message) for each in state.received(value, now))
        elif what == "end" and state.connected:
            (lost,) = state.ended("cut", now)
            assert isinstance(lost, Lost)
            due = now + lost.wait_ms / 1000
            assert state.step(now) == Wait(due - now)
    assert (state.ready_state == CLOSED) == refused


def test_the_id_of_an_event_that_was_cut_is_not_sent() -> None:
    state = SourceState()
    state.step(0)
    state.answered(200, STREAM, 0)
    assert len(state.received(b"retry: 20\nid: 2\ndata: a\n\nid: 3\ndata: b\n", 0)) == 1
    assert state.ended("cut", 1.0) == (Lost("cut", 20),)
    assert state.step(2.0) == Connect(
        (("Accept", STREAM), ("Cache-Control", "no-cache"), ("Last-Event-ID", "2"))
    )


def test_a_careless_client_takes_half_an_event_for_a_whole_one() -> None:
    state = SourceState(quirks=frozenset({TAKES_HALF_EVENTS}))
    state.step(0)
    state.answered(200, STREAM, 0)
    state.received(b'id: 3\ndata: {"percent": 1', 0)
    assert state.ended("cut", 0)[0] == Message("message", '{"percent": 1', "3")
    assert state.last_event_id == "3"


def test_a_careless_client_asks_again_after_any_status() -> None:
    state = SourceState(quirks=frozenset({RETRIES_ANY_STATUS}))
    state.step(0)
    assert state.answered(503, "text/html", 0) == (Lost("status 503", 3000),)
    assert isinstance(state.step(3.0), Connect)


def test_nothing_happens_after_close() -> None:
    state = SourceState()
    state.step(0)
    state.answered(200, STREAM, 0)
    assert state.close() == (Closed(0, "closed by the client"),)
    assert state.close() == state.received(b"data: a\n\n", 0) == state.ended("cut", 0) == ()
    assert state.answered(200, STREAM, 0) == ()
    assert state.step(9.0) == Stop()
