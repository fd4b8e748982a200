"""A peer at the other end of a socket pair: it reads once, then says what it was told to say."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from labctl.fetch.stream import Stream


@contextmanager
def saying(*pieces: bytes, close: bool = True, read: bool = True) -> Iterator[Stream]:
    """A stream whose peer reads something and then sends the pieces; it stays open when `close` is False."""
    ours, theirs = socket.socketpair()
    done = threading.Event()

    def talk() -> None:
        with theirs:
            try:
                if read:
                    theirs.recv(65536)
                for piece in pieces:
                    theirs.sendall(piece)
            except OSError:
                return
            if not close:
                done.wait()

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        with ours:
            yield Stream(ours, time.monotonic)
    finally:
        done.set()
        thread.join()
