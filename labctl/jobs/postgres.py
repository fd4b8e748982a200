"""A PostgreSQL of our own: its data in a folder, on a loopback port, ended and begun again at will."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from labctl import children
from labctl.errors import CannotRun

_USER = "labctl"
_DATABASE = "jobs"
# Debian keeps them out of PATH.
_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
_BOOT_S = 30.0
_TRIES = 4


class PrivatePostgres:
    """A PostgreSQL that takes connections. A context manager; `end` may be called again and again.

    `folder` must not be there or be empty; it stays. `url` names the database `jobs`, password included. As root it
    runs as another user, since PostgreSQL refuses root. Raises CannotRun postgres-missing, postgres-not-started.
    """

    def __init__(self, folder: Path) -> None:
        programs = _programs()
        self._server = str(programs / "postgres")
        self._as = _unprivileged()
        self._folder = folder / "postgres"
        self._password = secrets.token_urlsafe(12)
        self._process: children.Kept | None = None
        self.port = 0
        self._make(programs)
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://{_USER}:{self._password}@127.0.0.1:{self.port}/{_DATABASE}"

    @property
    def pid(self) -> int:
        """Of its first process; 0 while it does not run."""
        return self._process.program if self._process is not None else 0

    def start(self) -> None:
        """Start it, on the port that it had before. It recovers by itself what a kill left. Idempotent."""
        if self._process is not None and self._process.poll() is None:
            return
        for _ in range(_TRIES):
            with _a_port(self.port) as port:
                if self._started(port):
                    self.port = port
                    return
            said = self.log()
            self.end()
            if self.port or "could not bind" not in said:
                break
        lines = said.strip().splitlines()[-2:]
        raise CannotRun(
            "postgres-not-started",
            "PostgreSQL did not start",
            evidence=tuple(("said", line[:300]) for line in lines),
        )

    def kill(self) -> int:
        """SIGKILL to it and to all its processes, as when the power fails but for the disk. Its pid."""
        pid = self.pid
        if self._process is not None:
            children.end(self._process, 0)
            self._process = None
        return pid

    def end(self) -> None:
        """End it: open connections are closed, and what was committed is on disk."""
        if self._process is not None:
            # SIGINT is its "fast" shutdown; SIGTERM would wait for clients to go.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.program, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            children.end(self._process, 0)
            self._process = None

    def log(self) -> str:
        """What it printed since it was started."""
        with contextlib.suppress(OSError):
            return (self._folder / "log").read_text(errors="replace")
        return ""

    def __enter__(self) -> PrivatePostgres:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _make(self, programs: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        password = self._folder / "password"
        password.write_text(self._password, encoding="ascii")
        if self._as:
            entry = pwd.getpwnam(self._as)
            for path in (self._folder, password):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        options = ["--pgdata", str(self._folder / "data"), "--username", _USER, "--auth", "scram-sha-256"]
        options += ["--pwfile", str(password), "--encoding", "UTF8", "--locale", "C", "--no-sync"]
        made = subprocess.run(  # noqa: S603  # found where PostgreSQL's programs are kept
            [*self._words(), str(programs / "initdb"), *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            check=False,
        )
        password.unlink()
        if made.returncode:
            lines = (made.stderr or made.stdout).decode(errors="replace").strip().splitlines()[-2:]
            raise CannotRun(
                "postgres-not-started",
                "initdb made no database",
                evidence=tuple(("said", line[:300]) for line in lines),
            )

    def _words(self) -> list[str]:
        """What makes a program run as somebody else than root."""
        if not self._as:
            return []
        found = shutil.which("setpriv", path=f"{os.environ.get('PATH', os.defpath)}:/usr/bin:/bin")
        if found is None:
            raise CannotRun("postgres-missing", "setpriv is not installed, and PostgreSQL refuses root")
        group = str(pwd.getpwnam(self._as).pw_gid)
        return [found, f"--reuid={self._as}", f"--regid={group}", "--clear-groups"]

    def _started(self, port: int) -> bool:
        data = self._folder / "data"
        # A killed server leaves it, and its number may be somebody else's by now.
        (data / "postmaster.pid").unlink(missing_ok=True)
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "tcp_keepalives_idle": "10",
            "shared_buffers": "16MB",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("wb") as log:
            self._process = children.keep(
                [*self._words(), self._server, "-D", str(data), "-p", str(port), *words],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        deadline = time.monotonic() + _BOOT_S
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._takes_connections(port):
                return True
            time.sleep(0.02)
        return False

    def _takes_connections(self, port: int) -> bool:
        import psycopg

        place = {"host": "127.0.0.1", "port": port, "user": _USER, "password": self._password}
        try:
            with psycopg.connect(**place, dbname="postgres", autocommit=True, connect_timeout=5) as asking:  # type: ignore[arg-type]
                if not asking.execute(
                    "select 1 from pg_database where datname = %s", (_DATABASE,)
                ).fetchone():
                    asking.execute(f"create database {_DATABASE}")
        except psycopg.OperationalError:
            return False
        return True


def _programs() -> Path:
    """Where PostgreSQL's programs are, the newest of them."""
    found = shutil.which("postgres")
    places = [Path(found).resolve().parent] if found else []
    for pattern in _FOLDERS:
        places += sorted(Path("/").glob(pattern[1:]), key=_version, reverse=True)
    for place in places:
        if os.access(place / "postgres", os.X_OK) and os.access(place / "initdb", os.X_OK):
            return place
    raise CannotRun(
        "postgres-missing",
        "PostgreSQL is not installed",
        evidence=(("looked for", "postgres and initdb, on PATH and where distributions keep them"),),
        fixes=("labctl jobs   works without it",),
    )


def _version(place: Path) -> int:
    digits = "".join(letter for letter in place.parent.name if letter.isdigit())
    return int(digits or 0)


def _unprivileged() -> str:
    """Whom PostgreSQL runs as: "" is us, unless we are root."""
    if os.geteuid() != 0:
        return ""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            pwd.getpwnam(name)
            return name
    raise CannotRun("postgres-missing", "PostgreSQL refuses root, and there is no user postgres or nobody")


@contextlib.contextmanager
def _a_port(wanted: int) -> Iterator[int]:
    """A free port, held while a server takes it (labctl.serving.reverse_proxy says how), or the one it had."""
    with socket.socket() as holding:
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            holding.bind(("127.0.0.1", wanted))
        yield wanted or int(holding.getsockname()[1])
