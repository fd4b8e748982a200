"""`labctl schema`: the JSON Schema of everything that labctl prints for programs."""

from __future__ import annotations

import sys
from importlib import resources
from typing import Annotated

import typer

from labctl.cli.command import single
from labctl.cli.page import Page
from labctl.errors import UsageError

NAMES = {
    "labctl/result/1": ("result-1.json", "what --json prints, what --save writes, the last line of --jsonl"),
    "labctl/event/1": ("event-1.json", "every other line of --jsonl, and the events of a result"),
    "labctl/doctor/1": ("doctor-1.json", "what labctl doctor --json prints"),
    "labctl/port/1": ("port-1.json", "what labctl port --json prints"),
    "labctl/edge/1": ("edge-1.json", "what labctl sandbox edge --jsonl prints"),
    "labctl/jobs/1": ("jobs-1.json", "what labctl jobs serve, work and watch print with --jsonl"),
    "labctl/sandbox/1": ("sandbox-1.json", "what labctl sandbox up --json prints"),
}


def text_of(name: str) -> str:
    """The schema document of this name. Raises UsageError for a name that is not known."""
    full = name if name in NAMES else f"labctl/{name.removeprefix('labctl/').partition('/')[0]}/1"
    if full not in NAMES:
        raise UsageError(
            "schema-unknown",
            f"there is no schema {name!r}",
            evidence=(("there are", ", ".join(NAMES)),),
            fixes=("labctl schema",),
        )
    return resources.files("labctl.schemas").joinpath(NAMES[full][0]).read_text(encoding="utf-8")


def _complete(incomplete: str) -> list[str]:
    return [name for name in NAMES if name.startswith(incomplete)]


@single("schema", "the JSON Schema of what labctl prints", "schema", "schema labctl/result/1", "schema event")
def app(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The document; none lists them.", autocompletion=_complete)
    ] = "",
) -> int:
    """Print a schema, or the list of schemas."""
    if name:
        sys.stdout.write(text_of(name))
        return 0
    page = Page()
    page.prose("Within a version changes only add: ignore what you do not know.")
    page.say()
    page.rows([(name, text) for name, (_, text) in NAMES.items()])
    page.show()
    return 0
