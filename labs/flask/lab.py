"""Inside of the application: which function ran, in which order, and what each of Flask's objects lives in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from labctl.errors import UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab, Place
from labs.flask.claims import CLAIMS

MOST_BOOT_S = 600
Show = Literal[
    "short-circuit",
    "not-found",
    "teardown",
    "errors",
    "session",
    "contexts",
    "concurrent",
    "threads",
    "streaming",
    "args",
]


def place(arguments: Mapping[str, Any]) -> Place:
    """An application of the learner's is on this machine; without one the lab has its own. Raises UsageError."""
    from labs.flask.target import is_own

    return "sandbox" if is_own(arguments) else "own"


def run(
    internet: Internet,
    app: Annotated[
        str | None,
        "Your application: MODULE:NAME, FILE.py:NAME, MODULE:create_app(). [default: a small shop]",
    ] = None,
    method: Annotated[str | None, "The request's method. [default: GET]"] = None,
    path: Annotated[str | None, "What to ask for: /path?query. [default: /]"] = None,
    *,
    header: Annotated[
        list[str] | None, "A field of the request, 'Name: value'. May be repeated.", "-H"
    ] = None,
    data: Annotated[
        list[str] | None, "The request's content, or @FILE. More than one are joined with &.", "-d"
    ] = None,
    then: Annotated[
        list[str] | None,
        "Another request behind the first, with its cookies: 'GET /', 'POST /login -d name=ana'. May be repeated.",
    ] = None,
    expect: Annotated[
        list[str] | None,
        "The status that must come, 200 or 2xx or 2xx,404; another one ends with exit code 1. "
        "For the last request, or one for each.",
    ] = None,
    routes: Annotated[bool, "List the routes, and ask for nothing."] = False,
    show: Annotated[Show | None, "One demonstration instead of a request."] = None,
    python: Annotated[
        str | None, "The interpreter that has your application. [default: the active one]"
    ] = None,
    boot_timeout: Annotated[float, "Seconds that importing your application may take."] = 10.0,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for what cannot be meant."""
    from labs.flask.target import read_target

    if not 0 < boot_timeout <= MOST_BOOT_S:
        raise UsageError(
            "usage", f"--boot-timeout: {boot_timeout:g} is not a number of seconds up to {MOST_BOOT_S}"
        )
    target = read_target(app, method, path, header or (), data or (), then or (), python, expect or ())
    if routes and expect:
        raise UsageError(
            "options-contradict",
            "--routes asks for nothing, and so there is no status to --expect",
            fixes=(f"{target.command} --routes", f"{target.command} {target.asking()} --expect {expect[0]}"),
        )
    if show and (not target.is_ours or target.asked or routes):
        raise UsageError(
            "options-contradict",
            f"--show {show} plays with applications of its own: it takes no application and no request",
            fixes=(f"labctl flask --show {show}", f"{target.command} {target.asking()}"),
        )
    if internet.kind == "live" and target.is_ours:
        raise UsageError(
            "target-missing",
            "on the real internet there is no application of yours; it is on this machine",
            fixes=("labctl flask", "labctl flask shop:app GET /"),
        )
    if internet.fault and not target.is_ours:
        raise UsageError(
            "options-contradict",
            f"--break {internet.fault} changes the lab's own applications, and not yours",
            fixes=(f"{target.command} {target.asking()}", f"labctl flask --break {internet.fault}"),
        )
    if show:
        from importlib import import_module

        module = import_module(f"labs.flask.shows.{show.replace('-', '_')}")
        events: Iterator[Event] = module.show(internet)
        return events
    if routes:
        from labs.flask.routes import listed_routes

        return listed_routes(internet, target, boot_timeout)
    if target.asked or not target.is_ours:
        from labs.flask.yours import asked

        return asked(internet, target, boot_timeout)
    from labs.flask.whole import whole

    return whole(internet)


LAB = Lab(
    "flask",
    "Inside the application: what runs, in which order",
    CLAIMS,
    run,
    __package__,
    examples=(
        "flask",
        "flask shop:app GET /basket/7",
        "flask GET /account/",
        "flask shop:app GET / --expect 2xx",
        "flask --show session",
        "flask --show errors",
    ),
    place=place,
    # With a request of one's own it is a tool.
    judges=lambda arguments: (
        not any(arguments.get(name) for name in ("app", "method", "path", "routes", "expect"))
    ),
)
