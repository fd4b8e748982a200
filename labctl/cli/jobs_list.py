"""`labctl jobs list`: the jobs of one user."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from labctl.cli.command import single
from labctl.cli.jobs_client import Folder, TokenFile, Url, User
from labctl.cli.page import Page

_STYLE = {"done": "ok", "failed": "bad", "cancelled": "warn", "running": "accent"}


@single("list", "your jobs", "jobs list", "jobs list --user bob --json")
def app(
    url: Url = "",
    token_file: TokenFile = None,
    folder: Folder = None,
    user: User = "",
    json_: Annotated[bool, typer.Option("--json", help="The server's answer as JSON.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="One job per line, tabs between.")] = False,
) -> int:
    """Ask, and print a table."""
    from labctl.cli import jobs_client

    answer = jobs_client.connect(url, token_file, folder, user).ask("GET", "/api/jobs")
    if answer.status != 200:
        raise jobs_client.refused(answer, "the list")
    if json_:
        sys.stdout.write(json.dumps(answer.body) + "\n")
        return 0
    jobs = [job for job in answer.body.get("jobs", ()) if isinstance(job, Mapping)]
    if plain:
        for job in jobs:
            sys.stdout.write("\t".join(_cells(job)) + "\n")
        return 0
    page = Page()
    if not jobs:
        page.prose("No jobs.")
    rows = [("job", "kind", "status", "begun"), *(_cells(job) for job in jobs)]
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    for number, row in enumerate(rows if jobs else ()):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        style = "mute" if number == 0 else _STYLE.get(row[2], "")
        page.say("  " + "  ".join([*cells[:2], page.paint(cells[2], style), row[3]]).rstrip())
    page.show()
    return 0


def _cells(job: Mapping[str, Any]) -> tuple[str, str, str, str]:
    created = job.get("created_ms")
    ago = f"{max(0, time.time() - created / 1000):.0f} s ago" if isinstance(created, (int, float)) else ""
    return _word(job, "job_id"), _word(job, "kind"), _word(job, "status"), ago


def _word(job: Mapping[str, Any], name: str) -> str:
    """Text of a server: nothing that moves a cursor."""
    return "".join(letter for letter in str(job.get(name, "")) if letter.isprintable())
