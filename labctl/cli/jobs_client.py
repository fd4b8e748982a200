"""A client of a running service: where it is, who we are, and what its answers mean as errors of ours."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from labctl.cli.jobs_options import folder_of
from labctl.errors import CannotRun, UsageError

_PATIENCE_S = 30.0

Url = Annotated[
    str,
    typer.Option(
        metavar="URL", help="The service; the default is the one that runs here.", envvar="LABCTL_JOBS_URL"
    ),
]
TokenFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Your token; else LABCTL_JOBS_TOKEN, else tokens.json.")
]
Folder = Annotated[
    Path | None, typer.Option(metavar="PATH", help="The folder of the service that runs here.")
]
User = Annotated[
    str, typer.Option(metavar="NAME", help="Whose token of tokens.json; the default is the first.")
]


class Answer(NamedTuple):
    """Of the API. `body` is {} when it was no JSON object."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class Client(NamedTuple):
    """`url` has no slash at its end. `again` are the options that reach the same service as the same user."""

    url: str
    token: str
    again: tuple[str, ...] = ()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request. Raises CannotRun jobs-no-answer, jobs-not-you; other statuses are for the caller."""
        import httpx

        try:
            with httpx.Client(trust_env=False, timeout=_PATIENCE_S) as client:
                got = client.request(
                    method, self.url + path, json=body, headers={**self.headers, **(headers or {})}
                )
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise unreachable(self.url, problem) from problem
        try:
            told = got.json()
        except ValueError:
            told = {}
        answer = Answer(got.status_code, dict(got.headers), told if isinstance(told, dict) else {})
        if answer.status == 401:
            raise not_you(self.url)
        return answer


def connect(url: str, token_file: Path | None, folder: Path | None, user: str) -> Client:
    """The service and the token. Raises CannotRun jobs-no-service, jobs-no-token, UsageError user-unknown."""
    kept = folder_of(folder)
    again: list[str] = []
    if url:
        if not re.match(r"https?://[^/?#\s]", url):
            raise UsageError(
                "url-invalid", f"--url {url} is no URL", evidence=(("wanted", "http://127.0.0.1:8000"),)
            )
        again += ["--url", url]
    else:
        from labctl.jobs.service_folder import running

        there = running(kept)
        if there is None:
            raise CannotRun(
                "jobs-no-service",
                "no jobs service runs here",
                evidence=(("looked in", str(kept)),),
                fixes=("labctl jobs serve", "the same command with --url URL"),
            )
        url = there.url
    if folder is not None:
        again += ["--folder", str(folder)]
    if token_file is not None:
        again += ["--token-file", str(token_file)]
    if user:
        again += ["--user", user]
    return Client(url.rstrip("/"), _token(token_file, kept, user), tuple(again))


def tokens_of(folder: Path) -> dict[str, str]:
    """User to token, of the service with this folder; {} when there is none to be read."""
    try:
        given = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(given, dict):
        return {}
    return {str(user): token for user, token in given.items() if isinstance(token, str)}


def _token(file: Path | None, folder: Path, user: str) -> str:
    if file is not None:
        try:
            return _usable(file.read_text(encoding="utf-8").strip(), f"--token-file {file}")
        except (OSError, ValueError) as problem:
            raise CannotRun(
                "cannot-read",
                f"--token-file {file} cannot be read",
                evidence=(("got", f"{type(problem).__name__}: {problem}"),),
            ) from problem
    if not user and (given := os.environ.get("LABCTL_JOBS_TOKEN", "").strip()):
        return _usable(given, "LABCTL_JOBS_TOKEN")
    tokens = tokens_of(folder)
    if user and user not in tokens and tokens:
        raise UsageError(
            "user-unknown",
            f"the service here has no user {user}",
            evidence=(("there are", ", ".join(tokens)),),
            fixes=tuple(f"the same command with --user {name}" for name in list(tokens)[:1]),
        )
    if not tokens:
        raise CannotRun(
            "jobs-no-token",
            "there is no token for this service",
            evidence=(("looked in", f"LABCTL_JOBS_TOKEN and {folder / 'tokens.json'}"),),
            fixes=("the same command with --token-file FILE",),
        )
    return tokens[user] if user else next(iter(tokens.values()))


def _usable(token: str, where: str) -> str:
    """A token that can stand in a header. Raises CannotRun jobs-no-token."""
    if not re.fullmatch(r"[\x21-\x7e]{1,4096}", token):
        raise CannotRun(
            "jobs-no-token",
            f"what {where} holds is no token",
            evidence=(("wanted", "one word of ASCII characters, as in tokens.json"),),
            fixes=("the same command with --token-file FILE",),
        )
    return token


def unreachable(url: str, problem: Exception) -> CannotRun:
    """Nobody answers there."""
    return CannotRun(
        "jobs-no-answer",
        f"the jobs service at {url} does not answer",
        evidence=(("got", f"{type(problem).__name__}: {problem}"),),
        fixes=("labctl jobs serve",),
    )


def not_you(url: str) -> CannotRun:
    """401."""
    return CannotRun(
        "jobs-not-you",
        f"{url} does not know this token",
        evidence=(("got", "401 Unauthorized"),),
        fixes=("the same command with --token-file FILE",),
    )


def no_such_job(job: str) -> CannotRun:
    """404: unknown, expired, or another user's, and nobody says which."""
    return CannotRun(
        "jobs-no-such-job",
        f"there is no job {job} of yours",
        evidence=(("got", "404 Not Found"),),
        fixes=("labctl jobs list",),
    )


def refused(answer: Answer, what: str) -> CannotRun | UsageError:
    """The service said no: what it said, and when to ask again."""
    said = str(answer.body.get("message") or f"status {answer.status}")
    evidence = [("got", f"{answer.status} {answer.body.get('error', '')}".strip()), ("said", said[:300])]
    later = next((v for k, v in answer.headers.items() if k.lower() == "retry-after"), "")
    if later:
        evidence.append(("ask again", f"in {later} s"))
    if answer.status in (400, 413, 415, 422):
        return UsageError("jobs-input-refused", f"{what} was refused", evidence=tuple(evidence))
    return CannotRun("jobs-refused", f"{what} was refused", evidence=tuple(evidence))
