"""The real `flask run`: Flask's command line and Werkzeug's development server, on a socket that is there already."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from labctl.serving.children.job import Job, missing, started, tell
from labctl.serving.children.loading import load


def serve(job: Job, settings: Mapping[str, object]) -> None:
    """Serve until a signal ends it. Raises CannotServe.

    Two things of Werkzeug and Flask are put in place of theirs: the server gets our socket, as it does when it is
    reloaded, and the application is found by us, so that what is wrong with it can be told.
    """
    try:
        from importlib.metadata import version

        import flask.cli
        import werkzeug.serving
    except ImportError as problem:
        raise missing("flask", problem) from None
    started(f"flask {version('flask')}, werkzeug {version('werkzeug')}")
    make_server = werkzeug.serving.make_server
    reloaded = werkzeug.serving.is_running_from_reloader()

    def on_our_socket(*places: Any, **words: Any) -> Any:
        """Werkzeug's make_server."""
        if words.get("fd") is None:
            words["fd"] = job.fd
        server = make_server(*places, **words)
        if not reloaded:
            server.socket.listen(job.backlog or server.request_queue_size)
        if reloaded or "--no-reload" in job.options or not _reloads(job):
            tell("booted")
        return server

    def load_app(info: Any) -> Any:
        """Flask's ScriptInfo.load_app."""
        return load(job, found=_debugged)

    setattr(werkzeug.serving, "make_server", on_our_socket)  # noqa: B010
    setattr(flask.cli.ScriptInfo, "load_app", load_app)  # noqa: B010
    host, port = job.listener_name()
    threads = ("--without-threads",) if job.threads == 0 else ()
    flask.cli.cli.main(
        ["--app", job.target, "run", "--host", host, "--port", str(port), *threads, *job.options],
        prog_name="flask",
    )


def _reloads(job: Job) -> bool:
    return any(word in job.options for word in ("--debug", "--reload")) or "FLASK_DEBUG" in os.environ


def _debugged(app: Any) -> None:
    """What Flask's own load_app does to the application that it has found."""
    from flask.helpers import get_debug_flag

    if hasattr(app, "debug"):
        app.debug = get_debug_flag()
