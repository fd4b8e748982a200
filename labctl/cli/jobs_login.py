"""`labctl jobs login`: a link that logs a browser in, once."""

from __future__ import annotations

import sys
from pathlib import Path

from labctl.cli.command import single
from labctl.cli.jobs_client import Folder, User


@single("login", "a link that logs a browser in, once", "jobs login", "jobs login --user bob")
def app(folder: Folder = None, user: User = "") -> int:
    """Make a link for the service that runs here."""
    from labctl.cli import jobs_client
    from labctl.cli.jobs_options import folder_of
    from labctl.errors import CannotRun, UsageError
    from labctl.jobs.service_folder import running

    kept = folder_of(folder)
    there = running(kept)
    if there is None:
        raise CannotRun(
            "jobs-no-service",
            "no jobs service runs here",
            evidence=(("looked in", str(kept)),),
            fixes=("labctl jobs serve",),
        )
    users = list(jobs_client.tokens_of(kept))
    if not users or (user and user not in users):
        raise UsageError(
            "user-unknown",
            f"the service here has no user {user}",
            evidence=(("there are", ", ".join(users) or "none"),),
        )
    sys.stdout.write(link(kept, there.url, user or users[0]) + "\n")
    return 0


def link(folder: Path, url: str, user: str) -> str:
    """It works once, within a minute: only its user may read the folder that knows it."""
    from labctl.jobs.access import login_link

    return login_link(folder, url, user)
