"""Frames by the hundred: a packet socket (packet(7)) that is read and written with recvmmsg(2) and sendmmsg(2).

Everything that is done to a block of frames is one operation on strided memory, so that a frame costs the kernel's
work and next to none of ours.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import socket
import struct
from typing import Literal, NamedTuple

from labctl.packet_capture import wait_for_stamps
from labctl.sandbox.namespace import libc

_ETH_P_ALL = 3
_SOL_PACKET = 263
_STATISTICS, _QDISC_BYPASS, _IGNORE_OUTGOING = 6, 20, 23
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35
# Room for what comes while others have the interpreter.
_BUFFER = 16 << 20
# One frame's place in a block: the longest frame of an MTU of 1500, rounded up.
STRIDE = 1536
# The most that is taken, or sent, at once.
TURN = 128
# One control message with a struct timespec: 16 bytes of header, 16 of time.
_CONTROL = 32


class Block(NamedTuple):
    """Frames that came one after the other. `data` has one place of STRIDE bytes for each.

    `at_ns` are the kernel's stamps: nanoseconds since 1970.
    """

    data: bytes
    lengths: list[int]
    at_ns: list[int]

    def frame(self, index: int) -> bytes:
        """One frame, from its Ethernet header on."""
        start = index * STRIDE
        return self.data[start : start + self.lengths[index]]

    def single(self, index: int) -> Block:
        """One frame as a block of its own."""
        start = index * STRIDE
        data = self.data[start : start + STRIDE]
        return Block(data, self.lengths[index : index + 1], self.at_ns[index : index + 1])

    def common(self, start: int, size: int) -> bytes | None:
        """The `size` bytes at `start` of every frame, or None when they differ."""
        found, count = self.data[start : start + size], len(self.lengths)
        for place in range(size):
            if self.data[start + place :: STRIDE].count(found[place]) != count:
                return None
        return found


class FrameSocket:
    """A packet socket on one interface of this network namespace. Close it. Raises OSError."""

    def __init__(self, interface: str) -> None:
        # Protocol 0 hears nothing until the socket is bound, with its options set.
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self.socket.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
            with contextlib.suppress(OSError):
                self.socket.setsockopt(_SOL_PACKET, _QDISC_BYPASS, 1)
            try:
                self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            except OSError:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self.socket.setblocking(False)
            # A frame that comes before stamping has begun is stamped late, and would stand behind its answer.
            wait_for_stamps()
            self.socket.bind((interface, _ETH_P_ALL))
        except BaseException:
            self.socket.close()
            raise
        self._incoming = _Messages(TURN, _CONTROL)
        self._outgoing = _Messages(TURN, 0)
        self._place = bytearray(TURN * STRIDE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._place))
        self._incoming.point_at(start, [STRIDE] * TURN)
        self._receive, self._send = libc().recvmmsg, libc().sendmmsg
        self._receive.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        self._send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)

    def take(self) -> Block | None:
        """The frames that have come, at most TURN of them; None when there are none."""
        came = self._incoming
        count = self._receive(self.socket.fileno(), came.address, TURN, socket.MSG_DONTWAIT, None)
        if count <= 0:
            return None
        block = Block(bytes(self._place[: count * STRIDE]), came.lengths(count), came.stamps(count))
        came.renew_controls(count)
        return block

    def send(self, block: Block) -> None:
        """Send them all. What the other side has no room for is lost, as on a wire."""
        count, goes = len(block.lengths), self._outgoing
        # `block` lives as long as the call, and so do its bytes.
        goes.point_at(ctypes.cast(ctypes.c_char_p(block.data), ctypes.c_void_p).value or 0, block.lengths)
        done, descriptor = 0, self.socket.fileno()
        while done < count:
            sent = self._send(descriptor, goes.at(done), count - done, socket.MSG_DONTWAIT)
            # The one that could not be sent is lost.
            done += sent if sent > 0 else 1

    def dropped(self) -> int:
        """How many frames the kernel has dropped since this was last asked."""
        return int(struct.unpack("=II", self.socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))[1])

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_size_t), ("length", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    """struct mmsghdr: a struct msghdr, and how many bytes of it were carried."""

    _fields_ = (
        ("name", ctypes.c_size_t),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.c_size_t),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_size_t),
        ("control_length", ctypes.c_size_t),
        # An int and what fills it up to the size of the others.
        ("flags", ctypes.c_size_t),
        ("carried", ctypes.c_uint),
    )


class _Messages:
    """An array of struct mmsghdr of one vector each, and of the control messages that belong to them."""

    def __init__(self, count: int, control: int) -> None:
        self._vectors = (_IoVec * count)()
        self._headers = (_MsgHdr * count)()
        self._controls = bytearray(max(1, count * control))
        self.address = ctypes.addressof(self._headers)
        self._step = ctypes.sizeof(_MsgHdr)
        vectors = ctypes.addressof(self._vectors)
        controls = ctypes.addressof(ctypes.c_char.from_buffer(self._controls))
        for index, header in enumerate(self._headers):
            header.vectors = vectors + index * ctypes.sizeof(_IoVec)
            header.vector_count = 1
            if control:
                header.control, header.control_length = controls + index * control, control
        words = memoryview(self._vectors).cast("B").cast(_WORD)
        self._bases, self._sizes = words[0::2], words[1::2]
        headers = memoryview(self._headers).cast("B")
        self._carried = headers.cast("I")[_MsgHdr.carried.offset // 4 :: self._step // 4]
        self._control_lengths = headers.cast(_WORD)[
            _MsgHdr.control_length.offset // _WORD_SIZE :: self._step // _WORD_SIZE
        ]
        self._full_controls = _words([control] * count)
        if control:
            times = memoryview(self._controls).cast("q")
            self._seconds, self._nanoseconds = times[2::4], times[3::4]

    def at(self, index: int) -> int:
        """The address of one header."""
        return self.address + index * self._step

    def point_at(self, start: int, sizes: list[int]) -> None:
        """The frames stand STRIDE bytes apart from this address on."""
        count = len(sizes)
        self._bases[:count] = _words(range(start, start + count * STRIDE, STRIDE))
        self._sizes[:count] = _words(sizes)

    def lengths(self, count: int) -> list[int]:
        """Bytes that each of the first ones carried."""
        return self._carried[:count].tolist()

    def stamps(self, count: int) -> list[int]:
        """The time stamps that came with them, in nanoseconds since 1970."""
        seconds, rest = self._seconds[:count].tolist(), self._nanoseconds[:count].tolist()
        return [s * 1_000_000_000 + n for s, n in zip(seconds, rest, strict=True)]

    def renew_controls(self, count: int) -> None:
        """Say again how much room there is for control messages: the kernel has put there what it used."""
        self._control_lengths[:count] = self._full_controls[:count]


# size_t, as memoryview and array call it.
_WORD_SIZE = ctypes.sizeof(ctypes.c_size_t)
_WORD: Literal["L", "Q"] = "L" if array.array("L").itemsize == _WORD_SIZE else "Q"


def _words(values: range | list[int]) -> memoryview:
    return memoryview(array.array(_WORD, values))
