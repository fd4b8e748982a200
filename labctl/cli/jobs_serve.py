"""`labctl jobs serve`: a jobs service in the foreground."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from labctl.cli.command import single
from labctl.cli.page import Page
from labctl.errors import UsageError

_ENGINE = "sqlite (a file), sqlite:///PATH, or postgres://USER:PASSWORD@HOST:PORT/NAME."


@single(
    "serve",
    "a jobs service on this machine: web server, workers, database",
    "jobs serve",
    "jobs serve --listen 127.0.0.1:0 --workers 4 --stream-server",
    "jobs serve --engine postgres://user:password@127.0.0.1:5432/jobs",
)
def app(
    listen: Annotated[
        str, typer.Option(metavar="IP:PORT", help="Where it listens; port 0 takes a free one.")
    ] = "127.0.0.1:8000",
    engine: Annotated[
        str, typer.Option(metavar="ENGINE", help=_ENGINE, envvar="LABCTL_JOBS_ENGINE")
    ] = "sqlite",
    folder: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where it keeps its files; the default is yours.")
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Worker processes.", min=0, max=64)] = 2,
    web: Annotated[int, typer.Option(metavar="N", help="Web processes.", min=1, max=64)] = 1,
    threads: Annotated[
        int, typer.Option(metavar="N", help="Threads of a web process; streams hold 3 in 4 at most.", min=4)
    ] = 32,
    stream_server: Annotated[
        bool, typer.Option("--stream-server", help="Another process holds the streams, thousands of them.")
    ] = False,
    user: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Who gets a token; again for more. [ann, bob]")
    ] = None,
    host_name: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name that clients use for this server.")
    ] = None,
    cap: Annotated[int, typer.Option(metavar="N", help="Jobs queued and running in all.", min=1)] = 50,
    per_user: Annotated[int, typer.Option(metavar="N", help="The same, of one user.", min=1)] = 10,
    keep: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long ended jobs are kept.", min=1)
    ] = 86400.0,
    jobs: Annotated[
        Path | None, typer.Option(metavar="FILE.py", help="A Python file with jobs of your own.")
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Begins the ids of the workers; unique among machines.")
    ] = "",
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print lines of JSON.")] = False,
) -> int:
    """Bind, make the tables, start everything, and say how to use it."""
    from labctl.cli import jobs_options as options
    from labctl.cli.jobs_running import Foreground
    from labctl.jobs.service import Service
    from labctl.jobs.settings import Settings, read_engine

    if not math.isfinite(keep):
        raise UsageError(
            "usage", f"--keep: {keep} is no number of seconds", fixes=("labctl jobs serve --help",)
        )
    names = tuple(host_name or ())
    place = options.place_of(listen, names)
    kept = options.folder_of(folder)
    settings = Settings(
        read_engine(engine, kept),
        str(kept),
        cap=cap,
        per_user=per_user,
        retention_s=keep,
        sweep_s=min(30.0, max(keep / 4, 0.5)),
        threads=threads,
        streams=threads * 3 // 4,
        jobs_file=options.jobs_file_of(jobs),
    )
    if name or not settings.embedded:
        name = options.machine_name(name)
    foreground = Foreground(jsonl)
    with Service(
        settings,
        listen=place,
        web=web,
        workers=workers,
        stream_server=stream_server,
        users=tuple(user or ("ann", "bob")),
        names=options.worker_names(name, workers),
        host_names=names,
        on_event=foreground.heard,
    ) as service:
        service.wait_ready(60)
        told = _Told(service, settings, kept)
        return foreground.run(service, told.document(), told.describe)


class _Told:
    """Where everything is."""

    def __init__(self, service: Any, settings: Any, folder: Path) -> None:
        from labctl.cli.jobs_options import engine_words

        self._service = service
        self._engine = engine_words(settings.database)
        self._folder = folder
        self._users = list(service.tokens)

    def document(self) -> dict[str, Any]:
        return {
            "url": self._service.url,
            "stream_url": self._service.stream_url,
            "engine": self._engine,
            "tokens": str(self._folder / "tokens.json"),
            "users": self._users,
            "workers": self._service.worker_pids(),
        }

    def describe(self, page: Page) -> None:
        from labctl.cli.jobs_login import link

        service, user = self._service, self._users[0]
        page.say()
        page.prose(f"Jobs are taken on {service.url}. Ctrl-C ends it.")
        page.say()
        # To be copied: not broken by us.
        page.rows(
            [
                ("page", link(self._folder, service.url, user)),
                ("", f"This link logs {user} in, once, within a minute. labctl jobs login makes another."),
                ("tokens", f"{self._folder / 'tokens.json'}, for {', '.join(self._users)}"),
                ("engine", self._engine),
                ("workers", ", ".join(service.worker_pids()) or "none: labctl jobs work"),
                *([("streams", service.stream_url)] if service.stream_url else []),
            ],
            10,
        )
        page.heading("Try")
        from labctl.cli.jobs_options import folder_of

        # The clients look into the usual folder, unless they are told of another.
        there = "" if self._folder == folder_of(None) else f" --folder {shlex.quote(str(self._folder))}"
        page.rows([(f"labctl jobs submit --watch{there}", "a job of ten steps, and its events")], 30)
        page.say()
