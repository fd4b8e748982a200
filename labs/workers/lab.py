"""Many at once: a real gunicorn, its processes, its queue, and what happens when one of them hangs or dies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote
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
    path: Annotated[
        list[str] | None,
        "What your application is asked for; several are asked for in turn: --path / --path /slow. [default: /]",
    ] = None,
    expect: Annotated[
        str | None, "Fail (exit 1) when an answer has another status: 200, 2xx, 2xx,404."
    ] = None,
    python: Annotated[str | None, "The Python that has your application's packages."] = None,
    boot_timeout: Annotated[
        float | None, "Seconds that your application may take to start. [default: 10]"
    ] = None,
    show: Annotated[Show | None, "One demonstration instead of a whole run."] = None,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for what cannot be meant."""
    from labs.workers.plan import USUAL_REQUESTS, USUAL_WORKERS, check_paths, read_plan

    _sensible(
        app,
        show,
        {"workers": workers, "worker_class": worker_class, "threads": threads, "requests": requests},
        {"path": path or None, "expect": expect, "python": python, "boot_timeout": boot_timeout},
    )
    if app and internet.fault:
        raise UsageError(
            "options-contradict",
            f"--break {internet.fault} changes the lab's gunicorn and its application, and never yours",
            fixes=(f"labctl workers {quote(app)}", f"labctl workers --break {internet.fault}"),
        )
    if boot_timeout is not None and not 0 < boot_timeout <= 120:
        raise UsageError("workers-bounds", f"--boot-timeout takes seconds up to 120, not {boot_timeout:g}")
    if show:
        from importlib import import_module

        module = import_module(f"labs.workers.shows.{show.replace('-', '_')}")
        events: Iterator[Event] = module.show(internet)
        return events
    kind = worker_class or ("gthread" if (threads or 1) > 1 else "sync")
    paths = check_paths(path or ("/",), app) if app else ()
    plan = read_plan(
        USUAL_WORKERS if workers is None else workers,
        kind,
        threads,
        internet.timeout,
        USUAL_REQUESTS if requests is None else requests,
        internet.seed,
        paths,
        app or "",
    )
    target = None
    if app:
        from labctl.serving.application import read_app
        from labs.expecting import read_statuses

        target = read_app(app, python=python)
        typed = (
            *(("--expect", expect) if expect is not None else ()),
            *(("--python", python) if python else ()),
            *(("--boot-timeout", f"{boot_timeout:g}") if boot_timeout is not None else ()),
        )
        again = f"labctl workers {quote(app)} --expect 2xx"
        allowed = read_statuses(expect, again) if expect is not None else ()
        plan = plan._replace(more=typed, allowed=allowed)
    from labs.workers.whole import whole

    return whole(internet, plan, target, boot_timeout)


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
                fixes=(
                    f"labctl workers --show {show}",
                    f"labctl workers {quote(app)}" if app else "labctl workers",
                ),
            )
    if not app:
        for name, value in own.items():
            option = f"--{name.replace('_', '-')}"
            if value is not None:
                raise UsageError(
                    "options-contradict",
                    f"{option} belongs to an application of your own",
                    fixes=(f"labctl workers MODULE:APP {option} {_typed(option, value)}", "labctl workers"),
                )


def _typed(option: str, value: Any) -> str:
    """The values of an option as they are typed again."""
    values = value if isinstance(value, list) else [value]
    return f" {option} ".join(quote(str(each)) for each in values)


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
        "workers shop:app --path / --path / --path /slow",
        "workers shop:app --expect 2xx",
    ),
    place=place,
    # With an application of one's own it is a tool.
    judges=lambda arguments: not arguments.get("app"),
    meanings={
        "timeout": "gunicorn's --timeout, whole seconds. [default: 2; with your own application gunicorn's 30]"
    },
)
