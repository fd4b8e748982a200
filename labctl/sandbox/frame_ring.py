"""Frames by the hundred: a ring that the kernel fills (packet(7), PACKET_RX_RING, version 2), and sendmmsg(2).

Everything that is done to a whole block of frames is one operation on strided memory, so that a frame costs the
kernel's work and next to none of ours.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import mmap
import socket
import struct
import time
from collections.abc import Iterator
from typing import NamedTuple

from labctl.sandbox.namespace import libc

_ETH_P_ALL = 3
_SOL_PACKET = 263
_RX_RING, _STATISTICS, _VERSION, _QDISC_BYPASS, _IGNORE_OUTGOING = 5, 6, 10, 20, 23
_TPACKET_V2 = 1
_READY, _WITH_KERNEL = 1, 0
# One frame's place: the kernel's header (struct tpacket2_hdr), then the frame.
STRIDE = 2048
_WORDS = STRIDE // 4
_STATUS, _LENGTH, _SECONDS, _NANOSECONDS = 0, 2, 4, 5  # in words of four bytes
_MAC_OFFSET = 12  # of the field, two bytes
_SLOTS = 2048
_BLOCK_SIZE = 1 << 16
# The most that is taken, or sent, at once.
TURN = 128


class Block(NamedTuple):
    """Frames that came one after the other. `data` has one place of STRIDE bytes for each.

    Frame i is `data[i * STRIDE + offset:][: lengths[i]]`; `at_ns` are the kernel's stamps, since 1970.
    """

    data: bytes
    offset: int
    lengths: list[int]
    at_ns: list[int]

    def frame(self, index: int) -> bytes:
        """One frame, from its Ethernet header on."""
        start = index * STRIDE + self.offset
        return self.data[start : start + self.lengths[index]]

    def single(self, index: int) -> Block:
        """One frame as a block of its own."""
        start = index * STRIDE
        data = self.data[start : start + STRIDE]
        return Block(data, self.offset, self.lengths[index : index + 1], self.at_ns[index : index + 1])

    def common(self, start: int, size: int) -> bytes | None:
        """The `size` bytes at `start` of every frame, or None when they differ."""
        first, count = self.offset + start, len(self.lengths)
        found = self.data[first : first + size]
        for place in range(size):
            column = self.data[first + place :: STRIDE]
            if column.count(column[0]) != count:
                return None
        return found


class Ring:
    """A packet socket on one interface of this network namespace. Close it. Raises OSError."""

    def __init__(self, interface: str) -> None:
        # Protocol 0 hears nothing until the socket is bound, with its options set.
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self.socket.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
            with contextlib.suppress(OSError):
                self.socket.setsockopt(_SOL_PACKET, _QDISC_BYPASS, 1)
            self.socket.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V2)
            blocks = _SLOTS * STRIDE // _BLOCK_SIZE
            self.socket.setsockopt(
                _SOL_PACKET, _RX_RING, struct.pack("=IIII", _BLOCK_SIZE, blocks, STRIDE, _SLOTS)
            )
            self._memory = mmap.mmap(self.socket.fileno(), _SLOTS * STRIDE)
            self.socket.bind((interface, _ETH_P_ALL))
        except BaseException:
            self.socket.close()
            raise
        words = memoryview(self._memory).cast("I")
        self._words = words
        self._status = words[_STATUS::_WORDS]
        self._lengths = words[_LENGTH::_WORDS]
        self._seconds = words[_SECONDS::_WORDS]
        self._nanoseconds = words[_NANOSECONDS::_WORDS]
        self._free = memoryview(array.array("I", [_WITH_KERNEL] * TURN))
        self._head = 0
        self._sender = Sender(self.socket)

    def take(self) -> Block | None:
        """The frames that have come, at most TURN of them; None when there are none."""
        first = self._head
        last = first + _ready(self._status[first : first + TURN].tolist())
        if first == last:
            return None
        here = slice(first, last)
        block = Block(
            self._memory[first * STRIDE : last * STRIDE],
            struct.unpack_from("=H", self._memory, first * STRIDE + _MAC_OFFSET + 0)[0],
            self._lengths[here].tolist(),
            [s * 1_000_000_000 + n for s, n in zip(self._seconds[here], self._nanoseconds[here], strict=True)],
        )
        self._status[here] = self._free[: last - first]
        self._head = last % _SLOTS
        return block

    def send(self, block: Block) -> None:
        """Send them all. What the other side has no room for is lost, as on a wire."""
        self._sender.send(block)

    def dropped(self) -> int:
        """How many frames the kernel has dropped since this was last asked."""
        return int(struct.unpack("=II", self.socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))[1])

    def close(self) -> None:
        """Give the ring back."""
        for view in (self._status, self._lengths, self._seconds, self._nanoseconds, self._words):
            view.release()
        self._memory.close()
        self.socket.close()


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_size_t), ("length", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.c_size_t),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("sent", ctypes.c_uint),
    )


class Sender:
    """sendmmsg(2) with everything prepared but the addresses and lengths."""

    def __init__(self, sock: socket.socket) -> None:
        self._descriptor = sock.fileno()
        self._vectors = (_IoVec * TURN)()
        self._messages = (_MsgHdr * TURN)()
        start = ctypes.addressof(self._vectors)
        for index, message in enumerate(self._messages):
            message.vectors = start + index * ctypes.sizeof(_IoVec)
            message.vector_count = 1
        numbers = memoryview(self._vectors).cast("B").cast("N")
        self._bases, self._lengths = numbers[0::2], numbers[1::2]
        self._step = ctypes.sizeof(_MsgHdr)
        self._call = libc().sendmmsg
        self._call.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)

    def send(self, block: Block) -> None:
        """Send them all, or lose them."""
        count = len(block.lengths)
        # `block` lives as long as the call, and so do its bytes.
        start = ctypes.cast(block.data, ctypes.c_void_p).value or 0
        start += block.offset
        self._bases[:count] = _numbers(range(start, start + count * STRIDE, STRIDE))
        self._lengths[:count] = _numbers(block.lengths)
        messages, done = ctypes.addressof(self._messages), 0
        while done < count:
            sent = self._call(
                self._descriptor, messages + done * self._step, count - done, socket.MSG_DONTWAIT
            )
            # The one that could not be sent is lost.
            done += sent if sent > 0 else 1


def _numbers(values: range | list[int]) -> memoryview:
    return memoryview(array.array("Q", values)).cast("B").cast("N")


def _ready(statuses: list[int]) -> int:
    """How many from the first on are ours."""
    for index, status in enumerate(statuses):
        if not status & _READY:
            return index
    return len(statuses)
