"""An application behind a real server in a child, asked over a socket and traced."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from labctl.protocols.http1_fields import Fields
from labctl.serving.flask_trace_reading import Reader, Request

if TYPE_CHECKING:
    from labctl.serving.application import App
    from labctl.serving.asking import Answer
    from labctl.serving.standing import Standing

# What the tracer has to say comes right after the answer; this is for a machine that is busy.
_TELLS_S = 2.0
_PREPARED = "labs.flask.apps.prepared:prepare"
_TRACED = "labctl.serving.flask_trace_prepare:prepare"
_KIND = "labctl.serving.flask_trace_prepare:kind"
PATIENCE_S = 10.0
# More than any demonstration asks at once.
_THREADS = 8
# Of an answer no more than this is read, in bytes: a stream may have no end.
MOST = 16 << 20


class Seen(NamedTuple):
    """A request from both sides. `traced` is None when no Flask saw it.

    `first_byte_ms` and `end_ms` are on the traced request's axis: since it began in the application.
    """

    answer: Answer
    traced: Request | None
    first_byte_ms: float = 0.0
    end_ms: float = 0.0


class Stage:
    """A context manager: the application stands as long as it lasts. Raises CannotRun for one that cannot be served."""

    def __init__(
        self,
        app: App,
        habits: frozenset[str] = frozenset(),
        *,
        patience_s: float = PATIENCE_S,
        boot_s: float = PATIENCE_S,
    ) -> None:
        from labctl.serving.flask_trace_prepare import DEADLINE
        from labctl.serving.standing import stand

        self.app = app
        self.patience_s = patience_s
        self._reader = Reader()
        self._told: set[tuple[int, int]] = set()
        self._is_flask = False
        self._left: Sequence[Any] = ()
        self.standing: Standing = stand(
            app,
            "toy",
            habits=habits,
            prepare=_PREPARED if app.ours else _TRACED,
            trace=_KIND,
            threads=_THREADS,
            env={DEADLINE: str(patience_s)},
            boot_timeout_s=boot_s,
        )

    @property
    def is_flask(self) -> bool:
        """Whether the application is a Flask, and not something around one. Known behind the first request."""
        return self._is_flask

    def _hear(self) -> None:
        events = self.standing.events()
        self._is_flask = self._is_flask or any(e.kind == "flask-kind" and e.data["flask"] for e in events)
        self._left = next((e.data["at"] for e in events if e.kind == "leaving"), self._left)
        self._reader.hear(events)

    def left_at(self) -> Sequence[Any]:
        """Where the application called os._exit, as labctl.serving.evidence.places takes it; empty: it did not."""
        self._hear()
        return self._left

    def ask(self, target: str, method: str = "GET", fields: Fields = (), body: bytes = b"") -> Seen:
        """One request, its answer, and what the tracer told of it."""
        from labctl.serving.asking import ask, write_request

        # Before the clock starts: a large content takes its time.
        raw = write_request(self.standing.where, target, method, fields, body)
        asked_ns = time.monotonic_ns()
        # Longer than the tracer's own patience, so that it can say where the request is.
        answer = ask(
            self.standing.where,
            target,
            method=method,
            raw=raw,
            timeout_s=self.patience_s + 0.3,
            most=MOST,
        )
        return seen(answer, asked_ns, self._next(asked_ns, answer))

    def _next(self, asked_ns: int, answer: Answer) -> Request | None:
        # "end" is the server's, for whatever application; what the tracer told of the request came before it.
        wanted = "flask-stuck" if answer.failure == "timeout" else "end"
        if answer.status or wanted == "flask-stuck":
            self.standing.wait_for(wanted, timeout_s=_TELLS_S, since_ns=asked_ns)
        self._hear()
        for key, request in sorted(self._reader.requests.items(), key=lambda item: item[1].began_ns):
            if key not in self._told and request.began_ns >= asked_ns:
                self._told.add(key)
                return request
        return None

    def ask_at_once(self, targets: Sequence[str]) -> list[Answer]:
        """The answers to requests that are under way at the same time."""
        from labctl.serving.asking import Ask, ask_all

        return ask_all(self.standing.where, [Ask(each, timeout_s=self.patience_s) for each in targets])

    def gather(self, number: int) -> list[Request]:
        """The requests that ended and were not told yet: waits for so many of them."""
        deadline = time.monotonic() + _TELLS_S
        while True:
            self._hear()
            found = [r for r in self._reader.finished() if (r.pid, r.number) not in self._told]
            if len(found) >= number or time.monotonic() >= deadline:
                self._told.update((r.pid, r.number) for r in found)
                return found
            self.standing.wait_for("flask-end", timeout_s=deadline - time.monotonic())

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.standing.end()


def seen(answer: Answer, asked_ns: int, traced: Request | None) -> Seen:
    """Both sides on one axis; the two processes share the clock."""
    if traced is None:
        return Seen(answer, None, answer.first_byte_ms, answer.end_ms)
    ahead_ms = (traced.began_ns - asked_ns) / 1e6
    return Seen(answer, traced, answer.first_byte_ms - ahead_ms, answer.end_ms - ahead_ms)
