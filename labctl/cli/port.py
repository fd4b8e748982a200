"""`labctl port`: who has a port, and why bind() says "Address already in use"."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Literal

import typer

from labctl.cli import streams
from labctl.cli.command import single
from labctl.errors import UsageError
from labctl.render.mode import Flags


@single(
    "port",
    "who has a port, and why bind() says it is in use",
    "port 5000",
    "port http",
    "port",
    "port --matrix",
)
def app(
    port: Annotated[
        str,
        typer.Argument(metavar="PORT", help="1 to 65535, or a name such as http; none lists who listens."),
    ] = "",
    matrix: Annotated[
        bool,
        typer.Option(
            "--matrix", help="Make every situation of a port, try bind() in each, and nothing else."
        ),
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Sentences, no tables.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Cut nothing short.")] = False,
    ascii_: Annotated[bool, typer.Option("--ascii", help="No character outside ASCII.")] = False,
    color: Annotated[Literal["auto", "always", "never"], typer.Option(help="Colour.")] = "auto",
    width: Annotated[
        int | None, typer.Option("--width", metavar="N", help="Lay out for N columns.", min=1)
    ] = None,
) -> int:
    """Ask the kernel, try bind(), and say what it means."""
    from labctl import ports
    from labctl.cli import port_document, port_screen
    from labctl.cli.port_argument import port_of

    if json_ and plain:
        raise UsageError("options-contradict", "--json and --plain: choose one", fixes=("--json",))
    if matrix and port:
        raise UsageError(
            "options-contradict", "--matrix is about no port of yours: leave PORT out", fixes=("--matrix",)
        )
    streams.never_crash_on_a_character()
    streams.remember(
        Flags(
            format="json" if json_ else "plain" if plain else None,
            color=color,
            ascii=True if ascii_ else None,
            width=width,
            all=all_,
        )
    )
    as_json = streams.plan_for().format in ("json", "jsonl")
    found = ports.look(port_of(port)) if port else None
    listening = None if port or matrix else ports.listeners()
    tried = None
    if found is None:
        from labctl.ports.situations import run_matrix

        tried = run_matrix()
    if as_json:
        sys.stdout.write(json.dumps(port_document.document(found, listening, tried), indent=2) + "\n")
    else:
        port_screen.show(found, listening, tried)
    return 0
