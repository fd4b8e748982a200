"""Which application, and which requests: what was typed, read."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from labctl.errors import CannotRun, UsageError
from labctl.protocols.http1_fields import Fields

if TYPE_CHECKING:
    from labctl.serving.application import App

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")
SHOP = "labs.flask.apps.shop"
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Wanted(NamedTuple):
    """One request."""

    method: str
    target: str
    fields: Fields = ()
    body: bytes = b""


class Target(NamedTuple):
    """`asked`: a request was named. `requests` has at least one. `options` are the first one's -H and -d, as typed."""

    app: App
    is_ours: bool
    asked: bool
    requests: tuple[Wanted, ...]
    options: tuple[str, ...] = ()
    python: str | None = None
    # What each request may come back with; () is anything.
    allowed: tuple[tuple[str, ...], ...] = ()

    @property
    def command(self) -> str:
        """`labctl flask shop:app --python P`, to be pasted, with a request behind it."""
        words = ["labctl", "flask", *([] if self.is_ours else [self.app.target])]
        return shlex.join([*words, *(("--python", self.python) if self.python else ())])

    def asking(self, options: bool = True) -> str:
        """`GET /basket/7 -H 'Accept: text/html'`: the first request, to be pasted."""
        first = self.requests[0]
        return shlex.join([first.method, first.target, *(self.options if options else ())])


def is_own(arguments: Mapping[str, Any]) -> bool:
    """Whether the lab's own application is meant: no argument, or one that is a method or a path."""
    first = arguments.get("app")
    return (
        not first
        or str(first) in _METHODS
        or (str(first).upper() in _METHODS and not _is_module(str(first)))
        or (str(first).startswith("/") and not str(first).partition(":")[0].endswith(".py"))
    )


def _is_module(name: str) -> bool:
    """Whether there is a file or package of that name here: `options` may be an application."""
    return os.path.exists(f"{name}.py") or os.path.isdir(name)


def read_target(
    app: str | None,
    method: str | None,
    path: str | None,
    header: Sequence[str],
    data: Sequence[str],
    then: Sequence[str],
    python: str | None,
    expect: Sequence[str] = (),
) -> Target:
    """What was typed. Raises UsageError; CannotRun for a file that cannot be read."""
    from labctl.serving.application import own_app, read_app
    from labs.expecting import for_each

    words = [word for word in (app, method, path) if word is not None]
    ours = is_own({"app": app})
    name = None if ours or not words else words.pop(0)
    asked = bool(words or header or data or then or expect)
    named = shlex.join([name]) if name else ""
    command = " ".join(filter(None, ("labctl flask", named)))
    fields = tuple(_field(each, command) for each in header)
    body = _content(data)
    first = _request(words, bool(data), name)
    if body and not any(name_.lower() == "content-type" for name_, _ in fields):
        fields = (*fields, ("Content-Type", "application/x-www-form-urlencoded"))
    requests = [Wanted(first[0], first[1], fields, body)]
    for line in then:
        following, _, sent = line.partition(" -d ")
        wanted = _request(following.split(), bool(sent), name)
        content = sent.strip().strip("'\"").encode()
        form = (("Content-Type", "application/x-www-form-urlencoded"),) if content else ()
        requests.append(Wanted(wanted[0], wanted[1], form, content))
    if ours and python:
        raise UsageError(
            "options-contradict",
            "--python is for an application of yours",
            fixes=(f"labctl flask shop:app --python {python}",),
        )
    return Target(
        own_app(SHOP) if name is None else read_app(name, python=python),
        ours,
        asked,
        tuple(requests),
        (*(w for each in header for w in ("-H", each)), *(w for each in data for w in ("-d", each))),
        python,
        tuple(for_each(expect, len(requests), f"{command} {first[0]} {shlex.quote(first[1])} --expect 200")),
    )


def _request(words: Sequence[str], has_content: bool, app: str | None) -> tuple[str, str]:
    """The method and the target of `GET /path`, `/path`, `POST`. Characters that a URL does not have are encoded."""
    from urllib.parse import quote

    method, target = "POST" if has_content else "GET", "/"
    # 'GET /path' in quotation marks is meant as well; a path may have blanks of its own.
    quoted = bool(words) and not words[0].startswith("/")
    left = [*(words[0].split(None, 1) or [""]), *words[1:]] if quoted else list(words)
    if left and not left[0].startswith("/"):
        method = left.pop(0).upper()
    if left and left[0].startswith("/"):
        target = left.pop(0).partition("#")[0]
    if left:
        meant = shlex.join(["labctl", "flask", *([app] if app else []), method, _path_of(left[0])])
        raise UsageError(
            "request-invalid",
            f"{' '.join(words)[:80]!r} is not a request: METHOD /PATH is wanted",
            fixes=(meant,),
        )
    return _method(method, app), quote(target, safe="!$%&'()*+,/:;=?@[]~")


def _path_of(word: str) -> str:
    """What was meant by a URL, or by a path without its slash."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(word)
    except ValueError:
        return "/"
    path = parts.path if parts.scheme and parts.netloc else word.partition("?")[0]
    return f"/{path.lstrip('/')}" + (f"?{parts.query}" if parts.query else "")


def _method(word: str, app: str | None) -> str:
    if not word or set(word) - _TOKEN:
        meant = shlex.join(["labctl", "flask", *([app] if app else []), "GET", "/"])
        raise UsageError("request-invalid", f"{word!r} is not a method", fixes=(meant,))
    return word


def _field(text: str, command: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    bad = not colon or not name or set(name) - _TOKEN or any(c in value for c in "\r\n\0")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        bad = True
    if bad:
        raise UsageError(
            "header-invalid",
            f"-H {text[:60]!r} is not a field: Name: value",
            fixes=(f"{command} GET / -H 'Accept: text/html'",),
        )
    return name, value


def _content(data: Sequence[str]) -> bytes:
    parts = []
    for each in data:
        if each.startswith("@"):
            try:
                with open(os.path.expanduser(each[1:]), "rb") as file:
                    parts.append(file.read())
            except OSError as problem:
                raise CannotRun(
                    "cannot-read", f"{each[1:]} cannot be read", evidence=(("got", str(problem.strerror)),)
                ) from problem
        else:
            parts.append(each.encode())
    return b"&".join(parts)
