"""A real WSGI server that stands here with an application, and ends with us."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from labctl import children
from labctl.serving.application import App
from labctl.serving.booting import Boot
from labctl.serving.child import start_child
from labctl.serving.child_events import ChildEvent
from labctl.serving.hearing import Hearing
from labctl.serving.interpreter import check_python
from labctl.serving.listening import bound, forget

__all__ = ["TRACER", "ChildEvent", "Kind", "Standing", "on_this_machine", "stand"]

Kind = Literal["toy", "wsgiref", "flask", "sync", "gthread", "waitress"]
TRACER = "labctl.serving.wsgi_trace:traced"
_LEARNERS_PATIENCE_S = 2.0


class Standing:
    """A server that takes requests: `stand` makes it. A context manager; `end` may be called again and again.

    `address` is (IP, port), None for a Unix socket, whose `path` is "" otherwise. `pid` is the server's first process
    (gunicorn's master). `boot_ms` is from the start to the last worker being ready, the keeper included.
    """

    def __init__(
        self,
        app: App,
        kind: str,
        address: tuple[str, int] | None,
        path: str,
        process: children.Kept,
        hearing: Hearing,
    ) -> None:
        self.app = app
        self.kind = kind
        self.address = address
        self.path = path
        self.pid = process.program
        self.boot_ms = 0.0
        self._process = process
        self._hearing = hearing
        self._ended = False

    @property
    def where(self) -> tuple[str, int] | str:
        """What `asking.ask` takes: the address, or the path."""
        return self.path if self.address is None else self.address

    def workers(self) -> tuple[int, ...]:
        """Pids of the processes that serve, in order of birth: gunicorn's workers, else the server itself."""
        if not self.alive():
            return ()
        return self._hearing.workers() if self.kind in ("sync", "gthread") else (self.pid,)

    def events(self) -> list[ChildEvent]:
        """What was told since the last call. Never waits."""
        return self._hearing.take()

    def wait_for(
        self,
        kind: str,
        *,
        timeout_s: float = 10.0,
        since_ns: int = 0,
        where: Callable[[ChildEvent], bool] = lambda event: True,
    ) -> ChildEvent | None:
        """The first event of a kind that `events` has not given yet; it stays there. None when the time is over.

        `since_ns` (time.monotonic_ns()) leaves out what happened before.
        """

        def found(fresh: list[ChildEvent]) -> ChildEvent | None:
            for event in fresh:
                if event.kind == kind and event.at_ns >= since_ns and where(event):
                    return event
            return None

        return self._hearing.wait_for(found, timeout_s)

    def log(self) -> str:
        """What the server and the application printed, both streams, the last 256 KiB."""
        return self._hearing.log()

    def says(self, text: str, *, timeout_s: float = 10.0) -> bool:
        """Whether the log has this text, or gets it in time: a server prints and answers in no certain order."""
        return self._hearing.wait_for_log(text, timeout_s)

    def signal(self, number: int, pid: int | None = None) -> None:
        """Send a signal to the server's first process, or to another one of its processes; it may be gone.

        After SIGUSR2 gunicorn has two masters; when the first one ends, so does everything.
        """
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid if pid is None else pid, number)

    def alive(self) -> bool:
        """Whether the server's first process runs."""
        return self._process.poll() is None

    def status(self) -> int | None:
        """The exit status of the server's first process, negative for a signal; None while it runs."""
        return self._process.poll()

    def wait(self, timeout_s: float) -> int | None:
        """Wait until the server ends by itself. Its exit status, None when the time is over."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self, patience_s: float | None = None) -> None:
        """End it. When this returns, none of its processes is left.

        The first process is asked by SIGTERM and has `patience_s` to end by itself; 0 kills at once. None is 2 seconds
        for an application that may have something to finish; 0 for ours, and while an exception is on its way (Ctrl-C).
        """
        if self._ended:
            return
        self._ended = True
        hurried = self.app.ours or sys.exc_info()[0] is not None
        patience = (0.0 if hurried else _LEARNERS_PATIENCE_S) if patience_s is None else patience_s
        try:
            children.end(self._process, patience)
        except BaseException:
            children.end(self._process, 0)
            raise
        finally:
            self._hearing.close()
            forget(self.path)

    def __enter__(self) -> Standing:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()


def stand(
    app: App,
    kind: Kind = "sync",
    *,
    workers: int = 1,
    threads: int = 1,
    timeout_s: float = 30,
    graceful_s: float = 30,
    backlog: int | None = None,
    preload: bool = False,
    bind: str = "127.0.0.1:0",
    options: Sequence[str] = (),
    habits: frozenset[str] = frozenset(),
    prepare: str = "",
    trace: bool | str = False,
    watched: bool = True,
    checked: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    boot_timeout_s: float = 10,
) -> Standing:
    """Start a server with the application and wait until all its workers take requests.

    `bind` is "IP:PORT", "[IPv6]:PORT" (port 0: a free one) or "unix:/path". `backlog` None is 2048 for gunicorn, and
    what the other servers have by themselves. `options` are the server's own words (gunicorn, flask run). `prepare` is
    "package.module:function", called with `habits` in the server's first process before anything else; a mapping that
    it returns are settings of gunicorn. `trace` wraps the application: True with TRACER, or another
    "package.module:function" called with the application and `tell`. `watched`: tell of each request. `checked`:
    refuse what is no WSGI application before the server meets it. `threads` 0 of "flask" is `--without-threads`.

    Raises CannotRun: app-not-found, app-raises, app-exits, app-hangs, app-not-callable, app-is-asgi, server-missing,
    port-in-use, port-not-allowed, server-ended, server-hangs, python-unusable, python-too-old.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"there is no server {kind!r}")
    check_python(app.python)
    listener, address, path = bound(bind, kind, backlog)
    began = time.monotonic()
    job = {
        "kind": kind,
        "target": app.target,
        "module": app.module,
        "attribute": app.attribute,
        "folder": app.folder,
        "fd": listener.fileno(),
        "workers": workers,
        "threads": threads,
        "timeout_s": timeout_s,
        "graceful_s": graceful_s,
        "backlog": backlog or 0,
        "preload": preload,
        "options": list(options),
        "habits": sorted(habits),
        "prepare": prepare,
        "trace": TRACER if trace is True else trace or "",
        "watched": watched,
        "checked": checked,
    }
    with listener:
        try:
            process, hearing = start_child(app, job, env=env, cwd=cwd, fds=(listener.fileno(),))
        except BaseException:
            forget(path)
            raise
    standing = Standing(app, kind, address, path, process, hearing)
    try:
        wanted = workers if kind in ("sync", "gthread") else 1
        Boot(app, kind, process, hearing, began + boot_timeout_s, boot_timeout_s).wait(wanted)
    except BaseException:
        standing.end(0)
        raise
    standing.boot_ms = (time.monotonic() - began) * 1000
    return standing


def on_this_machine(kind: str) -> bool:
    """Whether a kind of server can stand on this system at all: gunicorn needs fork."""
    return not (sys.platform == "win32" and kind in ("sync", "gthread"))
