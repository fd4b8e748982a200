"""`labctl jobs cancel`: end a job before it is done."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from labctl.cli.command import single
from labctl.cli.jobs_client import Folder, TokenFile, Url, User
from labctl.cli.page import Page


@single("cancel", "end a job before it is done", "jobs cancel JOB")
def app(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Its id, as submit and list tell it.")],
    url: Url = "",
    token_file: TokenFile = None,
    folder: Folder = None,
    user: User = "",
    json_: Annotated[bool, typer.Option("--json", help="The server's answer as JSON.")] = False,
) -> int:
    """Ask, and say what became of it."""
    from urllib.parse import quote

    from labctl.cli import jobs_client

    client = jobs_client.connect(url, token_file, folder, user)
    answer = client.ask("DELETE", f"/api/jobs/{quote(job, safe='')}")
    if answer.status == 404:
        raise jobs_client.no_such_job(job)
    if answer.status not in (200, 202, 204, 409):
        raise jobs_client.refused(answer, "cancelling")
    if json_:
        sys.stdout.write(json.dumps({**answer.body, "http_status": answer.status}) + "\n")
        return 0
    page = Page()
    if answer.status == 409:
        page.prose(f"{job} had ended already: {answer.body.get('status', 'it is not active')}.")
    else:
        page.prose(f"{job} is cancelled. The step that runs now comes to its end, and no other begins.")
    page.show()
    return 0
