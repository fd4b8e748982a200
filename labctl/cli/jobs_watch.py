"""`labctl jobs watch`: follow the events of a job."""

from __future__ import annotations

from typing import Annotated

import typer

from labctl.cli.command import single
from labctl.cli.jobs_client import Folder, TokenFile, Url, User


@single(
    "watch",
    "follow the events of a job, over cut connections and restarts",
    "jobs watch JOB",
    "jobs watch JOB --jsonl --last-event-id 4",
)
def app(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Its id, as submit and list tell it.")],
    last_event_id: Annotated[str, typer.Option(metavar="N", help="Only what came after this event.")] = "",
    url: Url = "",
    token_file: TokenFile = None,
    folder: Folder = None,
    user: User = "",
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Events as lines of JSON.")] = False,
) -> int:
    """Read the stream until the job ends: 0 when it is done, 1 when it failed or was cancelled."""
    from labctl.cli.jobs_client import connect
    from labctl.cli.jobs_watching import follow

    return follow(connect(url, token_file, folder, user), job, jsonl=jsonl, last=last_event_id)
