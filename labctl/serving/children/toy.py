"""Our own small WSGI server, in a process of its own. Besides what all servers tell: "broken", the application broke
the contract (`name`, `detail`, `rule`), and "refused", what came was no good request (`status`, `code`, `why`).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from typing import Any

from labctl.serving.children.job import Job, started, tell
from labctl.serving.children.loading import load


def serve(job: Job, settings: Mapping[str, object]) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests end. `settings` are fields of `Limits`."""
    from labctl.serving.wsgi_server import WsgiServer
    from labctl.serving.wsgi_server_limits import Limits

    started("the labctl WSGI server")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    app = load(job)
    limits = Limits(**settings)  # type: ignore[arg-type]
    server = WsgiServer(app, job.listener(), threads=job.threads, limits=limits, on_event=_told)
    tell("booted", worker=1)
    ended.wait()
    if not server.close(job.graceful_s):
        os._exit(1)  # the application holds a thread, and the interpreter would wait for it


def _told(kind: str, data: Mapping[str, Any]) -> None:
    """Begin and end of a request are told for all servers in the same way."""
    if kind not in ("begin", "end"):
        tell(kind, **data)
