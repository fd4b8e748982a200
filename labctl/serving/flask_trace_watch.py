"""Says where a request is that takes too long. Child side, stdlib only."""

from __future__ import annotations

import contextlib
import faulthandler
import sys
import threading
import time

from labctl.serving.flask_trace_records import Trace

# How often it looks: seldom enough to cost nothing, and often enough to be near the deadline.
_OFTEN_S, _SELDOM_S = 0.02, 0.25
# Over this a thread that holds the interpreter's lock in C keeps ours from looking; faulthandler needs no lock.
_HEARTBEAT_S = 1.5


class Watch:
    """Looks at the open requests now and then; each that is older than `deadline_s` is told once."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._open: dict[int, Trace] = {}
        self._thread: threading.Thread | None = None

    def begin(self, trace: Trace) -> None:
        """A request began."""
        self._open[trace.number] = trace
        if self._thread is None or not self._thread.is_alive():
            # Not earlier: a server may fork between prepare and its first request.
            self._thread = threading.Thread(target=self._look, name="labctl watch", daemon=True)
            self._thread.start()

    def over(self, trace: Trace) -> None:
        """A request is over."""
        self._open.pop(trace.number, None)

    def _look(self) -> None:
        told: set[int] = set()
        pause_s = min(_SELDOM_S, max(_OFTEN_S, self._deadline_s / 20))
        while True:
            # Always, since a request may take the lock right after this look.
            with contextlib.suppress(Exception):
                faulthandler.dump_traceback_later(max(_HEARTBEAT_S, self._deadline_s), file=sys.stderr)
            time.sleep(pause_s)
            now = time.monotonic_ns()
            for number, trace in list(self._open.items()):
                if number not in told and now - trace.began_ns >= self._deadline_s * 1e9:
                    told.add(number)
                    trace.tell_stuck()
