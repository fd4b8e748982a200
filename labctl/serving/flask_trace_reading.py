"""What the tracer of Flask told, read: requests with their records. Pure, in labctl's own process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from labctl.serving.child_events import ChildEvent


class Record(NamedTuple):
    """A function that ran, or a moment. Milliseconds since the request began; `ended_ms` None: it never ended.

    `kind` is Flask's word for the place (before_request, view, teardown_request ...), or match, open_session,
    save_session, template, signal, method, start_response, item, sent, close, call_on_close, raised, unhandled.
    `scope` is "" for the application's, else a blueprint's name; of a view the endpoint, of an error handler what it is
    for. `depth` counts what is around it.
    """

    kind: str
    name: str
    file: str
    line: int
    scope: str
    began_ms: float
    ended_ms: float | None
    depth: int
    notes: Mapping[str, Any]

    @property
    def took_ms(self) -> float:
        """0 for what never ended."""
        return 0.0 if self.ended_ms is None else self.ended_ms - self.began_ms


class Skipped(NamedTuple):
    """A function that is registered for the request and did not run."""

    kind: str
    name: str
    file: str
    line: int
    scope: str


class Frame(NamedTuple):
    """A place in a stack."""

    name: str
    file: str
    line: int


class Request(NamedTuple):
    """One traced request. `began_ns` is time.monotonic_ns(). `whole`: it came to its end.

    `stuck` says where it was when its time was up, innermost first.
    """

    number: int
    pid: int
    method: str
    path: str
    began_ns: int
    thread: int
    records: tuple[Record, ...] = ()
    facts: Mapping[str, Any] = {}
    whole: bool = False
    stuck: tuple[Frame, ...] = ()

    def first(self, kind: str, name: str = "") -> Record | None:
        """The first record of a kind (and a name), or None."""
        return next((r for r in self.records if r.kind == kind and name in ("", r.name)), None)

    def names(self, *kinds: str) -> list[str]:
        """The names of the records of these kinds, in order."""
        return [r.name for r in self.records if r.kind in kinds]

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What is registered for this request and did not run."""
        told = self.facts.get("skipped")
        found = [each for each in told if isinstance(each, list)] if isinstance(told, list) else []
        return tuple(Skipped(*map(_plain, each)) for each in found if len(each) == 5)


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else str(value)


class Reader:
    """Hears the events of children, and gives the requests of which they tell."""

    def __init__(self) -> None:
        self.requests: dict[tuple[int, int], Request] = {}

    def hear(self, events: Iterable[ChildEvent]) -> None:
        """Take what is the tracer's; what is malformed is left out, since the learner's code can write there too."""
        for event in events:
            if event.kind.startswith("flask-") and isinstance(event.data.get("request"), int):
                try:
                    self._take(event, event.data)
                except (TypeError, ValueError, KeyError):
                    continue

    def _take(self, event: ChildEvent, data: Mapping[str, Any]) -> None:
        key = event.pid, int(data["request"])
        if event.kind == "flask-begin":
            # Said again when a request that was stuck ends after all.
            self.requests[key] = Request(
                key[1],
                key[0],
                str(data["method"]),
                str(data["path"]),
                int(data["began_ns"]),
                int(data["thread"]),
            )
        request = self.requests.get(key)
        if request is None:
            return
        if event.kind == "flask-part":
            records = (*request.records, *(_record(each) for each in data["records"]))
            self.requests[key] = request._replace(records=records)
        elif event.kind == "flask-fact":
            self.requests[key] = request._replace(facts={**request.facts, str(data["name"]): data["value"]})
        elif event.kind == "flask-stuck":
            frames = tuple(Frame(str(name), str(file), int(line)) for name, file, line in data["frames"])
            self.requests[key] = request._replace(stuck=frames)
        elif event.kind == "flask-end":
            self.requests[key] = request._replace(whole=True)

    def finished(self) -> list[Request]:
        """The requests that came to their end, in the order in which they began."""
        return sorted((r for r in self.requests.values() if r.whole), key=lambda r: r.began_ns)


def _record(given: Any) -> Record:
    kind, name, file, line, scope, began, ended, depth, notes = given
    return Record(
        str(kind),
        str(name),
        str(file),
        int(line),
        str(scope),
        float(began) / 1000,
        None if ended == -1 else float(ended) / 1000,
        int(depth),
        dict(notes),
    )
