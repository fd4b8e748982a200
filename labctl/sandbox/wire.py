"""The wire: one thread that carries frames between two interfaces, sees each, and may swallow or delay it.

AF_PACKET on both (packet(7)); the kernel stamps each frame when its sender lets it go. A frame's distance depends
on the address at the internet's end. What the kernel dropped before we saw it is counted.
"""

from __future__ import annotations

import contextlib
import heapq
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from labctl.network import Rule
from labctl.protocols.tcp_segments import Segment, read_frame
from labctl.sandbox.wire_script import PASS, Judgement, Script

_ETH_P_ALL = 3
_SOL_PACKET = 263
_PACKET_STATISTICS, _PACKET_QDISC_BYPASS, _PACKET_IGNORE_OUTGOING = 6, 20, 23
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35
_BUFFER = 16 << 20
_FRAME = 2048
# The bit of the first octet of a hardware address that is for many.
_GROUP = 0x01
# Frames that are taken from one side before the other has its turn.
_TURN = 64
# Frames that are kept for a lab that never asks for them; later ones are counted as missed.
_KEPT = 200_000

Heading = Literal["to-server", "to-client"]


class Frame(NamedTuple):
    """One frame as it came: nanoseconds since 1970 by the kernel, its heading, and what became of it."""

    at_ns: int
    heading: Heading
    data: bytes
    dropped: bool
    delay_ms: float


class Wire:
    """Carries frames between the interfaces `client` and `server` of this network namespace until it is closed.

    `distances` maps a packed IPv4 or IPv6 address of the server's end to seconds one way; `otherwise` is for all
    others. Raises OSError.
    """

    def __init__(
        self,
        client: str,
        server: str,
        *,
        distances: Mapping[bytes, float],
        otherwise: float,
    ) -> None:
        self._distances = distances
        self._otherwise = otherwise
        self._scripts: tuple[Script, ...] = ()
        self._frames: list[Frame] = []
        self._lock = threading.Lock()
        self._missed = 0
        self._moved = time.monotonic()
        self._waiting: list[tuple[int, int, socket.socket, bytes]] = []
        self._number = 0
        self._sides: tuple[tuple[socket.socket, Heading, socket.socket], ...]
        near, far = _packet_socket(client), _packet_socket(server)
        self._sides = ((near, "to-server", far), (far, "to-client", near))
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

    def take(self) -> list[Frame]:
        """What has crossed since the last call, in the order of its time stamps."""
        with self._lock:
            taken, self._frames = self._frames, []
        # Two sockets are read in turns; the kernel's clock says the order.
        taken.sort(key=lambda frame: frame.at_ns)
        return taken

    def wait_for_quiet(self, seconds: float, longest: float) -> None:
        """Return when nothing has moved, and nothing has been under way, for that long; at last after `longest`."""
        end = time.monotonic() + longest
        while (now := time.monotonic()) < end:
            left = seconds - (now - self._moved)
            if left <= 0 and not self._waiting:
                return
            time.sleep(min(max(left, 0.0005), end - now))

    @property
    def missed(self) -> int:
        """Frames that the kernel dropped, or that were not kept."""
        for sock, _, _ in self._sides:
            _, dropped = struct.unpack("@II", sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
            self._missed += dropped
        return self._missed

    def close(self) -> None:
        """End the thread, drop what is under way. Idempotent."""
        if not self._thread.is_alive():
            return
        self._wake.send(b"\0")
        self._thread.join()
        for sock in (*(side[0] for side in self._sides), self._wake, self._woken):
            sock.close()

    def _run(self) -> None:
        near, far = (side[0] for side in self._sides)
        watched = [near, far, self._woken]
        waiting = self._waiting
        while True:
            timeout = max(0, waiting[0][0] - time.monotonic_ns()) / 1e9 if waiting else None
            ready, _, _ = select.select(watched, [], [], timeout)
            if self._woken in ready:
                return
            for sock, heading, out in self._sides:
                if sock in ready:
                    self._carry(sock, heading, out)
            self._let_go()

    def _carry(self, sock: socket.socket, heading: Heading, out: socket.socket) -> None:
        """Take what has come on one side, and send it on or put it where it waits."""
        # The kernel stamps by the wall clock, and waiting goes by the other one.
        between = time.time_ns() - time.monotonic_ns()
        taken: list[Frame] = []
        for _ in range(_TURN):
            try:
                data, ancillary, _, _ = sock.recvmsg(_FRAME, 64)
            except BlockingIOError:
                break
            at_ns = _stamp(ancillary)
            scripts = self._scripts
            judged = _judged(scripts, data, at_ns, heading) if scripts else PASS
            taken.append(Frame(at_ns, heading, data, judged.drop, judged.delay_ms))
            # A kernel tells its neighbours now and then what it listens to; that disturbs no quiet.
            if not data[0] & _GROUP:
                self._moved = time.monotonic()
            if judged.drop:
                continue
            distance = self._distance(data, heading) + judged.delay_ms / 1000
            if distance > 0:
                self._number += 1
                due = at_ns - between + int(distance * 1e9)
                heapq.heappush(self._waiting, (due, self._number, out, data))
            else:
                _send(out, data)
        with self._lock:
            room = _KEPT - len(self._frames)
            self._missed += max(0, len(taken) - room)
            self._frames += taken[:room]

    def _let_go(self) -> None:
        """Send what has come its distance."""
        waiting = self._waiting
        if not waiting:
            return
        now = time.monotonic_ns()
        while waiting and waiting[0][0] <= now:
            _, _, out, data = heapq.heappop(waiting)
            _send(out, data)
            self._moved = time.monotonic()

    def _distance(self, data: bytes, heading: Heading) -> float:
        kind = data[12:14]
        if kind == b"\x08\x00":
            address = data[30:34] if heading == "to-server" else data[26:30]
        elif kind == b"\x86\xdd":
            address = data[38:54] if heading == "to-server" else data[22:38]
        else:
            return 0.0
        return self._distances.get(address, self._otherwise)


def _judged(scripts: tuple[Script, ...], data: bytes, at_ns: int, heading: Heading) -> Judgement:
    segment = read_frame(data, at_ns)
    if not isinstance(segment, Segment):
        return PASS
    judged = [script.judge(segment, heading) for script in scripts]
    return Judgement(any(j.drop for j in judged), sum(j.delay_ms for j in judged))


def _packet_socket(interface: str) -> socket.socket:
    # Protocol 0 hears nothing until the socket is bound with its options set.
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        with contextlib.suppress(OSError):
            sock.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        except OSError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        sock.setblocking(False)
        sock.bind((interface, _ETH_P_ALL))
    except BaseException:
        sock.close()
        raise
    return sock


def _stamp(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("@qq", data[:16])
            return int(seconds * 1_000_000_000 + nanoseconds)
    return time.time_ns()


def _send(out: socket.socket, data: bytes) -> None:
    # The other side's queue is full or its interface is gone: a wire loses a frame then.
    with contextlib.suppress(OSError):
        out.send(data)
