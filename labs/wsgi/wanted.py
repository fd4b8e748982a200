"""What the command line wants of the learner's own application: one request."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import NamedTuple
from urllib.parse import quote as percent_encoded

from labctl.errors import UsageError
from labctl.protocols.http1_fields import Fields, is_token
from labctl.serving.asking import Ask
from labs.http.target import read_content, read_field

FORM = "application/x-www-form-urlencoded"
# Each request has these, by HTTP or because one request is all that is sent.
_NEEDED = ("host", "connection", "content-length")


class Wanted(NamedTuple):
    """The request, and the words that say it again to curl and to labctl."""

    request: Ask
    words: list[str]
    # Statuses that may come; () is anything.
    allowed: tuple[str, ...] = ()


def read_wanted(
    path: str, method: str | None, headers: Sequence[str], data: str | None, command: str
) -> Wanted:
    """As curl reads them: `Name:` drops a field, `Name;` sends it empty, `@FILE` is a file's content.

    `command` is `labctl wsgi` with the application. Raises UsageError path-invalid, method-invalid, header-invalid,
    cannot-read.
    """
    if not path.startswith("/") or any(ord(character) < 33 or ord(character) > 126 for character in path):
        raise UsageError(
            "path-invalid",
            f"{path[:60]!r} is no path: it begins with a /, and other characters than ASCII stand there as %C3%A9",
            fixes=(f"{command} --path {quote(_meant(path))}",),
        )
    if method is not None and not is_token(method):
        raise UsageError("method-invalid", f"{method[:40]!r} is no method: letters, digits and some signs")
    said = [_field(line, command) for line in headers]
    fields: Fields = tuple((name, value) for name, value in said if value is not None)
    body = b"" if data is None else read_content(data)
    if data is not None and "content-type" not in {name.lower() for name, _ in said}:
        fields = (*fields, ("Content-Type", FORM))
    meant = method or ("GET" if data is None else "POST")
    request = Ask(path.partition("#")[0], meant, fields, body)
    return Wanted(request, _words(request, headers, data))


def _meant(path: str) -> str:
    """The path with its slash, and with what is no ASCII encoded."""
    return "/" + percent_encoded(path.lstrip("/"), safe="!$%&'()*+,/:;=?@[]~#")


def _field(line: str, command: str) -> tuple[str, str | None]:
    try:
        name, value = read_field(line)
    except UsageError as problem:
        fixes = (f"{command} -H 'Accept: text/html'",)
        raise UsageError(problem.code, problem.headline, evidence=problem.evidence, fixes=fixes) from None
    if value is None and name.lower() in _NEEDED:
        raise UsageError(
            "header-invalid",
            f"{name} cannot be left out here",
            fixes=(f"{command} -H '{name}: ...'",),
        )
    return name, value


def _words(request: Ask, headers: Sequence[str], data: str | None) -> list[str]:
    words = [f"-H {quote(line)}" for line in headers]
    if data is not None:
        words.append(f"-d {quote(data)}")
    if request.method != ("GET" if data is None else "POST"):
        words.insert(0, f"-X {quote(request.method)}")
    return words
