"""Many at once: a real gunicorn, its processes, its queue, and what happens when one of them hangs or dies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from labctl.errors import UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab, Place
from labs.workers.claims import CLAIMS

Show = Literal[
    "tree",
    "kill",
    "hang",
    "timeout",
    "reload",
    "preload",
    "backlog",
    "slow-client",
    "models",
    "gil",
    "formula",
    "globals",
    "control",
]
Class = Literal["sync", "gthread"]


def place(arguments: Mapping[str, Any]) -> Place:
    """The lab's own application lives in the sandbox, somebody's own on this machine. Raises UsageError."""
    if not arguments.get("app"):
        return "sandbox"
    from labctl.serving.application import read_app

    read_app(str(arguments["app"]), python=arguments.get("python"))
    return "own"


def run(
    internet: Internet,
    app: Annotated[
        str | None, "Your application: MODULE:NAME, FILE.py:NAME, MODULE:create_app(). [default: the lab's]"
    ] = None,
    *,
    workers: Annotated[int | None, "How many workers. [default: 3]"] = None,
    worker_class: Annotated[Class | None, "One request at a time, or threads. [default: sync]"] = None,
    threads: Annotated[int | None, "With gthread: how many in each worker. [default: 2]"] = None,
    requests: Annotated[int | None, "How many requests are sent. [default: 12]"] = None,
    path: Annotated[str | None, "What your application is asked for. [default: /]"] = None,
    python: Annotated[str | None, "The Python that has your application's packages."] = None,
    boot_timeout: Annotated[
        float | None, "Seconds that your application may take to start. [default: 10]"
    ] = None,
    show: Annotated[Show | None, "One demonstration instead of a whole run."] = None,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for what cannot be meant."""
    from labs.workers.plan import USUAL_REQUESTS, USUAL_WORKERS, check_path, read_plan

    _sensible(
        app,
        show,
        {"workers": workers, "worker_class": worker_class, "threads": threads, "requests": requests},
        {"path": path, "python": python, "boot_timeout": boot_timeout},
    )
    if boot_timeout is not None and not 0 < boot_timeout <= 120:
        raise UsageError("workers-bounds", f"--boot-timeout takes seconds up to 120, not {boot_timeout:g}")
    if show:
        from importlib import import_module

        module = import_module(f"labs.workers.shows.{show.replace('-', '_')}")
        events: Iterator[Event] = module.show(internet)
        return events
    kind = worker_class or ("gthread" if (threads or 1) > 1 else "sync")
    asked_for = check_path(path or "/") if app else ""
    plan = read_plan(
        USUAL_WORKERS if workers is None else workers,
        kind,
        threads,
        internet.timeout,
        USUAL_REQUESTS if requests is None else requests,
        internet.seed,
        asked_for,
    )
    target = None
    if app:
        from labctl.serving.application import read_app

        target = read_app(app, python=python)
    from labs.workers.whole import whole

    return whole(internet, plan, target, boot_timeout, asked_for)


def _sensible(app: str | None, show: str | None, options: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raises UsageError for options of which one would be silently ignored."""
    if show:
        for name, value in (("app", app), *own.items(), *options.items()):
            if value is None:
                continue
            said = "an application of your own" if name == "app" else f"--{name.replace('_', '-')}"
            raise UsageError(
                "options-contradict",
                f"--show {show} has servers and an application of its own: {said} makes no sense with it",
                fixes=(f"labctl workers --show {show}", f"labctl workers {app}" if app else "labctl workers"),
            )
    if not app:
        for name, value in own.items():
            option = f"--{name.replace('_', '-')}"
            if value is not None:
                raise UsageError(
                    "options-contradict",
                    f"{option} belongs to an application of your own",
                    fixes=(f"labctl workers shop:app {option} {value}", "labctl workers"),
                )


LAB = Lab(
    "workers",
    "Many at once",
    CLAIMS,
    run,
    __package__,
    examples=(
        "workers",
        "workers --workers 5 --timeout 2",
        "workers --worker-class gthread --threads 4",
        "workers --show kill",
        "workers shop:app --path /slow",
    ),
    place=place,
    # With an application of one's own it is a tool.
    judges=lambda arguments: not arguments.get("app"),
)
