"""`labctl doctor`: what this machine can and cannot do, the step that failed, and what would fix it."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
import sys
from pathlib import Path
from typing import Annotated

import typer

from labctl import __version__, capabilities, catalog
from labctl.cli.command import single
from labctl.cli.page import Page
from labctl.errors import LabctlError
from labctl.events import Json

SCHEMA = "labctl/doctor/1"
# Without these a lesson still runs; what is lost stands in the capability's own sentence.
_NEEDED = frozenset({"state-directory"})


@single("doctor", "what this machine can and cannot do", "doctor", "doctor --json", "doctor --report")
def app(
    json_: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    report: Annotated[
        bool, typer.Option("--report", help="For a bug report: no host, user or path names.")
    ] = False,
) -> int:
    """Ask the machine, and list what it said."""
    found = capabilities.probe_all()
    labs = _labs()
    if json_:
        sys.stdout.write(json.dumps(document(found, labs), indent=2) + "\n")
        return 0
    page = Page()
    page.say()
    if report:
        page.rows(_versions(page), 13, "mute")
        page.say()
    for capability in found:
        _capability(page, capability, without_names if report else str)
    for name, text in labs:
        if text:
            page.say(
                f"  {page.paint(page.glyphs.failed, 'bad')} {page.paint(f'lab {name}'.ljust(18), 'bold')}"
            )
            page.prose(without_names(text) if report else text, indent="      ")
    broken = sum(bool(text) for _, text in labs)
    page.say()
    has = sum(c.have for c in found)
    page.prose(
        f"{has} of {len(found)} capabilities, {len(labs) - broken} of {len(labs)} labs. labctl {__version__}."
    )
    page.show()
    return 0


def document(found: list[capabilities.Capability], labs: list[tuple[str, str]]) -> dict[str, Json]:
    """The `labctl/doctor/1` document."""
    return {
        "schema": SCHEMA,
        "labctl": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "capabilities": [
            {"name": c.name, "have": c.have, "text": c.text, "step": c.step, "errno": c.errno, "fix": c.fix}
            for c in found
        ],
        "labs": [{"name": name, "imports": not text, "text": text} for name, text in labs],
    }


def _labs() -> list[tuple[str, str]]:
    """Name of every lab, and why it does not import ("" when it does)."""
    listed = []
    for entry in (*catalog.built_in(), *catalog.foreign()):
        try:
            catalog.load(entry)
            listed.append((entry.name, ""))
        except LabctlError as error:
            listed.append((entry.name, f"{error.headline} ({'; '.join(text for _, text in error.evidence)})"))
    return listed


def _capability(page: Page, capability: capabilities.Capability, clean: type[str] | object) -> None:
    assert callable(clean)
    if capability.have:
        mark, hue = page.glyphs.passed, "ok"
    elif capability.name in _NEEDED:
        mark, hue = page.glyphs.failed, "bad"
    else:
        mark, hue = page.glyphs.absent, "mute"
    page.say(f"  {page.paint(mark, hue)} {page.paint(capability.name, 'bold')}")
    page.prose(clean(capability.text), indent="      ")
    if not capability.have:
        rows = [("failed", f"{capability.step}   {capability.errno}".strip()), ("fix", capability.fix)]
        for label, text in rows:
            if text:
                # Not wrapped: a fix must survive being copied.
                page.say(f"      {page.paint(label.ljust(8), 'mute')}{clean(text)}")


def _versions(page: Page) -> list[tuple[str, str]]:
    plan = page.plan
    terminal = [os.environ.get("TERM", "no TERM"), f"{plan.format}, {plan.width or 'unwrapped'}"]
    terminal += ["colour" if plan.color else "no colour", "ASCII" if plan.ascii else "Unicode"]
    return [
        ("labctl", __version__),
        ("python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("platform", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("terminal", ", ".join(terminal)),
        ("encoding", f"{sys.stdout.encoding}, file names {sys.getfilesystemencoding()}"),
    ]


def without_names(text: str) -> str:
    """The text without this machine's name, its user's name, and its home directory."""
    secrets = {str(Path.home()): "~", platform.node(): "HOST"}
    with contextlib.suppress(KeyError, OSError):
        secrets[getpass.getuser()] = "USER"
    for secret, stand_in in secrets.items():
        # "root" is a user's name and a word of DNS; what everybody has gives nobody away.
        if len(secret) > 1 and secret not in ("root", "localhost"):
            text = text.replace(secret, stand_in)
    return text
