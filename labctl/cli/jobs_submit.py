"""`labctl jobs submit`: hand in a job."""

from __future__ import annotations

import json
import shlex
import sys
from typing import Annotated, Any

import typer

from labctl.cli.command import single
from labctl.cli.jobs_client import Folder, TokenFile, Url, User
from labctl.cli.page import Page
from labctl.errors import UsageError


@single(
    "submit",
    "hand in a job",
    "jobs submit --watch",
    'jobs submit report \'{"steps": 20, "step_s": 0.5}\'',
    "jobs submit --idempotency-key monday-1",
)
def app(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Which kind of job.")] = "report",
    given: Annotated[
        str, typer.Argument(metavar="INPUT", help="What it gets, a JSON object; - reads it from stdin.")
    ] = "",
    idempotency_key: Annotated[
        str, typer.Option(metavar="KEY", help="The same key again is the same job, not another one.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow its events until it ends.")] = False,
    url: Url = "",
    token_file: TokenFile = None,
    folder: Folder = None,
    user: User = "",
    json_: Annotated[bool, typer.Option("--json", help="The server's answer as JSON.")] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="With --watch: events as lines of JSON.")] = False,
) -> int:
    """Ask, and say where the job is."""
    from labctl.cli import jobs_client

    if json_ and (watch or jsonl):
        raise UsageError("options-contradict", "--json tells of the job alone: with --watch, say --jsonl")
    _check_key(idempotency_key)
    body = {"kind": kind, "input": _input(kind, given)}
    client = jobs_client.connect(url, token_file, folder, user)
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    answer = client.ask("POST", "/api/jobs", body, headers)
    if answer.status not in (200, 202):
        raise jobs_client.refused(answer, "the job")
    job = str(answer.body.get("job_id", ""))
    if json_:
        sys.stdout.write(json.dumps(answer.body) + "\n")
    elif not jsonl:
        page = Page()
        page.prose(f"{answer.status} Accepted: {job}")
        if not watch:
            page.rows([(shlex.join(["labctl", "jobs", "watch", job, *client.again]), "")])
        page.show()
    if watch:
        from labctl.cli.jobs_watching import follow

        return follow(client, job, jsonl=jsonl)
    return 0


def _check_key(key: str) -> None:
    """Raises UsageError jobs-input-invalid for what cannot stand in a header."""
    if not all("!" <= letter <= "~" for letter in key):
        raise UsageError(
            "jobs-input-invalid",
            "an idempotency key has visible ASCII characters only",
            evidence=(("got", ascii(key[:80])),),
            fixes=("labctl jobs submit --idempotency-key monday-1",),
        )


def _input(kind: str, given: str) -> Any:
    """The object of INPUT. Raises UsageError jobs-input-invalid."""
    if not given:
        return {"steps": 10, "step_s": 0.5} if kind == "report" else {}
    text = sys.stdin.read() if given == "-" else given
    try:
        value = json.loads(text)
        # NaN and a lone surrogate are read, and are no JSON all the same.
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as problem:
        raise UsageError(
            "jobs-input-invalid",
            "what the job gets is no JSON",
            evidence=(("got", text[:80]), ("said", str(problem))),
            fixes=("labctl jobs submit report '{\"steps\": 5}'",),
        ) from problem
    if not isinstance(value, dict):
        raise UsageError(
            "jobs-input-invalid",
            "what the job gets must be a JSON object",
            evidence=(("got", text[:80]),),
            fixes=("labctl jobs submit report '{\"steps\": 5}'",),
        )
    return value
