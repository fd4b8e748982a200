"""Says where a request is that takes too long. Child side, stdlib only."""

from __future__ import annotations

import contextlib
import faulthandler
import sys
import threading
import time

from labctl.serving.flask_trace_records import Trace

_LOOKS_S = 0.05
# Over this a thread that holds the interpreter's lock in C keeps ours from looking; faulthandler needs no lock.
_HEARTBEAT_S = 1.5


class Watch:
    """Looks at the open requests now and then; each that is older than `deadline_s` is told once."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._open: dict[int, Trace] = {}
        self._some = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, trace: Trace) -> None:
        """A request began."""
        if self._thread is None or not self._thread.is_alive():
            # Not earlier: a server may fork between prepare and its first request.
            self._thread = threading.Thread(target=self._look, name="labctl watch", daemon=True)
            self._thread.start()
        self._open[trace.number] = trace
        self._some.set()

    def over(self, trace: Trace) -> None:
        """A request is over."""
        self._open.pop(trace.number, None)

    def _look(self) -> None:
        told: set[int] = set()
        while True:
            if not self._open:
                with contextlib.suppress(Exception):
                    faulthandler.cancel_dump_traceback_later()
                self._some.clear()
                if not self._open:
                    self._some.wait()
            with contextlib.suppress(Exception):
                faulthandler.dump_traceback_later(max(_HEARTBEAT_S, self._deadline_s), file=sys.stderr)
            time.sleep(_LOOKS_S)
            now = time.monotonic_ns()
            for number, trace in list(self._open.items()):
                if number not in told and now - trace.began_ns >= self._deadline_s * 1e9:
                    told.add(number)
                    trace.tell_stuck()
