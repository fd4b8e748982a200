"""What a reverse proxy adds, hides and keeps: headers, TLS, routes, files, slow clients, dead apps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Annotated, Any, Literal

from labctl.errors import CannotRun, UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab, Place
from labs.proxy.claims import CLAIMS

Show = Literal[
    "grid",
    "headers",
    "termination",
    "routing",
    "static",
    "balance",
    "buffering",
    "health",
    "redirects",
    "underscore",
    "gunicorn-trust",
]
With = Literal["embedded", "nginx", "apache"]
EXAMPLES = (
    "proxy",
    "proxy --show grid",
    "proxy --show buffering",
    "proxy --with nginx",
    "proxy shop:app",
    "proxy --config /etc/nginx/nginx.conf --path /static/app.css",
)
MOST_BOOT_S = 600
# Straight to the server: nothing stands before it.
_WITHOUT_PROXY = ("underscore", "gunicorn-trust")
# Faults of labctl's own proxy and of what it stands in for; a real nginx or Apache has none of them.
_OF_THE_PROXY = ("proxy-", "nginx-", "apache-", "origin-")


def place(arguments: Mapping[str, Any]) -> Place:
    """The learner's own app and configuration are this machine's; everything else is the sandbox's."""
    return "own" if arguments.get("config") or arguments.get("app") is not None else "sandbox"


def run(
    internet: Internet,
    app: Annotated[str | None, "Your own app, MODULE:APP: whom does it take for the visitor?"] = None,
    *,
    with_: Annotated[
        With | None,
        "Whose proxy takes part: labctl's own, or this machine's nginx or Apache. [default: embedded]",
    ] = None,
    show: Annotated[Show | None, "One demonstration instead of the way of a request."] = None,
    config: Annotated[
        str | None, "Read this nginx or Apache configuration instead, and warn of its traps."
    ] = None,
    path: Annotated[
        list[str] | None, "What your app is asked for; with --config: which rule takes this path, and why."
    ] = None,
    host: Annotated[str | None, "With --config: the Host of such a request."] = None,
    python: Annotated[
        str | None, "The Python of your app. [default: that of the active virtual environment]"
    ] = None,
    boot_timeout: Annotated[float, "Seconds that your app may take to start."] = 10.0,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for options that cannot be meant."""
    _sensible(internet, app, with_, show, config, path, host, python)
    if not 0 < boot_timeout <= MOST_BOOT_S:
        raise UsageError(
            "usage", f"--boot-timeout: {boot_timeout:g} is not a number of seconds up to {MOST_BOOT_S}"
        )
    if config:
        from labs.proxy.config import explained

        server = None if with_ == "embedded" else with_
        return explained(config, paths=list(path or ()), server=server, host=host or "")
    chosen: With = with_ or "embedded"
    if chosen != "embedded":
        from labs.proxy.real import expect

        expect(chosen)
    if internet.kind == "live" and app is None:
        raise CannotRun(
            "needs-sandbox", "the proxies of this lab stand in the sandbox", fixes=("labctl proxy",)
        )
    if app is not None:
        from labctl.serving.application import read_app
        from labs.proxy.own import own_app

        known = read_app(app, python=python)
        return own_app(internet, known, _target(app, (path or ["/"])[0]), chosen, boot_timeout)
    if show:
        from importlib import import_module

        module = import_module(f"labs.proxy.shows.{show.replace('-', '_')}")
        played: Iterator[Event] = module.show(internet, chosen)
        return played
    from labs.proxy.hops import whole

    return whole(internet, chosen)


def _target(app: str, path: str) -> str:
    """What an app is asked for. Raises UsageError for what is no path."""
    if not path.startswith("/") or any(not "!" <= each <= "~" for each in path):
        raise UsageError(
            "path-invalid",
            f"{path[:60]!r} is no path: it begins with a /, and other characters than ASCII stand there as %C3%A9",
            fixes=(f"labctl proxy {quote(app)} --path /",),
        )
    return path.partition("#")[0]


def _sensible(
    internet: Internet,
    app: str | None,
    with_: With | None,
    show: str | None,
    config: str | None,
    path: list[str] | None,
    host: str | None,
    python: str | None,
) -> None:
    """Raises UsageError for options of which one would be silently ignored."""
    fault = internet.fault
    real = with_ not in (None, "embedded")
    for given, option, other, instead in (
        (
            host and not config,
            "--host",
            "a run without --config FILE",
            "labctl proxy --config FILE --host NAME",
        ),
        (python and not app, "--python", "a run without MODULE:APP", "labctl proxy MODULE:APP --python PATH"),
        (app and show, f"--show {show}", "an app of your own", f"labctl proxy {app}"),
        (app and config, "--config", "an app of your own", "labctl proxy --config FILE"),
        (app and fault, f"--break {fault}", "an app of your own", f"labctl proxy {app}"),
        (
            app and path and len(path) > 1,
            "a second --path",
            "an app of your own: it is asked for one",
            f"labctl proxy {app} --path {(path or ['/'])[0]}",
        ),
        (
            path and not (config or app),
            "--path",
            "a run without MODULE:APP or --config FILE",
            "labctl proxy --config FILE --path /",
        ),
        (
            config and show,
            f"--show {show}",
            "--config: a file is read, nothing is run",
            f"labctl proxy --show {show}",
        ),
        (
            config and fault,
            f"--break {fault}",
            "--config: a fault changes the sandbox, and a file is not in it",
            "labctl proxy --config FILE",
        ),
        (
            config and with_ == "embedded",
            "--with embedded",
            "--config: a file is nginx's or Apache's",
            "labctl proxy --config FILE --with nginx",
        ),
        (
            real and show in _WITHOUT_PROXY,
            f"--with {with_}",
            f"--show {show}: no proxy takes part in it",
            f"labctl proxy --show {show}",
        ),
        (
            real and fault and fault.startswith(_OF_THE_PROXY),
            f"--break {fault}",
            f"--with {with_}: the fault is in labctl's own proxy",
            f"labctl proxy{f' --show {show}' if show else ''} --break {fault}",
        ),
    ):
        if given:
            raise UsageError(
                "options-contradict", f"{option} makes no sense together with {other}", fixes=(instead,)
            )


LAB = Lab(
    "proxy",
    "What stands before your app, and what it makes of a request",
    CLAIMS,
    run,
    __package__,
    examples=EXAMPLES,
    place=place,
    # What is looked at is the learner's own then, and no claim of ours.
    judges=lambda arguments: place(arguments) != "own",
)
