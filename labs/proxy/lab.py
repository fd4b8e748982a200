"""What a reverse proxy adds, hides and keeps: headers, TLS, routes, files, slow clients, dead apps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from labctl.errors import CannotRun, UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab, Place
from labs.proxy.arguments import With, expect_no_configuration, expect_sensible, target_of
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
FailOn = Literal["danger", "warning"]
EXAMPLES = (
    "proxy",
    "proxy --show grid",
    "proxy --show buffering",
    "proxy --with nginx",
    "proxy shop:app",
    "proxy shop:app --hops 1",
    "proxy --config /etc/nginx/nginx.conf --path /static/app.css",
)
MOST_BOOT_S = 600


def place(arguments: Mapping[str, Any]) -> Place:
    """The learner's own app and configuration are this machine's; everything else is the sandbox's."""
    return "own" if arguments.get("config") or arguments.get("app") is not None else "sandbox"


def run(
    internet: Internet,
    app: Annotated[
        str | None,
        "Your application (MODULE:NAME, FILE.py:NAME, MODULE:create_app()): whom does it take for the visitor?",
    ] = None,
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
    fail_on: Annotated[
        FailOn | None,
        "For CI, with --config: fail (exit 1) when the file sets a dangerous trap; warning: or one that breaks an app.",
    ] = None,
    hops: Annotated[
        int | None,
        "For CI: fail (exit 1) when your app takes somebody else than the visitor for the visitor, or answers 5xx, "
        "with so many proxies before it: 1, or 2 for a CDN and a proxy.",
    ] = None,
    python: Annotated[
        str | None, "The Python of your app. [default: that of the active virtual environment]"
    ] = None,
    boot_timeout: Annotated[float, "Seconds that your app may take to start."] = 10.0,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for options that cannot be meant."""
    expect_sensible(internet, app, with_, show, config, path, host, python, hops)
    if app is not None:
        expect_no_configuration(app)
    if hops not in (None, 1, 2):
        raise UsageError("usage", f"--hops: {hops} is neither 1 (a proxy) nor 2 (a CDN and a proxy)")
    if not 0 < boot_timeout <= MOST_BOOT_S:
        raise UsageError(
            "usage", f"--boot-timeout: {boot_timeout:g} is not a number of seconds up to {MOST_BOOT_S}"
        )
    if fail_on and not config:
        raise UsageError(
            "options-contradict",
            f"--fail-on {fail_on} makes no sense together with a run without --config FILE",
            fixes=(f"labctl proxy --config FILE --fail-on {fail_on}",),
        )
    if config:
        from labs.proxy.config import explained

        server = None if with_ == "embedded" else with_
        return explained(config, paths=list(path or ()), server=server, host=host or "", fail_on=fail_on)
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
        from labs.proxy.own import Wanted, own_app

        known = read_app(app, python=python)
        target = target_of(app, (path or ["/"])[0])
        return own_app(internet, Wanted(known, target, chosen, hops, python or "", boot_timeout))
    if show:
        from importlib import import_module

        module = import_module(f"labs.proxy.shows.{show.replace('-', '_')}")
        played: Iterator[Event] = module.show(internet, chosen)
        return played
    from labs.proxy.hops import whole

    return whole(internet, chosen)


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
