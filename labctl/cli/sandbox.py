"""`labctl sandbox up`: the sandbox's name servers for dig, delv and unbound, until Ctrl-C."""

from __future__ import annotations

import json
import signal
import sys
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labctl.cli import help_text
from labctl.cli.command import SETTINGS, Subcommands
from labctl.cli.page import Page

if TYPE_CHECKING:
    from labctl.sandbox.standalone import Standalone

app = typer.Typer(
    cls=Subcommands,
    help="the sandbox internet, for dig, delv and unbound",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=SETTINGS,
    no_args_is_help=False,
    invoke_without_command=True,
)


class _Up(help_text.Unboxed, typer.core.TyperCommand):
    examples = ("sandbox up", "sandbox up --port 0 --json", "sandbox up --break wrong-ds")


@app.callback()
def _sandbox(context: typer.Context) -> int:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), color=context.color)
    return 0


def _faults(incomplete: str) -> list[str]:
    from labctl.sandbox.faults import FAULTS

    return [name for name in FAULTS if name.startswith(incomplete)]


@app.command("up", cls=_Up, context_settings=SETTINGS)
def up(
    port: Annotated[
        int, typer.Option(metavar="N", help="The common port; 0 takes a free one.", min=0, max=65535)
    ] = 5300,
    break_: Annotated[
        str,
        typer.Option("--break", metavar="FAULT", help="Run it broken in one way.", autocompletion=_faults),
    ] = "",
    json_: Annotated[
        bool, typer.Option("--json", help="Print where everything is as one line of JSON.")
    ] = False,
) -> int:
    """start all name servers in the foreground, and say how to ask them"""
    from labctl.sandbox.standalone import serve

    stop = threading.Event()
    _stop_on_signals(stop)
    with serve(port, break_) as standing:
        if json_:
            sys.stdout.write(json.dumps(document(standing)) + "\n")
        else:
            sys.stdout.write(describe(standing))
        sys.stdout.flush()
        try:
            while not stop.wait(3600):
                pass
        except KeyboardInterrupt:
            pass
    return 0


def document(standing: Standalone) -> dict[str, Any]:
    """Where everything stands (`labctl/sandbox/1`)."""
    return {
        "schema": "labctl/sandbox/1",
        "port": standing.port,
        "fault": standing.fault,
        "resolver": standing.resolver,
        "trust_anchor": standing.trust_anchor,
        "bind_trust_anchors": standing.bind_trust_anchors,
        "unbound_config": standing.unbound_config,
        "servers": [
            {
                "address": s.address,
                "town_address": s.town_address,
                "name": s.name,
                "role": s.role,
                "zones": list(s.zones),
            }
            for s in standing.servers
        ],
    }


def describe(standing: Standalone) -> str:
    """The same for a person."""
    page = Page()
    page.say()
    page.prose(
        f"{len(standing.servers)} name servers stand on port {standing.port}, UDP and TCP. Ctrl-C ends them."
    )
    if standing.fault:
        page.prose(f"BROKEN on purpose: {standing.fault}.", "bad bold")
    page.heading("Where")
    rows = [("resolver", standing.resolver)]
    for server in standing.servers:
        if server.zones:
            zones = ", ".join(server.zones[:4]) + (
                f" and {len(server.zones) - 4} more" if len(server.zones) > 4 else ""
            )
            rows.append((server.address, f"{server.name}  {zones}"))
    shown = rows if len(rows) <= 24 else rows[:24]
    page.rows(shown, 16)
    if len(rows) > len(shown):
        page.prose(f"{len(rows) - len(shown)} more: --json lists all.", indent="    ")
    page.heading("Ask")
    for shows, command in standing.ways_to_ask:
        page.say(f"    {page.paint(shows, 'mute')}")
        page.say(f"      {page.paint(command, 'accent')}")
    page.heading("Trust anchor")
    page.say(f"    {standing.trust_anchor}")
    page.prose("For delv -a FILE, the file holds:", "mute", indent="    ")
    for line in standing.bind_trust_anchors.splitlines():
        page.say(f"      {line}")
    page.prose("For unbound: labctl sandbox up --json, the value of unbound_config.", "mute", indent="    ")
    return page.text


def _stop_on_signals(stop: threading.Event) -> None:
    """Ctrl-C and a polite kill end a server; that is no failure of it."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, lambda *_: stop.set())
