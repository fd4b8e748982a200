"""`labctl sandbox up`: the sandbox's name servers for dig, delv and unbound, until Ctrl-C."""

from __future__ import annotations

import json
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labctl.cli import edge, help_text
from labctl.cli.command import SETTINGS, Subcommands
from labctl.cli.page import Page
from labctl.errors import CannotRun

if TYPE_CHECKING:
    from labctl.sandbox.standalone import Standalone, StandingServer

app = typer.Typer(
    cls=Subcommands,
    help="the sandbox internet for other tools, and an HTTP cache",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=SETTINGS,
    no_args_is_help=False,
    invoke_without_command=True,
)


class _Up(help_text.Unboxed, typer.core.TyperCommand):
    examples = ("sandbox up", "sandbox up --anchor anchor.conf", "sandbox up --port 0 --json")


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
    anchor: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the trust anchor there, as delv and named read it."),
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print where everything is as one line of JSON.")
    ] = False,
) -> int:
    """start all name servers in the foreground, and say how to ask them"""
    from labctl.sandbox.standalone import serve

    stop = threading.Event()
    _stop_on_signals(stop)
    with serve(port, break_) as standing:
        if anchor is not None:
            _write(anchor, standing.bind_trust_anchors)
        if json_:
            sys.stdout.write(json.dumps(document(standing)) + "\n")
        else:
            sys.stdout.write(describe(standing, anchor))
        sys.stdout.flush()
        try:
            while not stop.wait(3600):
                pass
        except KeyboardInterrupt:
            pass
    if not json_:
        # Behind the ^C that the terminal prints.
        sys.stdout.write("\n  Stopped.\n")
        sys.stdout.flush()
    return 0


app.command("edge", cls=edge.EdgeCommand, context_settings=SETTINGS)(edge.edge)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="ascii")
    except OSError as error:
        raise CannotRun(
            "cannot-write",
            f"{path} cannot be written",
            evidence=(("got", f"{type(error).__name__}: {error.strerror}"),),
            fixes=("choose another path for --anchor",),
        ) from error


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


def describe(standing: Standalone, anchor: Path | None = None) -> str:
    """The same for a person; `anchor` is the file that holds the trust anchor."""
    page = Page()
    page.say()
    page.prose(
        f"{len(standing.servers)} servers stand on port {standing.port}, UDP and TCP. Ctrl-C ends them."
    )
    page.prose(
        "Each has a loopback address of its own here, and the zones say so: glue shows 127.53.0.x.", "mute"
    )
    if standing.fault:
        page.prose(f"BROKEN on purpose: {standing.fault}.", "bad bold")
    page.heading("Where")
    rows = [("address", "server", "zones"), *(_row(group, standing.resolver) for group in _groups(standing))]
    addresses, who, _ = zip(*rows, strict=True)
    widths = [max(map(len, column)) for column in (addresses, who)]
    for style, listed in (("mute", rows[:1]), ("accent", rows[1:])):
        pairs = [(f"{row[0].ljust(widths[0])}  {row[1]}", row[2]) for row in listed]
        page.rows(pairs, sum(widths) + 4, style)
    page.heading("Ask")
    for shows, command in standing.ways_to_ask:
        if anchor is not None:
            command = command.replace(" FILE ", f" {shlex.quote(str(anchor))} ")
        page.say(f"    {page.paint(shows, 'mute')}")
        page.say(f"      {page.paint(command, 'accent')}")
    page.heading("Trust anchor")
    # To be copied: from the first column on, and never broken by us.
    page.say(standing.trust_anchor)
    if anchor is None:
        page.prose("For delv -a FILE, the file holds this line; --anchor FILE writes it:", "mute")
        page.say(standing.bind_trust_anchors.rstrip())
    else:
        page.prose(f"For delv and named it stands in {anchor}.", "mute")
    page.prose("For unbound: labctl sandbox up --json, the value of unbound_config.", "mute")
    return page.text


def _groups(standing: Standalone) -> list[list[StandingServer]]:
    """Servers that do the same, together, in the order of the addresses; resolvers first."""
    found: dict[tuple[str, tuple[str, ...]], list[StandingServer]] = {}
    for server in sorted(
        standing.servers, key=lambda s: (s.role != "resolver", s.address != standing.resolver)
    ):
        # Of two resolvers one is configured: they are not the same.
        alone = (server.address,) if server.role == "resolver" else server.zones
        found.setdefault((server.role, alone), []).append(server)
    return list(found.values())


def _row(group: Sequence[StandingServer], resolver: str) -> tuple[str, str, str]:
    """Where a group of servers stands, who it is, and what it serves."""
    first, count = group[0], len(group)
    where = _ranges([server.address for server in group])
    if first.role == "resolver":
        who = "the resolver" if first.address == resolver else "another resolver"
        return where, who, "asks the others"
    kind = {"root": "root server", "tld": "TLD server"}.get(first.role, "name server")
    who = first.name.rstrip(".") if count == 1 else f"{count} {kind}s"
    return where, who, ", ".join(first.zones) or "none: wrong answers, or no answer"


def _ranges(addresses: Sequence[str]) -> str:
    """`127.53.0.1 to .13`; with a gap, the ends of each part: `127.53.0.49 to .52, .54`."""
    stem = addresses[0].rpartition(".")[0]
    parts: list[tuple[int, int]] = []
    for last in (int(address.rpartition(".")[2]) for address in addresses):
        if parts and parts[-1][1] == last - 1:
            parts[-1] = (parts[-1][0], last)
        else:
            parts.append((last, last))
    return stem + ", ".join(f".{first}" if first == last else f".{first} to .{last}" for first, last in parts)


def _stop_on_signals(stop: threading.Event) -> None:
    """Ctrl-C and a polite kill end a server; that is no failure of it."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, lambda *_: stop.set())
