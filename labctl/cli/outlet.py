"""Standard output for a program that must not wait: whoever reads it slowly, or not at all, holds nothing up.

A pipe takes 64 kB and then makes its writer wait until somebody reads. Here a piece is written only when poll(2) says
that there is room, and a piece is no longer than PIPE_BUF, which then fits (pipe(7)).
"""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Callable

PIECE = select.PIPE_BUF
MOST = 1_000_000


class Outlet:
    """`left_out(n)` is the line that stands for `n` lines which nobody read in time; at most `most` bytes wait."""

    def __init__(self, left_out: Callable[[int], str], most: int = MOST) -> None:
        self._left_out = left_out
        self._most = most
        self._waiting = bytearray()
        self._missing = 0
        self._poll = select.poll()
        try:
            sys.stdout.flush()
            self.fd = sys.stdout.fileno()
            self._poll.register(self.fd, select.POLLOUT)
        except (io.UnsupportedOperation, AttributeError):
            self.fd = -1

    def put(self, text: str) -> None:
        """Take a line (or several); `pour` writes it."""
        if len(self._waiting) >= self._most:
            self._missing += 1
            return
        self._say_what_is_missing()
        self._waiting += text.encode("utf-8", "replace")

    def pour(self) -> bool:
        """Write what can be written without waiting; True when nothing is left. Raises BrokenPipeError."""
        if self.fd < 0:
            if sys.stdout is not None:
                sys.stdout.write(self._waiting.decode())
            self._waiting.clear()
        while self._waiting:
            if not self._poll.poll(0):
                return False
            written = os.write(self.fd, self._waiting[:PIECE])
            del self._waiting[:written]
            if not self._waiting:
                self._say_what_is_missing()
        return True

    def _say_what_is_missing(self) -> None:
        if self._missing:
            missing, self._missing = self._missing, 0
            self._waiting += self._left_out(missing).encode("utf-8", "replace")
