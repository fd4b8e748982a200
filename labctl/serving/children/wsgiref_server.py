"""The standard library's wsgiref: one request after another, in one thread."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from labctl.serving.children.job import Job, started, tell
from labctl.serving.children.loading import load


def serve(job: Job, settings: Mapping[str, object]) -> None:
    """Serve until a signal ends it."""
    started(f"wsgiref {platform.python_version()}")
    app = load(job)
    server = Server(job)
    server.set_app(app)
    tell("booted")
    server.serve_forever()


class Server(WSGIServer):
    """WSGIServer on a socket that listens already; a Unix socket gets no name from DNS."""

    def __init__(self, job: Job) -> None:
        listener = job.listener()
        self.address_family = listener.family
        super().__init__(("", 0), WSGIRequestHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        name: Any = listener.getsockname()
        self.server_address = name
        self.server_name, self.server_port = name[:2] if isinstance(name, tuple) else ("localhost", 80)
        self.setup_environ()
        if job.backlog == 0:
            listener.listen(self.request_queue_size)

    def get_request(self) -> tuple[Any, Any]:
        """The next connection; the peer of a Unix socket has no address."""
        connection, peer = self.socket.accept()
        return connection, peer or ("", 0)
