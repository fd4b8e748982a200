"""`labctl jobs work`: workers alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from labctl.cli.command import single
from labctl.cli.page import Page


@single(
    "work",
    "workers alone, for a database that another machine serves",
    "jobs work --engine postgres://user:password@db.example:5432/jobs --name machine2",
    "jobs work --workers 4",
)
def app(
    engine: Annotated[
        str,
        typer.Option(
            metavar="ENGINE", help="The database, as in labctl jobs serve.", envvar="LABCTL_JOBS_ENGINE"
        ),
    ] = "sqlite",
    folder: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where it keeps its files; the default is yours.")
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Worker processes.", min=1, max=64)] = 2,
    slots: Annotated[int, typer.Option(metavar="N", help="Jobs at once in each of them.", min=1)] = 4,
    jobs: Annotated[
        Path | None, typer.Option(metavar="FILE.py", help="A Python file with jobs of your own.")
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Begins the ids of the workers; unique among machines.")
    ] = "",
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print lines of JSON.")] = False,
) -> int:
    """Start workers, and say what happens to them."""
    from labctl.cli import jobs_options as options
    from labctl.cli.jobs_running import Foreground
    from labctl.jobs.service import Service
    from labctl.jobs.settings import Settings, read_engine

    kept = options.folder_of(folder)
    database = read_engine(engine, kept)
    settings = Settings(database, str(kept), slots=slots, jobs_file=options.jobs_file_of(jobs))
    # Beside a service with the same file the ids w1, w2 are taken.
    machine = options.machine_name(name) if name or not settings.embedded else f"pid{os.getpid()}"
    names = options.worker_names(machine, workers)
    words = options.engine_words(database)
    foreground = Foreground(jsonl)

    def describe(page: Page) -> None:
        page.say()
        if len(names) == 1:
            page.prose(f"The worker {names[0]} takes jobs. Ctrl-C ends it.")
        else:
            page.prose(f"{len(names)} workers take jobs: {', '.join(names)}. Ctrl-C ends them.")
        page.prose(f"Engine: {words}", "mute")
        page.say()

    with Service(settings, web=0, names=names, on_event=foreground.heard) as service:
        service.wait_ready(60)
        return foreground.run(service, {"engine": words, "workers": service.worker_pids()}, describe)
