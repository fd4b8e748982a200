"""Faults of the lab's own application. Runs in the child, before the fork."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any


def _shop() -> Any:
    from labs.workers.apps import shop

    return shop


def _counter_is_shared() -> None:
    """A number in an anonymous mapping, which fork shares: all workers add to the same one."""
    import fcntl

    shared, lock = mmap.mmap(-1, 8), tempfile.TemporaryFile()  # noqa: SIM115  # for as long as the process lives

    def add(self: Any) -> int:
        # A lock of lockf belongs to a process, also of a descriptor that was inherited.
        fcntl.lockf(lock, fcntl.LOCK_EX)
        try:
            (value,) = struct.unpack("q", shared[:8])
            shared[:8] = struct.pack("q", value + 1)
        finally:
            fcntl.lockf(lock, fcntl.LOCK_UN)
        return int(value) + 1

    _shop().Counter.add = add


def _catalogue_in_one_block() -> None:
    os.environ["LABCTL_WORKERS_BLOCK"] = "yes"


def _loop_outside_of_python() -> None:
    shop = _shop()
    shop.WORK["/loop"] = shop.digest


def _digest_in_small_pieces() -> None:
    import hashlib

    def small(milliseconds: float) -> None:
        piece = bytes(2000)
        end = time.thread_time_ns() + int(milliseconds * 1e6)
        while time.thread_time_ns() < end:
            found = hashlib.sha256()
            for _ in range(200):
                found.update(piece)

    _shop().WORK["/digest"] = small


def _loop_that_sleeps() -> None:
    shop = _shop()
    shop.WORK["/loop"] = shop.wait


APPLICATION: Mapping[str, Callable[[], None]] = {
    "counter-is-shared": _counter_is_shared,
    "catalogue-in-one-block": _catalogue_in_one_block,
    "loop-outside-of-python": _loop_outside_of_python,
    "digest-in-small-pieces": _digest_in_small_pieces,
    "loop-that-sleeps": _loop_that_sleeps,
}
