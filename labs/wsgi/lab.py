"""The contract between a Python web server and an application, live; and what happens when it is broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Annotated, Any, Literal

from labctl.errors import UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab, Place
from labs.wsgi.claims import CLAIMS
from labs.wsgi.names import JUDGED, VIOLATIONS

Show = Literal[
    "callable",
    "environ",
    "start-response",
    "write",
    "asgi",
    "dev-server",
    "reload",
    "bind",
]
MOST_BOOT_S = 600
EXAMPLES = (
    "wsgi",
    "wsgi shop:app --path /cart",
    "wsgi shop:app --path /cart --expect 2xx",
    "wsgi --violate crlf-in-header",
    "wsgi --show asgi",
)


def place(arguments: Mapping[str, Any]) -> Place:
    """The learner's application is on this machine; all else is the sandbox."""
    return "own" if arguments.get("app") else "sandbox"


def run(
    internet: Internet,
    app: Annotated[
        str | None,
        "Your application: MODULE:NAME, FILE.py:NAME, MODULE:create_app(). [default: one of the lab's]",
    ] = None,
    *,
    path: Annotated[str | None, "What to ask your application for. [default: /]"] = None,
    method: Annotated[str | None, "The request's method. [default: GET, with -d POST]", "-X"] = None,
    header: Annotated[
        list[str] | None, "A field of the request, 'Name: value'. May be repeated.", "-H"
    ] = None,
    data: Annotated[str | None, "The request's content, or @FILE for a file's.", "-d"] = None,
    server: Annotated[
        Literal["toy", "wsgiref", "flask", "sync", "gthread", "waitress"] | None,
        "The server that calls your application. [default: toy, the lab's own]",
    ] = None,
    python: Annotated[
        str | None, "The Python that has your application. [default: the active virtual environment's]"
    ] = None,
    boot_timeout: Annotated[
        float | None, "Seconds that your application may take to start. [default: 10]"
    ] = None,
    expect: Annotated[
        str | None,
        "The status that must come, 200 or 2xx or 2xx,404; another one ends with exit code 1.",
    ] = None,
    show: Annotated[Show | None, "One demonstration instead of the whole."] = None,
    violate: Annotated[
        str | None, "An application that breaks the contract, under each server; all: every one.", VIOLATIONS
    ] = None,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for what cannot be meant."""
    given = {
        "--path": path,
        "--method": method,
        "--header": header,
        "--data": data,
        "--server": server,
        "--python": python,
        "--boot-timeout": boot_timeout,
        "--expect": expect,
    }
    used = [name for name, value in given.items() if value not in (None, [], ())]
    if app is None and used:
        raise UsageError(
            "options-contradict",
            f"{used[0]} is about your own application, and none is named",
            fixes=(f"labctl wsgi MODULE:APP {used[0]} ...", "labctl wsgi"),
        )
    if (show and violate) or (app and (show or violate)):
        other = f"--violate {violate}" if violate else f"--show {show}"
        raise UsageError(
            "options-contradict",
            f"{other} makes no sense together with {'your application' if app else f'--show {show}'}: "
            "it has applications of its own",
            fixes=(f"labctl wsgi {other}", *((f"labctl wsgi {quote(app)}",) if app else ())),
        )
    if boot_timeout is not None and not 0 < boot_timeout <= MOST_BOOT_S:
        raise UsageError(
            "usage", f"--boot-timeout: {boot_timeout:g} is not a number of seconds up to {MOST_BOOT_S}"
        )
    if violate is not None:
        from labs.wsgi.violating import read_violation

        name = read_violation(violate)
    if app is not None:
        if internet.fault:
            raise UsageError(
                "options-contradict",
                f"--break {internet.fault} changes the servers of the lab, and your application is not among them",
                fixes=(f"labctl wsgi {quote(app)}", f"labctl wsgi --break {internet.fault}"),
            )
        from labctl.serving.application import read_app
        from labs.expecting import read_statuses
        from labs.wsgi.own import traced
        from labs.wsgi.wanted import read_wanted

        command = f"labctl wsgi {quote(app)}"
        wanted = read_wanted("/" if path is None else path, method, header or (), data, command)
        if expect is not None:
            wanted = wanted._replace(allowed=read_statuses(expect, f"{command} --expect 200"))
        return traced(internet, read_app(app, python=python), wanted, server or "toy", boot_timeout or 10.0)
    if violate:
        from labs.wsgi import violating

        return violating.all_of_them(internet) if name == "all" else violating.one(internet, name)
    if show:
        from importlib import import_module

        module = import_module(f"labs.wsgi.shows.{show.replace('-', '_')}")
        played: Iterator[Event] = module.show(internet)
        return played
    from labs.wsgi.whole import whole

    return whole(internet)


LAB = Lab(
    "wsgi",
    "What a server and your application say to each other",
    CLAIMS,
    run,
    __package__,
    examples=EXAMPLES,
    place=place,
    # What an application of one's own does not show is no failure, and not every demonstration has a claim.
    judges=lambda arguments: (
        not (
            arguments.get("app") or arguments.get("show") == "write" or arguments.get("violate") not in JUDGED
        )
    ),
)
