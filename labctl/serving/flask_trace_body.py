"""The body of a response, as the server pulls it, and its close(). Child side, stdlib only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from labctl.serving.flask_trace_hooks import Traced
from labctl.serving.flask_trace_places import LONGEST, Location
from labctl.serving.flask_trace_records import CURRENT, NOTES, Trace

# So many pieces of a body are shown one by one.
PIECES = 8


class Body:
    """What the application returned; `over` is called behind close()."""

    def __init__(self, returned: Iterable[bytes], trace: Trace, over: Callable[[], None]) -> None:
        self._returned = returned
        self._pieces: Iterator[bytes] | None = None
        self._trace = trace
        self._over = over
        self._number = 0
        self._bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        trace = self._trace
        if self._pieces is None:
            self._pieces = iter(self._returned)
        self._number += 1
        record = trace.begin("item", self._source()) if self._number <= PIECES else None
        token = CURRENT.set(trace)
        try:
            piece = next(self._pieces)
        except StopIteration:
            if record is not None:
                trace.forget(record)
            trace.mark("sent", bytes=self._bytes, items=self._number - 1)
            raise
        except BaseException as error:
            trace.raised(record or trace.begin("item", self._source()), error)
            raise
        finally:
            CURRENT.reset(token)
        self._bytes += len(piece)
        if record is not None:
            record[NOTES]["bytes"] = len(piece)
            trace.end(record)
        return piece

    def _source(self) -> Location:
        """Named only when it is a generator of the application's: the body of most responses is a list."""
        body = getattr(self._trace.response, "response", None)
        # That of stream_with_context keeps the application's own in a variable.
        outer = getattr(body, "gi_frame", None)
        if outer is not None and outer.f_globals.get("__name__", "").startswith("flask."):
            body = outer.f_locals.get("gen", body)
        code = getattr(body, "gi_code", None)
        if code is None:
            return Location("")
        frame = getattr(body, "gi_frame", None)
        line = frame.f_lineno if frame is not None else code.co_firstlineno
        return Location(code.co_name[:LONGEST], code.co_filename[-LONGEST:], line)

    def close(self) -> None:
        """What PEP 3333 makes the server call; functions given to call_on_close run in it."""
        trace = self._trace
        record = trace.begin("close", Location(""))
        on_close = getattr(trace.response, "_on_close", None)
        if isinstance(on_close, list):
            on_close[:] = [Traced(each, "call_on_close", "") for each in on_close]
        token = CURRENT.set(trace)
        try:
            close: Any = getattr(self._returned, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            trace.raised(record, error)
            raise
        finally:
            CURRENT.reset(token)
            trace.end(record)
            self._over()
