"""What to type next behind a request of one's own, and how to see the same without labctl."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from labctl.events import Event
from labctl.serving.application import App
from labs.by_hand import of_python
from labs.flask.target import Target
from labs.telling import command, note

_AT = "http://127.0.0.1:5000"
_AT_GUNICORN = "http://127.0.0.1:8000"


def footer(target: Target, *, is_flask: bool, failed: bool) -> Iterator[Event]:
    """`is_flask`: the named object is a Flask, and not something around one. `failed`: a request ended in a 500."""
    if target.is_ours:
        yield note("This is the lab's own shop; with MODULE:APP in front it is your application.")
    shown = "yourmodule" if target.is_ours else shlex.quote(target.app.target)
    python = target.app.python
    serve = (
        f"{of_python('flask', python)} --app {shown} run"
        if is_flask
        else f"{of_python('gunicorn', python)} {_for_gunicorn(target.app)}"
    )
    yield command("by hand", f"{serve}   # then {curl(target, _AT if is_flask else _AT_GUNICORN)}")
    if failed and not target.is_ours:
        yield command("debug", f"FLASK_DEBUG=1 {target.command} {target.asking()}", "as developers see it")
    elif len(target.requests) == 1:
        yield command("more", f"{target.command} {target.asking()} --then 'GET /'", "with its cookies")
    yield command("next", f"{target.command} --routes", "every URL, and its view")


def _for_gunicorn(app: App) -> str:
    """It knows no files, and looks for nothing but `application` by itself."""
    words = [] if app.folder == os.getcwd() else ["--chdir", app.folder]
    return shlex.join([*words, f"{app.module}:{app.attribute or 'app'}"])


def curl(target: Target, at: str) -> str:
    """The first request by curl. It sends POST for content by itself; its -d would leave a file's line ends out."""
    first = target.requests[0]
    words = ["curl", "-I" if first.method == "HEAD" else "-i"]
    if first.method not in ("HEAD", "POST" if first.body else "GET"):
        words += ["-X", first.method]
    options = list(target.options)
    for at_option, value in zip(options[::2], options[1::2], strict=True):
        words += ["--data-binary" if at_option == "-d" and value.startswith("@") else at_option, value]
    return shlex.join([*words, at + first.target])
