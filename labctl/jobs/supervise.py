"""Processes that are started again when they die, and that leave nothing behind when we do.

One thread starts all of them, reads what they print and sees them end. Who dies before it was ready is started again
after a pause that grows, so that a fault of a configuration does not become a busy loop.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from labctl import children
from labctl.jobs.supervised import Program, ServiceEvent, Supervised, What

__all__ = ["Program", "ServiceEvent", "Supervisor", "What"]

_LOG_BYTES = 262144
_LOOK_S = 0.25
_PATIENCE_S = 3.0
_DEATHS = 3


class Supervisor:
    """Keeps these programs running until `end`. `on_event` is called by the supervisor's own thread."""

    def __init__(
        self, programs: Sequence[Program], *, restart: bool, on_event: Callable[[ServiceEvent], None] | None
    ) -> None:
        self._all = {(program.what, program.name): Supervised(program) for program in programs}
        self._restart = restart
        self._tell = on_event or (lambda event: None)
        self._changed = threading.Condition(threading.RLock())
        self._log: deque[str] = deque()
        self._log_size = 0
        self._held = False
        self._ending = False
        self._problem: BaseException | None = None
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._thread = threading.Thread(target=self._run, name="supervise jobs", daemon=True)
        self._thread.start()

    def pid(self, what: What, name: str) -> int:
        """Of the program itself; 0 while it does not run. Raises KeyError."""
        with self._changed:
            return self._all[what, name].pid

    def names(self, what: What) -> list[str]:
        return [name for kind, name in self._all if kind == what]

    def kill(self, what: What, name: str, timeout_s: float = 20.0) -> int:
        """SIGKILL, and wait until it is gone with all that it forked; before that, until it runs at all. Its pid.

        Raises KeyError; TimeoutError when it does not run within the time.
        """
        one = self._all[what, name]
        with self._changed:
            self._changed.wait_for(lambda: one.process is not None or self._over(), timeout_s)
            process = one.process
            if process is None:
                raise TimeoutError(f"{what} {name} does not run")
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.program, signal.SIGKILL)
            self._changed.wait_for(lambda: one.process is not process or self._over(), timeout_s)
            return process.program

    def hold(self) -> None:
        """Start nothing again until `let_go`."""
        with self._changed:
            self._held = True

    def let_go(self) -> None:
        """What died meanwhile is started again, at once."""
        with self._changed:
            self._held = False
            for one in self._all.values():
                one.due = 0.0
            self._call()

    def wait_ready(self, timeout_s: float) -> str:
        """ "" when all programs are ready; else what keeps one from it. Three deaths are enough."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                if self._problem is not None:
                    return f"{type(self._problem).__name__}: {self._problem}"
                for one in self._all.values():
                    if one.failures >= (_DEATHS if self._restart else 1):
                        return one.said or "it ended, and said nothing"
                waiting = [one for one in self._all.values() if not one.ready]
                if not waiting:
                    return ""
                left = deadline - time.monotonic()
                if left <= 0:
                    return waiting[0].said or f"{waiting[0].program.what} was not ready after {timeout_s:g} s"
                self._changed.wait(left)

    def log(self) -> str:
        """What all of them printed, the last 256 KiB of it."""
        with self._changed:
            return "".join(self._log)

    def end(self) -> None:
        """Ask all to end, kill what is left after three seconds. Idempotent. Not for `on_event`."""
        with self._changed:
            self._ending = True
            self._call()
        self._thread.join()
        with self._changed:
            if self._wake >= 0:
                os.close(self._wake)
                self._wake = -1

    def _call(self) -> None:
        """Wake the thread. Only with the lock."""
        if self._wake >= 0:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(self._wake, b".")

    def _over(self) -> bool:
        return self._ending or self._problem is not None

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            try:
                while not self._ending:
                    self._start_due(selector)
                    for key, _ in selector.select(self._until_due()):
                        if key.fd == self._woken:
                            os.read(self._woken, 512)
                        elif not self._read(key.data):
                            self._bury(selector, key.data)
                    for one in self._all.values():
                        # Whoever left the keeper's reach may still hold the pipe.
                        if one.process is not None and one.process.poll() is not None:
                            self._bury(selector, one)
            except BaseException as problem:
                with self._changed:
                    self._problem = problem
                    self._changed.notify_all()
            finally:
                self._end_all()
                os.close(self._woken)

    def _may_start(self, one: Supervised) -> bool:
        return one.process is None and (one.starts == 0 or (self._restart and not self._held))

    def _until_due(self) -> float:
        now = time.monotonic()
        with self._changed:
            waits = [one.due - now for one in self._all.values() if self._may_start(one)]
        return max(0.0, min([_LOOK_S, *waits]))

    def _start_due(self, selector: selectors.BaseSelector) -> None:
        now = time.monotonic()
        for one in self._all.values():
            with self._changed:
                if not self._may_start(one) or one.due > now:
                    continue
                one.start()
                self._changed.notify_all()
            selector.register(one.output, selectors.EVENT_READ, one)
            self._tell(one.event("started" if one.starts == 1 else "restarted"))
            if one.ready:
                self._tell(one.event("ready"))

    def _read(self, one: Supervised) -> bool:
        """Take what it printed. False at the end of it."""
        with self._changed:
            was_ready = one.ready
            lines = one.read()
            for text in lines or ():
                line = f"{one.program.name}: {text}\n"
                self._log.append(line)
                self._log_size += len(line)
                while self._log_size > _LOG_BYTES:
                    self._log_size -= len(self._log.popleft())
            self._changed.notify_all()
        if one.ready and not was_ready:
            self._tell(one.event("ready"))
        return lines is not None

    def _bury(self, selector: selectors.BaseSelector, one: Supervised) -> None:
        """Its output has ended, or it has: kill what is left of it, and hear its last words."""
        if one.process is None:
            return
        selector.unregister(one.output)
        status = children.end(one.process, 0)
        pid = one.pid
        # Nobody can write any more: what is in the pipe is all.
        while one.output >= 0 and self._read(one) and _has_more(one.output):
            pass
        with self._changed:
            one.reaped(status)
            self._changed.notify_all()
        self._tell(one.event("died", pid, one.why(status)))

    def _end_all(self) -> None:
        alive = [one for one in self._all.values() if one.process is not None]
        for one in alive:
            if one.process is not None and one.process.poll() is None:
                one.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE_S
        with selectors.DefaultSelector() as selector:
            # A process that says much while it ends must not wait for us to read it.
            for one in alive:
                selector.register(one.output, selectors.EVENT_READ, one)
            while selector.get_map() and (left := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(min(left, _LOOK_S)):
                    if not self._read(key.data):
                        selector.unregister(key.fd)
                for key in list(selector.get_map().values()):
                    if key.data.process.poll() is not None and not _has_more(key.data.output):
                        selector.unregister(key.fd)
        for one in alive:
            if one.process is not None:
                children.end(one.process, 0)
            with self._changed:
                one.reaped(0)
        with self._changed:
            self._changed.notify_all()


def _has_more(output: int) -> bool:
    """Whether something can be read, its end included."""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        return bool(selector.select(0))
