"""All processes of one jobs service: gunicorn, workers, perhaps a stream server, and who starts them again.

The listening sockets are ours and stay open while a server is started again: whoever connects meanwhile waits instead
of being refused. Nothing of it outlives us, `kill -9` included (labctl.children).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from labctl.errors import CannotRun
from labctl.jobs import service_folder
from labctl.jobs.settings import VARIABLE, Settings
from labctl.jobs.supervise import Program, ServiceEvent, Supervisor
from labctl.serving.listening import bound

DESCRIPTOR = "LABCTL_JOBS_FD"
_GRACEFUL_S = 2
_PROBE_S = 2.0


class Service:
    """A service that runs. A context manager; `end` may be called again and again.

    `listen` is (address, port), port 0 a free one; `web` gunicorn processes (0: no web server, workers alone);
    `names` the ids of workers (default w1, w2 ..), unique among all machines at one database. `host_names`: names
    that clients may use in Host. `restart` False leaves dead what died. `on_event` is called from a thread of ours.

    Raises CannotRun: port-in-use, cannot-bind, cannot-write, jobs-folder-in-use, database-unreachable, jobs-need-fork.
    """

    url: str = ""
    stream_url: str = ""

    def __init__(
        self,
        settings: Settings,
        *,
        listen: tuple[str, int] = ("127.0.0.1", 0),
        web: int = 1,
        workers: int = 2,
        stream_server: bool = False,
        users: Sequence[str] = ("ann", "bob"),
        restart: bool = True,
        names: Sequence[str] = (),
        host_names: Sequence[str] = (),
        on_event: Callable[[ServiceEvent], None] | None = None,
    ) -> None:
        if sys.platform == "win32":
            raise CannotRun("jobs-need-fork", "gunicorn needs fork(), which Windows has not", fixes=("wsl",))
        self._held = contextlib.ExitStack()
        self._web: socket.socket | None = None
        self._stream: socket.socket | None = None
        self._supervisor: Supervisor | None = None
        self.tokens: dict[str, str] = {}
        try:
            folder = Path(settings.folder)
            service_folder.make(folder)
            if web:
                self._held.enter_context(service_folder.hold(folder))
                self._web, self.url = self._listen(*listen)
            hosts = [*settings.hosts, *_accepted(self.url, host_names)]
            if stream_server:
                self._stream, self.stream_url = self._listen(listen[0], 0)
                hosts += _accepted(self.stream_url, host_names)
            self.settings = replace(
                settings, hosts=tuple(dict.fromkeys(hosts)), stream_url=self.stream_url or settings.stream_url
            )
            service_folder.migrate(self.settings)
            if web:
                from labctl.jobs.access import make_tokens

                self.tokens = make_tokens(folder, users)
            self._snapshot = service_folder.snapshot(self.settings)
            names = tuple(names) or tuple(f"w{number + 1}" for number in range(workers))
            self._supervisor = Supervisor(self._programs(web, names), restart=restart, on_event=on_event)
            if web:
                service_folder.leave_address(folder, self.url, self.stream_url)
        except BaseException:
            self.end()
            raise

    def worker_pids(self) -> dict[str, int]:
        """Pid by id, of the workers that run now."""
        found = {name: self._kept.pid("worker", name) for name in self._kept.names("worker")}
        return {name: pid for name, pid in found.items() if pid}

    def web_pid(self) -> int:
        """Of gunicorn's master; 0 while it does not run."""
        return self._kept.pid("server", "web")

    def kill(self, what: Literal["worker", "server", "stream"], name: str = "") -> int:
        """SIGKILL to one of them, with all that it forked; its pid. "" is the first. It is gone afterwards.

        Raises KeyError for a name that is not there, TimeoutError when it does not run.
        """
        return self._kept.kill(what, name or self._kept.names(what)[0])

    def kill_store(self) -> dict[str, int]:
        """SIGKILL to all that have the SQLite file open, before any of them is started again: pids by name.

        Under the fault `snapshot-store` the file is then what it was when the service began, as it is with Redis and
        its default, which saves a snapshot now and then.
        """
        supervisor = self._kept
        supervisor.hold()
        try:
            killed = {}
            for what in ("server", "stream", "worker"):
                for name in supervisor.names(what):
                    if supervisor.pid(what, name):
                        killed[name] = supervisor.kill(what, name)
            service_folder.restore(self.settings, self._snapshot)
            return killed
        finally:
            supervisor.let_go()

    def log(self) -> str:
        """What all processes printed, the last 256 KiB of it; each line begins with who said it."""
        return self._kept.log()

    def wait_ready(self, timeout_s: float = 20.0) -> None:
        """Until workers take jobs and the servers answer. Raises CannotRun jobs-not-started."""
        deadline = time.monotonic() + timeout_s
        problem = self._kept.wait_ready(timeout_s)
        for listener, url in ((self._web, self.url), (self._stream, self.stream_url)):
            while not problem and listener is not None:
                left = deadline - time.monotonic()
                if _answers(listener, url, max(0.05, min(left, _PROBE_S))):
                    break
                problem = "no answer from " + url if left <= 0 else self._kept.wait_ready(max(left, 0))
        if problem:
            raise CannotRun(
                "jobs-not-started",
                "the jobs service did not start",
                evidence=(("said", problem[:300]),),
            )

    def end(self) -> None:
        """End all processes and close the sockets. Jobs that run are resumed by the next service."""
        if self._supervisor is not None:
            self._supervisor.end()
        self._held.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def _kept(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("the service has not begun")
        return self._supervisor

    def _listen(self, address: str, port: int) -> tuple[socket.socket, str]:
        where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        listener, place, _ = bound(where, "labctl jobs serve")
        self._held.enter_context(listener)
        host, number = place or (address, port)
        named = _LOOPBACK_OF_ALL.get(host, host)
        return listener, f"http://[{named}]:{number}" if ":" in named else f"http://{named}:{number}"

    def _programs(self, web: int, names: Sequence[str]) -> list[Program]:
        settings = self.settings
        environment = _environment(settings)
        folder = settings.folder
        found = []
        if self._web is not None:
            fd = self._web.fileno()
            found.append(
                Program(
                    "server", "web", _gunicorn(settings, fd, web), environment, folder, (fd,), tells=False
                )
            )
        if self._stream is not None:
            fd = self._stream.fileno()
            command = (sys.executable, "-m", "labctl.jobs.stream_server")
            found.append(
                Program(
                    "stream",
                    "stream",
                    command,
                    {**environment, DESCRIPTOR: str(fd)},
                    folder,
                    (fd,),
                    tells=False,
                )
            )
        for name in names:
            words = (sys.executable, "-m", "labctl.jobs.worker", name)
            found.append(Program("worker", name, words, environment, folder))
        return found


_LOOPBACK_OF_ALL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # only told apart, not listened on


def _accepted(url: str, host_names: Sequence[str]) -> list[str]:
    """Host values by which a server at `url` may be called."""
    if not url:
        return []
    place = url.removeprefix("http://")
    port = place.rpartition(":")[2]
    return [place, f"localhost:{port}", *(each for name in host_names for each in (name, f"{name}:{port}"))]


def _gunicorn(settings: Settings, fd: int, web: int) -> tuple[str, ...]:
    options = {
        "--bind": f"fd://{fd}",
        "--worker-class": "gthread",
        "--workers": str(web),
        "--threads": str(settings.threads),
        "--graceful-timeout": str(_GRACEFUL_S),
        "--log-level": "warning",
    }
    words = [word for pair in options.items() for word in pair]
    return (sys.executable, "-m", "gunicorn", *words, "--no-control-socket", "labctl.jobs.web:create_app()")


def _environment(settings: Settings) -> Mapping[str, str]:
    """Ours, with the settings; our package is found in whatever folder the child runs."""
    ours = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH", ""))))
    left_out = ("GUNICORN_CMD_ARGS", "WEB_CONCURRENCY")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", VARIABLE: settings.to_json()}


def _answers(listener: socket.socket, url: str, timeout_s: float) -> bool:
    """Whether somebody answers a request, with whatever status."""
    port = listener.getsockname()[1]
    host = url.removeprefix("http://").rpartition(":")[0].strip("[]")
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
