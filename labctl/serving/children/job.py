"""What a child is told to do, and what it tells: shared by all servers. A server module has one function,
`serve(job: Job, settings: Mapping[str, object]) -> None`, that serves until it is ended.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

# The kinds of `standing.stand`, and what looks at an application without serving it.
SERVERS = {
    "toy": "labctl.serving.children.toy",
    "wsgiref": "labctl.serving.children.wsgiref_server",
    "flask": "labctl.serving.children.flask_run",
    "sync": "labctl.serving.children.gunicorn_server",
    "gthread": "labctl.serving.children.gunicorn_server",
    "waitress": "labctl.serving.children.waitress_server",
    "inspection": "labctl.serving.children.inspection",
}
_EVENTS = "LABCTL_EVENTS"
# While an application is imported, this signal makes faulthandler write to stderr where all threads are.
WHERE = getattr(signal, "SIGTRAP", 0)
# A line that is not longer is written in one piece (PIPE_BUF of Linux).
_LINE_BYTES = 4096
# Made once: that is half of what a request's events cost.
_encode = json.JSONEncoder(default=repr, separators=(",", ":")).encode
_pipe = int(os.environ.get(_EVENTS, "-1"))


class Job(NamedTuple):
    """What the parent wants. The arguments of `standing.stand`; `fd` is the listening socket, -1 when there is none."""

    kind: str
    target: str
    module: str
    attribute: str
    folder: str
    fd: int = -1
    workers: int = 1
    threads: int = 1
    timeout_s: float = 30
    graceful_s: float = 30
    backlog: int = 0
    preload: bool = False
    options: tuple[str, ...] = ()
    habits: tuple[str, ...] = ()
    prepare: str = ""
    trace: str = ""
    watched: bool = True
    checked: bool = True

    def listener(self) -> socket.socket:
        """The socket, listening; the caller owns it."""
        return socket.socket(fileno=self.fd)

    def listener_name(self) -> tuple[str, int]:
        """Its host and port; for a Unix socket "unix:///path" and 0, as Werkzeug writes it."""
        with socket.fromfd(
            self.fd, socket.AF_UNIX if hasattr(socket, "AF_UNIX") else 2, socket.SOCK_STREAM
        ) as copy:
            name = copy.getsockname()
        return (f"unix://{name}", 0) if isinstance(name, str) else (name[0], name[1])


class CannotServe(Exception):
    """The application cannot be served, or the server is not there. What is wrong was told with "failed"."""


def read_job(text: str) -> Job:
    """The job of a JSON object."""
    found = json.loads(text)
    for name in ("options", "habits"):
        found[name] = tuple(found.get(name, ()))
    return Job(**found)


def tell(kind: str, *, pid: int = 0, at_ns: int = 0, **data: Any) -> None:
    """Write an event, `child_events.ChildEvent`: of this process unless `pid` says another, and now. Never raises."""
    if _pipe < 0:
        return
    event = {"at_ns": at_ns or time.monotonic_ns(), "kind": kind, "pid": pid or os.getpid(), "data": data}
    line = _encode(event) + "\n"
    limit = 1024
    while len(line) > _LINE_BYTES and limit:
        limit //= 2
        line = _encode({**event, "data": _cut(data, limit)}) + "\n"
    with contextlib.suppress(OSError):  # nobody listens any more
        os.write(_pipe, line.encode())


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= limit else value[:limit] + "…"
    if isinstance(value, Mapping):
        return {key: _cut(each, limit) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cut(each, limit) for each in value[: max(limit, 1)]]
    return value


def fail(code: str, sentence: str, **facts: Any) -> CannotServe:
    """Tell why the application cannot be served; raise what is returned."""
    tell("failed", code=code, sentence=sentence, **facts)
    return CannotServe(sentence)


def prepare(job: Job) -> Mapping[str, object]:
    """Call the job's `prepare` with its habits. What it returns are settings, in the server's own words."""
    if not job.prepare:
        return {}
    found = called(job.prepare)(frozenset(job.habits))
    return found if isinstance(found, Mapping) else {}


def called(name: str) -> Any:
    """The function `package.module:function`."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def started(server: str) -> None:
    """Tell that our code runs here, under this Python and with this server, `gunicorn 27.0.1`."""
    tell("started", python=".".join(map(str, sys.version_info[:3])), server=server)


def missing(server: str, problem: ImportError) -> CannotServe:
    """The server cannot be imported in this interpreter."""
    return fail(
        "server-missing", f"{server} cannot be imported: {problem}", server=server, error=str(problem)
    )
