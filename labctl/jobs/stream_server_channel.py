"""Streams of one job at one place in it: they are sent the same bytes.

A stream that begins elsewhere gets a channel of its own until that has caught up with another one of its job; then
they become one. All of it happens on the event loop's thread, except `hear`, which the feed's thread calls.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from labctl.jobs.feed import Feed
from labctl.protocols import sse

if TYPE_CHECKING:
    from labctl.jobs.store import Event


class Stream(Protocol):
    """An open connection."""

    def send(self, data: bytes) -> None: ...
    def finish(self) -> None:
        """After what was sent."""


def encode_all(events: tuple[Event, ...]) -> bytes:
    """Their bytes on the wire. An event that stands in no store (its id is -1) has no id there either."""
    return b"".join(sse.encode(e.type, e.data, e.id if e.id >= 0 else None) for e in events)


class _Channel:
    """`position` is the id of the last event that its streams were sent; -1 before the first."""

    __slots__ = ("job_id", "position", "streams", "unfollow")

    def __init__(self, job_id: str, position: int) -> None:
        self.job_id = job_id
        self.position = position
        self.streams: set[Stream] = set()
        self.unfollow: Callable[[], None] = lambda: None


class Channels:
    """All channels of a process."""

    def __init__(self, feed: Feed, loop: asyncio.AbstractEventLoop) -> None:
        self._feed = feed
        self._loop = loop
        self._jobs: dict[str, dict[int, _Channel]] = {}
        self._of: dict[Stream, _Channel] = {}
        self._heard: deque[tuple[_Channel, int, bytes, bool]] = deque()
        self._called = False
        self.delivered = 0

    def __len__(self) -> int:
        return sum(map(len, self._jobs.values()))

    def join(self, stream: Stream, job_id: str, after: int) -> None:
        """From now on `stream` is sent what comes after the id `after`, and finished when the job has ended."""
        there = self._jobs.setdefault(job_id, {})
        channel = there.get(after)
        if channel is None:
            channel = there[after] = _Channel(job_id, after)
            self._follow(channel)
        channel.streams.add(stream)
        self._of[stream] = channel

    def leave(self, stream: Stream) -> None:
        """Nothing more is sent to it. May be called again."""
        channel = self._of.pop(stream, None)
        if channel is not None:
            channel.streams.discard(stream)
            if not channel.streams:
                self._drop(channel)

    def _follow(self, channel: _Channel) -> None:
        def hear(events: tuple[Event, ...], ended: bool) -> None:
            last = max((e.id for e in events), default=-1)
            self._heard.append((channel, last, encode_all(events), ended))
            if not self._called:
                self._called = True
                self._loop.call_soon_threadsafe(self._spread)

        channel.unfollow = self._feed.follow(channel.job_id, channel.position, hear)

    def _spread(self) -> None:
        self._called = False  # before the queue is emptied: what is appended later calls again
        while self._heard:
            channel, last, data, ended = self._heard.popleft()
            streams = list(channel.streams)
            if data:
                self.delivered += len(streams)
                for stream in streams:
                    stream.send(data)
            if ended:
                for stream in streams:
                    self.leave(stream)
                    stream.finish()
            elif last > channel.position and channel.streams:
                self._move(channel, last)

    def _move(self, channel: _Channel, position: int) -> None:
        there = self._jobs[channel.job_id]
        del there[channel.position]
        channel.position = position
        other = there.get(position)
        if other is None:
            there[position] = channel
            return
        # What either of the two hears next is the same; the other one stays.
        channel.unfollow()
        for stream in channel.streams:
            self._of[stream] = other
        other.streams |= channel.streams
        channel.streams = set()

    def _drop(self, channel: _Channel) -> None:
        channel.unfollow()
        there = self._jobs[channel.job_id]
        if there.get(channel.position) is channel:
            del there[channel.position]
        if not there:
            del self._jobs[channel.job_id]
