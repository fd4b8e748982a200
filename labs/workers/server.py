"""The lab's servers: gunicorn as a child, with what a fault changes in it, and what its processes tell."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from labctl.errors import CannotRun
from labctl.internet import Internet

if TYPE_CHECKING:
    from labctl.serving.application import App
    from labctl.serving.child_events import ChildEvent
    from labctl.serving.standing import Standing

PREPARE = "labs.workers.broken:prepare"
# For a gunicorn that nobody tells how many workers it shall have.
AS_IT_COMES = "labs.workers.starting:as_it_comes"
# For one that opens its control socket.
CONTROLLED = "labs.workers.starting:with_a_control_socket"
# For one that has two cores at most.
ON_FEW_CORES = "labs.workers.starting:on_few_cores"


def habits_of(internet: Internet) -> frozenset[str]:
    """The habits that a fault switches on; none without one."""
    if not internet.fault:
        return frozenset()
    from labctl.sandbox.faults import town_under

    return town_under(internet.fault).web


def shop() -> App:
    """The lab's own application."""
    from labctl.serving.application import own_app

    return own_app("labs.workers.apps.shop")


def missing_gunicorn(kind: str) -> CannotRun | None:
    """Why gunicorn cannot stand here at all, and what helps; None when it can."""
    from importlib.util import find_spec

    from labctl.serving.standing import on_this_machine

    if not on_this_machine(kind):
        return CannotRun(
            "server-missing", "gunicorn needs fork, which this system does not have", fixes=("wsl --install",)
        )
    if find_spec("gunicorn") is None:
        return CannotRun("server-missing", "gunicorn is not installed", fixes=("pip install gunicorn",))
    return None


@contextmanager
def standing(
    internet: Internet,
    kind: Any = "sync",
    *,
    app: App | None = None,
    workers: int = 1,
    threads: int = 1,
    timeout_s: int = 30,
    graceful_s: int = 10,
    env: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    prepare: str = "",
    **more: Any,
) -> Iterator[Standing]:
    """A server with the lab's application, or another. Raises CannotRun for what does not stand.

    A fault changes the server or the lab's application, never somebody else's.
    """
    from labctl.serving.standing import stand

    if app is None and kind in ("sync", "gthread") and (missing := missing_gunicorn(kind)) is not None:
        raise missing
    habits = habits_of(internet)
    server = stand(
        app or shop(),
        kind,
        workers=workers,
        threads=threads,
        timeout_s=timeout_s,
        graceful_s=graceful_s,
        habits=habits,
        prepare=prepare or (PREPARE if habits else ""),
        env=dict(env or {}),
        options=tuple(options),
        **more,
    )
    with server:
        yield server


def address_of(server: Standing) -> tuple[str, int]:
    """Where it listens. Raises CannotRun for one that listens on a path."""
    if server.address is None:
        raise CannotRun("server-ended", "the server has no address")
    return server.address


def label_in(event: ChildEvent) -> str:
    """Which request an event is about: the mark of the client, "" without one."""
    mark = str(event.data.get("request") or "")
    return mark or parse_qs(str(event.data.get("query", ""))).get("request", [""])[0]


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
