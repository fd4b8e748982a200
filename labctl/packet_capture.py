"""Capture of TCP frames on one interface of Linux: AF_PACKET, a classic BPF filter, the kernel's own stamps.

Open, let the connection run, drain: frames wait in the kernel's buffer, no thread is needed. Needs CAP_NET_RAW.
Frames that the buffer had no room for are counted by the kernel, and `complete` says so.
"""

from __future__ import annotations

import ctypes
import errno
import select
import socket
import struct
import sys
import time
from collections.abc import Iterable
from typing import NamedTuple

from labctl.errors import CannotRun
from labctl.protocols.tcp_segments import NotTcp, Segment, read_frame

# linux/if_packet.h and asm-generic/socket.h; Python's socket module does not have them.
_SOL_PACKET = 263
_PACKET_STATISTICS, _PACKET_AUXDATA, _PACKET_IGNORE_OUTGOING = 6, 8, 23
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 26, 33, 35
_TP_STATUS_CSUMNOTREADY = 8
_ETH_P_ALL = 3
_FRAME_LIMIT = 262144
# A jump of classic BPF reaches 255 instructions; beyond this many ports the kernel lets all of TCP through.
_MOST_PORTS = 60

Instruction = tuple[int, int, int, int]
_LOAD_HALF, _LOAD_BYTE, _LOAD_HALF_AT_X, _HEADER_LENGTH = 0x28, 0x30, 0x48, 0xB1
_JUMP_EQUAL, _JUMP_SET, _RETURN = 0x15, 0x45, 0x06


class Statistics(NamedTuple):
    """Frames that passed the filter, and how many of those the buffer had no room for."""

    seen: int
    dropped: int


class PacketCapture:
    """Frames of TCP on `interface` from now on. `ports` None: every port; empty: none yet (see `watch`).

    On `lo` a frame leaves and arrives in the same moment; it is taken once. Raises CannotRun "no-capture" where
    this process may not capture, or cannot.
    """

    def __init__(
        self, interface: str = "lo", ports: Iterable[int] | None = None, *, buffer_bytes: int = 8 << 20
    ) -> None:
        self._socket = _packet_socket()
        self._ports: frozenset[int] | None = frozenset()
        self._seen = self._dropped = 0
        self._buffer = bytearray(_FRAME_LIMIT)
        try:
            # Protocol 0 receives nothing: the filter is there before the first frame is.
            self.watch(ports)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            if interface == "lo":
                self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
            except PermissionError:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
            self._socket.setblocking(False)
            wait_for_stamps()
            self._socket.bind((interface, _ETH_P_ALL))
        except OSError as error:
            self._socket.close()
            raise _cannot(error, f"open a packet socket on {interface}") from error

    def watch(self, ports: Iterable[int] | None) -> None:
        """Capture these ports from now on, instead of those before. None: all."""
        self._ports = None if ports is None else frozenset(ports)
        program = tcp_filter(self._ports)
        code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *i) for i in program))
        where = struct.pack("@HP", len(program), ctypes.addressof(code))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, where)

    def drain(self, *, settle_ms: float = 0.0, at_most_ms: float = 1000.0) -> list[Segment]:
        """What was captured since the last call, in time order.

        Waits until nothing has come for `settle_ms`, and no longer than `at_most_ms`: the last acknowledgement
        of a connection may be on its way when the program that used it has ended.
        """
        found: list[Segment] = []
        end = time.monotonic() + at_most_ms / 1000
        while True:
            found += self._waiting()
            left = min(settle_ms / 1000, end - time.monotonic())
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                return sorted(found, key=lambda s: s.at_ns)

    @property
    def statistics(self) -> Statistics:
        """Since the capture began."""
        # The kernel begins to count anew each time it is asked.
        seen, dropped = struct.unpack("@II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self._seen += seen
        self._dropped += dropped
        return Statistics(self._seen, self._dropped)

    @property
    def complete(self) -> bool:
        """False when the kernel dropped a frame that should have been captured."""
        return self.statistics.dropped == 0

    def close(self) -> None:
        """End the capture. Idempotent."""
        self._socket.close()

    def __enter__(self) -> PacketCapture:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _waiting(self) -> list[Segment]:
        found: list[Segment] = []
        while True:
            try:
                size, ancillary, _, _ = self._socket.recvmsg_into([self._buffer], 256)
            except BlockingIOError:
                return found
            at_ns, ready = _read_ancillary(ancillary)
            segment = read_frame(bytes(self._buffer[:size]), at_ns, checksum_ready=ready)
            if not isinstance(segment, NotTcp) and self._wanted(segment):
                found.append(segment)

    def _wanted(self, segment: Segment) -> bool:
        return self._ports is None or bool({segment.source_port, segment.target_port} & self._ports)


def wait_for_stamps(at_most_ms: float = 200.0) -> bool:
    """Wait until the kernel stamps packets as they arrive. False when it does not within the time.

    The first socket that asks for stamps switches them on for the whole machine, a moment later. A frame that comes
    before that is stamped when it is read, and would stand behind those that followed it.
    """
    end = time.monotonic() + at_most_ms / 1000
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        probe.bind(("127.0.0.1", 0))
        probe.settimeout(0.01)
        while time.monotonic() < end:
            probe.sendto(b"", probe.getsockname())
            sent_ns = time.time_ns()
            try:
                _, ancillary, _, _ = probe.recvmsg(1, 256)
            except TimeoutError:
                continue
            if _read_ancillary(ancillary)[0] <= sent_ns:
                return True
            time.sleep(0.0002)
    return False


def may_capture() -> bool:
    """Whether this process can open a packet socket. Opens one and closes it."""
    try:
        _packet_socket().close()
    except CannotRun:
        return False
    return True


def tcp_filter(ports: Iterable[int] | None) -> list[Instruction]:
    """Classic BPF over Ethernet frames: TCP in IPv4 (first fragments) or in IPv6 without extension headers.

    `ports` None lets every port through. Beyond 60 ports so does the filter; the caller looks again.
    """
    wanted = None if ports is None else sorted(set(ports))
    if wanted is not None and not wanted:
        return [(_RETURN, 0, 0, 0)]
    if wanted is None or len(wanted) > _MOST_PORTS:
        wanted = []
    tests4 = _port_tests(wanted, ((_LOAD_HALF_AT_X, 14), (_LOAD_HALF_AT_X, 16)))
    tests6 = _port_tests(wanted, ((_LOAD_HALF, 54), (_LOAD_HALF, 56)))
    labelled: list[tuple[int, str, str, int]] = [
        (_LOAD_HALF, "", "", 12),
        (_JUMP_EQUAL, "", "six?", 0x0800),
        (_LOAD_BYTE, "", "", 23),
        (_JUMP_EQUAL, "", "no", 6),
        (_LOAD_HALF, "", "", 20),
        (_JUMP_SET, "no", "", 0x1FFF),
        (_HEADER_LENGTH, "", "", 14),
        *tests4,
        (_JUMP_EQUAL, "", "no", 0x86DD),
        (_LOAD_BYTE, "", "", 20),
        (_JUMP_EQUAL, "", "no", 6),
        *tests6,
        (_RETURN, "", "", _FRAME_LIMIT),
        (_RETURN, "", "", 0),
    ]
    places = {"six?": 7 + len(tests4), "yes": len(labelled) - 2, "no": len(labelled) - 1}

    def offset(label: str, at: int) -> int:
        return places[label] - at - 1 if label else 0

    return [(code, offset(t, at), offset(f, at), k) for at, (code, t, f, k) in enumerate(labelled)]


def _port_tests(ports: list[int], loads: tuple[tuple[int, int], ...]) -> list[tuple[int, str, str, int]]:
    """One load and its comparisons per end; without ports, anything is taken."""
    if not ports:
        # X and A do not matter here: either outcome is "take it".
        return [(_JUMP_EQUAL, "yes", "yes", 0)]
    tests = []
    for code, at in loads:
        tests.append((code, "", "", at))
        tests += [(_JUMP_EQUAL, "yes", "", port) for port in ports]
    code, matched, _, port = tests[-1]
    return [*tests[:-1], (code, matched, "no", port)]


def _packet_socket() -> socket.socket:
    if not sys.platform.startswith("linux"):
        raise CannotRun("no-capture", f"{sys.platform} has no packet sockets: segments cannot be captured")
    try:
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except OSError as error:
        raise _cannot(error, "open a packet socket") from error


def _cannot(error: OSError, step: str) -> CannotRun:
    name = errno.errorcode.get(error.errno or 0, "?")
    return CannotRun(
        "no-capture",
        "This process may not capture packets" if name == "EPERM" else "Packets cannot be captured here",
        evidence=(("tried", step), ("seen", f"{name}: {error.strerror}")),
    )


def _read_ancillary(ancillary: Iterable[tuple[int, int, bytes]]) -> tuple[int, bool]:
    """The stamp in nanoseconds, and whether the checksum has been computed."""
    at_ns, ready = time.time_ns(), True
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= 16:
            seconds, nanoseconds = struct.unpack_from("@qq", data)
            at_ns = seconds * 10**9 + nanoseconds
        elif level == _SOL_PACKET and kind == _PACKET_AUXDATA and len(data) >= 4:
            ready = not struct.unpack_from("@I", data)[0] & _TP_STATUS_CSUMNOTREADY
    return at_ns, ready
