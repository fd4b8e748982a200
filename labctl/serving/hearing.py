"""The thread that reads what a child says: its events, and what it prints."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable

from labctl.serving.child_events import ChildEvent, read_event

_LOG_BYTES = 262144
_MOST_EVENTS = 200_000
_PIPE_BYTES = 1 << 20
_READ_BYTES = 65536
_F_SETPIPE_SZ = 1031  # Linux: a server must not wait for us


class Hearing:
    """`events_fd` and `log_fd` are the write ends for the child; `child_has_them` closes them here.

    Close it when the child has ended: then everything that it said is read first.
    """

    def __init__(self) -> None:
        self._events_end, self.events_fd = os.pipe()
        self._log_end, self.log_fd = os.pipe()
        os.set_blocking(self._log_end, False)
        self._stop_end, self._stop = os.pipe()
        for descriptor in (self.events_fd, self.log_fd):
            with contextlib.suppress(OSError, ImportError):
                import fcntl

                fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _PIPE_BYTES)
        self._changed = threading.Condition(threading.RLock())
        self._log: deque[bytes] = deque()
        self._log_size = 0
        self._printed = 0
        self._partial = b""
        self._fresh: list[ChildEvent] = []
        self._workers: dict[int, int] = {}
        self._gone: set[int] = set()
        self._closed = False
        self._deaf = False
        self._thread = threading.Thread(target=self._run, name="hear a server", daemon=True)
        self._thread.start()

    def child_has_them(self) -> None:
        """Close our copies of the write ends."""
        os.close(self.events_fd)
        os.close(self.log_fd)

    def take(self) -> list[ChildEvent]:
        """The events since the last call, in the order in which they came."""
        with self._changed:
            taken, self._fresh = self._fresh, []
            return taken

    def untaken(self) -> list[ChildEvent]:
        """What `take` would give; it stays."""
        with self._changed:
            return list(self._fresh)

    def workers(self) -> tuple[int, ...]:
        """Pids that were forked and are not gone, in order of birth."""
        with self._changed:
            return tuple(sorted(self._workers, key=self._workers.__getitem__))

    def wait_for(
        self, found: Callable[[list[ChildEvent]], ChildEvent | None], timeout_s: float
    ) -> ChildEvent | None:
        """The first event that `found` picks from those that nobody took yet; None when the time is over."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                event = found(self._fresh)
                left = deadline - time.monotonic()
                if event is not None or left <= 0 or self._deaf:
                    return event
                self._changed.wait(left)

    def wait_for_log(self, text: str, timeout_s: float) -> bool:
        """Whether this was printed, or is within the time."""
        with self._changed:
            return (
                self._changed.wait_for(lambda: text in self.log() or self._closed, timeout_s)
                and text in self.log()
            )

    def listen_until_quiet(self, quiet_s: float, timeout_s: float) -> None:
        """Wait until something is printed, and then until nothing is for `quiet_s`; `timeout_s` in all at most."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            size, heard = self._printed, False
            while (left := deadline - time.monotonic()) > 0 and not self._closed:
                self._changed.wait(min(quiet_s, left) if heard else left)
                if heard and self._printed == size:
                    return
                heard = heard or self._printed != size
                size = self._printed

    @property
    def deaf(self) -> bool:
        """Whether no event can come any more: all processes that could tell one are gone."""
        return self._deaf

    def log(self) -> str:
        """What the child has printed, the last 256 KiB of it."""
        with self._changed:
            return b"".join(self._log)[-_LOG_BYTES:].decode("utf-8", "replace")

    def close(self) -> None:
        """Read what is there, and end."""
        if not self._thread.is_alive() and self._closed:
            return
        os.close(self._stop)
        self._thread.join()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for descriptor in (self._events_end, self._log_end, self._stop_end):
                selector.register(descriptor, selectors.EVENT_READ)
            stopping = False
            while selector.get_map():
                ready = [key.fd for key, _ in selector.select(0 if stopping else None)]
                if stopping and not ready:
                    break  # something that we could not end still has the pipe
                for descriptor in ready:
                    if descriptor == self._log_end:
                        if self._read_log():
                            selector.unregister(descriptor)
                        continue
                    data = b"" if descriptor == self._stop_end else os.read(descriptor, _READ_BYTES)
                    if descriptor == self._stop_end:
                        stopping = True
                    if not data:
                        selector.unregister(descriptor)
                        self._end(descriptor)
                    else:
                        # What was printed before an event was told is in the log before it is heard.
                        self._read_log()
                        self._hear(data)
        with self._changed:
            self._closed = self._deaf = True
            self._changed.notify_all()
        for descriptor in (self._events_end, self._log_end, self._stop_end):
            os.close(descriptor)

    def _read_log(self) -> bool:
        """Take what has been printed, a pipe full at most. True at the end."""
        for _ in range(_PIPE_BYTES // _READ_BYTES):
            try:
                data = os.read(self._log_end, _READ_BYTES)
            except BlockingIOError:
                return False
            if not data:
                return True
            self._print(data)
        return False

    def _end(self, descriptor: int) -> None:
        if descriptor == self._events_end:
            with self._changed:
                self._deaf = True
                self._changed.notify_all()

    def _hear(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        found = [event for event in map(read_event, lines) if event is not None]
        with self._changed:
            for event in found:
                if event.kind == "gone":
                    self._workers.pop(event.pid, None)
                    self._gone.add(event.pid)
                elif event.kind == "forked" and event.pid not in self._gone:
                    # A worker may be gone before it could say that it exists.
                    self._workers[event.pid] = int(event.data.get("worker", 0))
            self._fresh += found
            del self._fresh[:-_MOST_EVENTS]
            self._changed.notify_all()

    def _print(self, data: bytes) -> None:
        with self._changed:
            self._log.append(data)
            self._log_size += len(data)
            self._printed += len(data)
            while self._log and self._log_size - len(self._log[0]) >= _LOG_BYTES:
                self._log_size -= len(self._log.popleft())
            self._changed.notify_all()
