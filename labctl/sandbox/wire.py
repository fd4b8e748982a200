"""The wire: one thread that carries frames between two interfaces, sees each, and may swallow or delay it.

The kernel stamps each frame when its sender lets it go. A frame's distance depends on the address at the
internet's end. What the kernel dropped before we saw it is counted.
"""

from __future__ import annotations

import contextlib
import heapq
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from labctl.network import Rule
from labctl.protocols.tcp_segments import Segment, read_frame
from labctl.sandbox.frame_socket import Block, FrameSocket
from labctl.sandbox.wire_script import PASS, Judgement, Script

# Bytes of frames that are kept for a lab that never asks for them; what comes later counts as missed.
_KEPT = 64 << 20
# The bit of the first octet of a hardware address that is for many.
_GROUP = 0x01

Heading = Literal["to-server", "to-client"]


class Frame(NamedTuple):
    """One frame as it came: nanoseconds since 1970 by the kernel, its heading, and what became of it."""

    at_ns: int
    heading: Heading
    data: bytes
    dropped: bool
    delay_ms: float


class _Side(NamedTuple):
    frames: FrameSocket
    heading: Heading
    other: FrameSocket


class _Kept(NamedTuple):
    block: Block
    heading: Heading
    judged: Judgement


class Wire:
    """Carries frames between the interfaces `client` and `server` of this network namespace until it is closed.

    `distances` maps a packed IPv4 or IPv6 address of the server's end to seconds one way; `otherwise` is for all
    others. Raises OSError.
    """

    def __init__(
        self, client: str, server: str, *, distances: Mapping[bytes, float], otherwise: float
    ) -> None:
        self._distances = distances
        self._otherwise = otherwise
        self._scripts: tuple[Script, ...] = ()
        self._kept: list[_Kept] = []
        self._kept_bytes = 0
        self._lock = threading.Lock()
        self._missed = 0
        self._moved = time.monotonic()
        # Nanoseconds of the monotonic clock at which it is let go, a number to keep order, and where to.
        self._waiting: list[tuple[int, int, FrameSocket, Block]] = []
        self._number = 0
        near, far = FrameSocket(client), FrameSocket(server)
        self._sides = (_Side(near, "to-server", far), _Side(far, "to-client", near))
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="wire")
        self._thread.start()

    @contextlib.contextmanager
    def script(self, *rules: Rule) -> Iterator[None]:
        """The rules hold inside, besides those around. Raises what a rule's `match` raised, at the end."""
        script = Script(rules)
        self._scripts = (*self._scripts, script)
        try:
            yield
        finally:
            self._scripts = tuple(s for s in self._scripts if s is not script)
        if script.complaints:
            raise script.complaints[0]

    def move_away(self, seconds: float) -> None:
        """From now on everything is so far away, one way."""
        self._distances, self._otherwise = {}, seconds

    def take(self) -> list[Frame]:
        """What has crossed since the last call, in the order of its time stamps."""
        with self._lock:
            kept, self._kept, self._kept_bytes = self._kept, [], 0
        frames = [
            Frame(at_ns, heading, block.frame(index), judged.drop, judged.delay_ms)
            for block, heading, judged in kept
            for index, at_ns in enumerate(block.at_ns)
        ]
        # Two sockets are read in turns; the kernel's clock says the order.
        frames.sort(key=lambda frame: frame.at_ns)
        return frames

    def wait_for_quiet(self, seconds: float, longest: float) -> None:
        """Return when nothing has moved, and nothing has been under way, for that long; at last after `longest`.

        Counted from the call at the earliest: what was just caused (a `close()`) has not moved yet.
        """
        called = time.monotonic()
        end = called + longest
        while (now := time.monotonic()) < end:
            left = seconds - (now - max(self._moved, called))
            if left <= 0 and not self._waiting:
                return
            time.sleep(min(max(left, 0.0005), end - now))

    @property
    def missed(self) -> int:
        """Frames that the kernel dropped, or that were not kept."""
        with self._lock:
            self._missed += sum(side.frames.dropped() for side in self._sides)
            return self._missed

    def close(self) -> None:
        """End the thread, drop what is under way. Idempotent."""
        if not self._thread.is_alive():
            return
        self._wake.send(b"\0")
        self._thread.join()
        for side in self._sides:
            side.frames.close()
        self._wake.close()
        self._woken.close()

    def _run(self) -> None:
        watched = [*(side.frames.socket for side in self._sides), self._woken]
        waiting = self._waiting
        while True:
            timeout = max(0, waiting[0][0] - time.monotonic_ns()) / 1e9 if waiting else None
            ready, _, _ = select.select(watched, [], [], timeout)
            if self._woken in ready:
                return
            for side in self._sides:
                if side.frames.socket in ready and (block := side.frames.take()) is not None:
                    self._carry(block, side)
            self._let_go()

    def _carry(self, block: Block, side: _Side) -> None:
        """Send frames on, or put them where they wait."""
        scripts = self._scripts
        distance = None if scripts else self._distance(block, side.heading)
        if distance is not None:
            self._pass_on(block, side, distance, PASS)
            return
        for index in range(len(block.lengths)):
            single = block.single(index)
            judged = _judged(scripts, single, side.heading)
            distance = self._distance(single, side.heading) or 0.0
            self._pass_on(single, side, distance + judged.delay_ms / 1000, judged)

    def _pass_on(self, block: Block, side: _Side, seconds: float, judged: Judgement) -> None:
        # A kernel tells its neighbours now and then what it listens to; that disturbs no quiet.
        if not block.data[0] & _GROUP:
            self._moved = time.monotonic()
        self._keep(_Kept(block, side.heading, judged))
        if judged.drop:
            return
        if seconds <= 0:
            side.other.send(block)
            return
        # The kernel stamps by the wall clock, and waiting goes by the other one. The last of a block has come its
        # distance when the block is let go; the others waited microseconds longer.
        since = time.time_ns() - time.monotonic_ns()
        self._number += 1
        due = block.at_ns[-1] - since + int(seconds * 1e9)
        heapq.heappush(self._waiting, (due, self._number, side.other, block))

    def _keep(self, kept: _Kept) -> None:
        with self._lock:
            if self._kept_bytes < _KEPT:
                self._kept.append(kept)
                self._kept_bytes += len(kept.block.data)
            else:
                self._missed += len(kept.block.lengths)

    def _let_go(self) -> None:
        """Send what has come its distance."""
        waiting = self._waiting
        if not waiting:
            return
        now = time.monotonic_ns()
        while waiting and waiting[0][0] <= now:
            _, _, other, block = heapq.heappop(waiting)
            other.send(block)
            self._moved = time.monotonic()

    def _distance(self, block: Block, heading: Heading) -> float | None:
        """Seconds one way, when it is the same for all frames of the block."""
        kind = block.common(12, 2)
        if kind == b"\x08\x00":
            address = block.common(30 if heading == "to-server" else 26, 4)
        elif kind == b"\x86\xdd":
            address = block.common(38 if heading == "to-server" else 22, 16)
        else:
            return None if kind is None else 0.0
        return None if address is None else self._distances.get(address, self._otherwise)


def _judged(scripts: tuple[Script, ...], single: Block, heading: Heading) -> Judgement:
    segment = read_frame(single.frame(0), single.at_ns[0]) if scripts else None
    if not isinstance(segment, Segment):
        return PASS
    judged = [script.judge(segment, heading) for script in scripts]
    return Judgement(any(j.drop for j in judged), sum(j.delay_ms for j in judged))
