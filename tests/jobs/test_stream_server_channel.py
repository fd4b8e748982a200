"""Channels: however joining, leaving, reading and sending interleave, each stream gets each of its events once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from labctl.jobs.store import Event
from labctl.jobs.stream_server_channel import Channels, encode_all


class Follower:
    def __init__(self, after: int, deliver: Callable[[tuple[Event, ...], bool], None]) -> None:
        self.after = after
        self.deliver = deliver
        self.over = False


class SteppedFeed:
    """A feed whose looks are steps of the test."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.ended = False
        self.followers: list[Follower] = []

    def follow(self, job_id: str, after: int, deliver: Callable[..., None]) -> Callable[[], None]:
        follower = Follower(after, deliver)
        self.followers.append(follower)

        def unfollow() -> None:
            follower.over = True

        return unfollow

    def look(self, number: int) -> None:
        """One of the followers is told what it has not had."""
        there = [each for each in self.followers if not each.over]
        if not there:
            return
        follower = there[number % len(there)]
        events = tuple(self.events[follower.after + 1 :])
        if events or self.ended:
            follower.after += len(events)
            follower.over = self.ended
            follower.deliver(events, self.ended)


class SteppedLoop:
    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def call_soon_threadsafe(self, call: Callable[[], None]) -> None:
        self.calls.append(call)

    def run(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class Sent:
    def __init__(self, after: int) -> None:
        self.after = after
        self.data = b""
        self.finished = False
        self.left = False

    def send(self, data: bytes) -> None:
        assert not self.finished
        assert not self.left
        self.data += data

    def finish(self) -> None:
        self.finished = True

    def ids(self) -> list[int]:
        return [int(number) for number in re.findall(rb"^id: (\d+)$", self.data, re.M)]


STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "join", "leave", "look", "look", "run", "run"]), st.integers(0, 30)),
    max_size=80,
)


@given(STEPS)
def test_each_stream_gets_each_event_after_its_id_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    feed, loop = SteppedFeed(), SteppedLoop()
    channels = Channels(cast(Any, feed), cast(Any, loop))
    streams: list[Sent] = []
    for step, number in steps:
        if step == "write":
            feed.events.append(Event(len(feed.events), "progress", {}))
        elif step == "join":
            streams.append(Sent(number % (len(feed.events) + 1) - 1))
            channels.join(streams[-1], "j1", streams[-1].after)
        elif step == "leave" and streams:
            streams[number % len(streams)].left = True
            channels.leave(streams[number % len(streams)])
        elif step == "look":
            feed.look(number)
        else:
            loop.run()
    feed.ended = True
    while any(not each.over for each in feed.followers):
        feed.look(0)
        loop.run()
    for stream in streams:
        ids = list(range(stream.after + 1, len(feed.events)))
        assert stream.finished != stream.left
        assert stream.ids() == (ids[: len(stream.ids())] if stream.left else ids)
    assert len(channels) == 0


def test_streams_that_have_caught_up_with_each_other_share_a_channel() -> None:
    feed, loop = SteppedFeed(), SteppedLoop()
    channels = Channels(cast(Any, feed), cast(Any, loop))
    feed.events = [Event(number, "progress", {}) for number in range(3)]
    for after in (-1, 0, 1, 2):
        channels.join(Sent(after), "j1", after)
    assert len(channels) == 4
    for number in range(4):
        feed.look(number)
    loop.run()
    assert len(channels) == 1
    assert sum(not each.over for each in feed.followers) == 1


def test_an_event_that_stands_in_no_store_has_no_id() -> None:
    assert b"id" not in encode_all((Event(-1, "cancelled", {}),))
