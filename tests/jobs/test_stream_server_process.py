"""The stream server as the service starts it: on an inherited socket that outlives it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from jobs.scripted_store import settings_in

from labctl.jobs.access import make_tokens
from labctl.jobs.settings import VARIABLE, Settings
from labctl.jobs.store import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no service on Windows")


def _start(settings: Settings, listener: socket.socket) -> subprocess.Popen[bytes]:
    fd = listener.fileno()
    environment = {**os.environ, VARIABLE: settings.to_json(), "LABCTL_JOBS_FD": str(fd)}
    return subprocess.Popen(
        [sys.executable, "-m", "labctl.jobs.stream_server"],
        env=environment,
        pass_fds=(fd,),
        stderr=subprocess.PIPE,
    )


def _status(port: int, token: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/api/jobs/none/stream", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status


def test_it_is_started_again_on_the_same_socket_and_nobody_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        settings = settings_in(tmp_path, hosts=(f"127.0.0.1:{port}",))
        Store(settings, migrate=True).close()
        token = make_tokens(tmp_path, ["ann"])["ann"]
        for _ in range(2):
            process = _start(settings, listener)
            try:
                assert _status(port, token) == 404
                assert _status(port, "another") == 401
                process.send_signal(signal.SIGTERM)
                _, said = process.communicate(timeout=30)
                assert (process.returncode, said) == (0, b"")
            finally:
                process.kill()
                process.communicate()
