"""Slow work, live: accepted at once, done in the background, streamed, and what is left of it after kill -9."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from labctl.errors import UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab
from labs.jobs.claims import CLAIMS

Show = Literal[
    "end",
    "no-replay",
    "at-least-once",
    "double-click",
    "dual-write",
    "cap",
    "rate",
    "cancel",
    "expiry",
    "notify",
    "authz",
    "heartbeat",
    "proxy-buffering",
    "blocked-workers",
    "status",
    "incomplete",
    "six-connections",
]
Victim = Literal["worker", "server", "database"]
Engine = Literal["sqlite", "postgres"]


def run(
    internet: Internet,
    *,
    drop_after: Annotated[
        int | None, "Cut the connection behind the event with this id. [default: 4]"
    ] = None,
    no_replay: Annotated[bool, "A server that sends only what is new: see what is lost."] = False,
    kill: Annotated[Victim | None, "kill -9 in the middle of the stream."] = None,
    engine: Annotated[
        Engine, "Where the jobs live: a file, or a PostgreSQL that is started for this run."
    ] = "sqlite",
    show: Annotated[Show | None, "One demonstration instead of a whole run."] = None,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for what cannot be meant."""
    from labs.jobs.whole import STEPS, USUAL_DROP, whole

    _sensible(show, kill, {"drop_after": drop_after, "no_replay": no_replay or None}, engine)
    if drop_after is not None and not 0 <= drop_after < STEPS:
        raise UsageError(
            "jobs-bounds",
            f"--drop-after takes the id of an event, 0 to {STEPS - 1}, not {drop_after}",
            fixes=(f"labctl jobs --drop-after {USUAL_DROP}",),
        )
    if show == "no-replay":
        return whole(internet, USUAL_DROP, replay=False, engine=engine)
    if show:
        from importlib import import_module

        module = import_module(f"labs.jobs.shows.{show.replace('-', '_')}")
        events: Iterator[Event] = module.show(internet)
        return events
    if kill:
        from labs.jobs.killing import kill as killed

        return killed(internet, kill, engine=engine)
    return whole(
        internet, USUAL_DROP if drop_after is None else drop_after, replay=not no_replay, engine=engine
    )


def _sensible(show: str | None, kill: str | None, options: dict[str, Any], engine: str) -> None:
    """Raises UsageError for options of which one would be silently ignored."""
    chosen = f"--show {show}" if show else f"--kill {kill}" if kill else ""
    if not chosen:
        return
    named = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if show and kill:
        named.append(f"--kill {kill}")
    if show and engine != "sqlite":
        named.append(f"--engine {engine}")
    if named:
        raise UsageError(
            "options-contradict",
            f"{chosen} is a run of its own: {named[0]} makes no sense with it",
            fixes=(f"labctl jobs {chosen}", f"labctl jobs {named[0]}"),
        )


LAB = Lab(
    "jobs",
    "Slow work, live",
    CLAIMS,
    run,
    __package__,
    examples=(
        "jobs",
        "jobs --drop-after 2",
        "jobs --no-replay",
        "jobs --kill worker",
        "jobs --kill database --engine postgres",
        "jobs --show at-least-once",
    ),
    # Without the replay it only explains.
    judges=lambda arguments: not arguments.get("no_replay") and arguments.get("show") != "no-replay",
)
