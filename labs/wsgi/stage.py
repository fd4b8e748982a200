"""The servers that a demonstration stands on, with the habits of this world, and what they were seen to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from labctl.errors import CannotRun
from labctl.internet import Internet
from labctl.serving.application import App, own_app
from labctl.serving.asking import Answer, Ask, ask
from labctl.serving.child_events import ChildEvent
from labctl.serving.standing import Kind, Standing, on_this_machine, stand

ALL: tuple[Kind, ...] = ("toy", "wsgiref", "flask", "sync", "gthread", "waitress")
# As they are called on the screen.
NAMES: dict[str, str] = {
    "toy": "our toy",
    "wsgiref": "wsgiref",
    "flask": "flask run",
    "sync": "gunicorn sync",
    "gthread": "gunicorn gthread",
    "waitress": "waitress",
}
SHORT = {**NAMES, "toy": "toy", "sync": "sync", "gthread": "gthread"}
# flask run makes one for each connection.
THREADS = {"toy": 4, "gthread": 4, "waitress": 4}
PREPARE, PLAIN, TRACED = (f"labs.wsgi.broken:{name}" for name in ("prepare", "plain", "traced"))
HOME = Ask("/")
# The tracer's last word on a request.
LAST = "valid"
# A server that forgets close() never tells it; and how long what was told may be on its way.
_PATIENCE_S, _CALLED_S = 2.0, 0.5


class Missing(NamedTuple):
    """A server that could not be stood up, and why, half a sentence."""

    kind: Kind
    why: str


class Stage:
    """A context manager: what it stood up ends with it."""

    def __init__(self, internet: Internet) -> None:
        self.habits = habits_of(internet)
        self.timeout_s = internet.timeout or 10.0
        self.missing: list[Missing] = []
        self._open = ExitStack()
        self._lock = threading.Lock()
        self._closed = False

    def stand(
        self, module: str, kind: Kind = "toy", *, attribute: str = "app", trace: bool = False, **more: Any
    ) -> Standing:
        """One server with an application of labs.wsgi.apps. Raises CannotRun."""
        return self.stand_app(own_app(f"labs.wsgi.apps.{module}", attribute), kind, trace=trace, **more)

    def stand_app(self, app: App, kind: Kind, *, trace: bool = False, **more: Any) -> Standing:
        """One server with any application. Only ours meet a fault, and modules of the lab."""
        given: dict[str, Any] = {
            "trace": trace,
            "watched": False,
            "threads": THREADS.get(kind, 1),
            "options": self._options(kind),
        }
        if app.ours:
            given |= {"trace": TRACED if trace else PLAIN, "habits": self.habits, "prepare": PREPARE}
        standing = stand(app, kind, **{**given, **more})
        with self._lock:
            if self._closed:  # interrupted while a thread was starting it
                standing.end(0)
            else:
                self._open.callback(standing.end)
        return standing

    def _options(self, kind: Kind) -> tuple[str, ...]:
        """A fault that is an option of the server."""
        if kind in ("sync", "gthread") and "gunicorn-takes-underscores" in self.habits:
            return ("--header-map", "dangerous")
        return ()

    def stand_all(
        self, module: str, kinds: Sequence[Kind] = ALL, *, traced: Sequence[Kind] = (), **more: Any
    ) -> dict[Kind, Standing]:
        """The same application under several servers, started side by side. What is not installed is in `missing`."""
        found: dict[Kind, Standing] = {}
        wrong: list[CannotRun] = []

        def begin(kind: Kind) -> None:
            try:
                standing = self.stand(module, kind, trace=kind in traced, **more)
            except CannotRun as error:
                if error.code == "server-missing":
                    self.missing.append(Missing(kind, error.headline))
                else:
                    wrong.append(error)
            else:
                found[kind] = standing

        wanted = [kind for kind in kinds if on_this_machine(kind)]
        self.missing += [
            Missing(kind, "gunicorn needs fork, which Windows lacks") for kind in kinds if kind not in wanted
        ]
        threads = [threading.Thread(target=begin, args=(kind,), name=f"stand {kind}") for kind in wanted]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if wrong:
            raise wrong[0]
        self.missing.sort(key=lambda each: ALL.index(each.kind))
        return {kind: found[kind] for kind in kinds if kind in found}

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *exc: Any) -> None:
        with self._lock:
            self._closed = True
        self._open.close()


class Seen(NamedTuple):
    """One request, from both sides. `began_ns` is CLOCK_MONOTONIC; `events` are the tracer's, of this request.

    `others` are what the server told meanwhile, and since it was last listened to.
    """

    answer: Answer
    began_ns: int
    events: list[ChildEvent]
    others: list[ChildEvent]

    def at_ms(self, event: ChildEvent) -> float:
        """When it happened, since the client began."""
        return (event.at_ns - self.began_ns) / 1e6

    @property
    def calls(self) -> int:
        """How often server and application called each other, or handed something over."""
        return len(self.of("start_response", "returned", "item", "write", "raised", "close")) + bool(
            self.environ
        )

    def of(self, *kinds: str) -> list[ChildEvent]:
        """The events of these kinds, in order."""
        return [event for event in self.events if event.kind in kinds]

    @property
    def environ(self) -> dict[str, str]:
        """What the application was given; long values are cut."""
        return {key: value for part in self.of("environ") for key, value in part.data["values"].items()}

    @property
    def said(self) -> str | None:
        """What wsgiref.validate says; None when the request never came to its end."""
        found = self.of("valid")
        return str(found[0].data["said"]) if found else None


def observed(standing: Standing, request: Ask = HOME, *, most: int | None = None) -> Seen:
    """Ask a traced server, and wait for what it tells about it. Never raises for what the application does.

    `most` bounds how many bytes of the body are read.
    """
    before = standing.events()
    began = time.monotonic_ns()
    answer = asked(standing, request, most)
    # A server that refuses a request does not call the application, and then there is nothing to wait for.
    if standing.wait_for("environ", timeout_s=_CALLED_S, since_ns=began):
        standing.wait_for(LAST, timeout_s=_PATIENCE_S if answer.status else _CALLED_S, since_ns=began)
    after = standing.events()
    own = [event for event in after if event.at_ns >= began and "request" in event.data]
    return Seen(answer, began, own, [event for event in before + after if "request" not in event.data])


def asked(standing: Standing, request: Ask = HOME, most: int | None = None) -> Answer:
    """One request on a connection of its own."""
    words = {k: v for k, v in request._asdict().items() if k != "after_ms"}
    return ask(standing.where, **words, most=most)


def habits_of(internet: Internet) -> frozenset[str]:
    """The habits that a fault switches on; none without one."""
    if not internet.fault:
        return frozenset()
    from labctl.sandbox.faults import town_under

    return town_under(internet.fault).web


@contextmanager
def staged(internet: Internet) -> Iterator[Stage]:
    """The stage of a demonstration."""
    with Stage(internet) as stage:
        yield stage


def each(standings: dict[Kind, Standing], do: Callable[[Standing], Any]) -> Iterable[tuple[Kind, Any]]:
    """What `do` gives for each server, one after another."""
    return [(kind, do(standing)) for kind, standing in standings.items()]
