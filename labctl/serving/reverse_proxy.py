"""A real reverse proxy that stands here as a child, with its configuration in a folder that goes with it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from labctl import children
from labctl.errors import CannotRun
from labctl.serving.folders import Folder

_BOOT_S, _VERSION_S, _TRIES = 10.0, 5.0, 8
_IN_USE = ("Address already in use", "could not bind to address")


# Debian keeps servers out of a user's PATH.
_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin")


def program_path(name: str, *commands: str) -> str:
    """Where a server's program is. Raises CannotRun server-missing."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS))
    for command in commands:
        if found := shutil.which(command, path=path):
            return found
    raise CannotRun(
        "server-missing",
        f"{name} is not installed",
        evidence=(("looked for", f"{' and '.join(commands)} on PATH and where servers are kept"),),
        fixes=("labctl proxy   works without it",),
    )


def version(name: str, program: str, pattern: str) -> str:
    """`nginx 1.22.1`, by what the program says with -v. Raises CannotRun proxy-not-started."""
    got = ""
    try:
        told = subprocess.run([program, "-v"], capture_output=True, timeout=_VERSION_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        got = f"nothing in {_VERSION_S:g} s"
    except OSError as error:
        got = error.strerror or str(error)
    if got:
        raise CannotRun(
            "proxy-not-started",
            f"{name} did not start",
            evidence=(("tried", f"{program} -v"), ("got", got)),
            fixes=("labctl proxy",),
        )
    found = re.search(pattern, (told.stderr + told.stdout).decode(errors="replace"))
    return f"{name} {found[1]}" if found else name


class Place(NamedTuple):
    """Where a proxy shall live: its folder, and the address that it shall listen on."""

    folder: Path
    host: str
    port: int


class StandingProxy:
    """A proxy that takes connections. A context manager; `end` may be called again and again.

    `configuration` is the text that it runs with, `name` "nginx 1.22.1".
    """

    def __init__(
        self, name: str, kept: Folder, place: Place, configuration: str, process: children.Kept
    ) -> None:
        self.name = name
        self.address = (place.host, place.port)
        self.configuration = configuration
        self.folder = place.folder
        self._kept = kept
        self._process = process

    def log(self) -> str:
        """What it has printed and logged so far."""
        return _log(self.folder)

    def alive(self) -> bool:
        """Whether its first process runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its first process."""
        return self._process.program

    def end(self) -> None:
        """End it at once, with all its processes, and remove its folder."""
        children.end(self._process, 0)
        self._kept.remove()

    def __enter__(self) -> StandingProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def stand_proxy(
    name: str,
    configure: Callable[[Place], str],
    command: Callable[[Path], Sequence[str]],
    *,
    files: Mapping[str, str],
    host: str,
    port: int,
    secure: bool = False,
) -> StandingProxy:
    """Write the configuration, start the program, wait until it listens. `files` are written into its folder first.

    `command` gets the path of the configuration. Port 0 takes a free one; `secure`: it speaks TLS. Raises CannotRun
    proxy-not-started, with the program's own words, and port-in-use.
    """
    if port:
        _expect_free(host, port)
    for _ in range(_TRIES):
        kept = Folder()
        folder = kept.path
        process: children.Kept | None = None
        held = contextlib.ExitStack()
        try:
            place = Place(folder, host, port or held.enter_context(_free_port(host)))
            for file, text in files.items():
                (folder / file).write_text(text, encoding="utf-8")
                if file.startswith("key"):
                    (folder / file).chmod(0o600)
            configuration = configure(place)
            path = folder / "labctl.conf"
            path.write_text(configuration, encoding="utf-8")
            with (folder / "log").open("wb") as log:
                process = children.keep(command(path), stdout=log, stderr=log, cwd=str(folder))
            if _listens(process, place, secure):
                return StandingProxy(name, kept, place, configuration, process)
            ended = process.poll() is not None
            said = _log(folder)
        except BaseException:
            if process is not None:
                children.end(process, 0)
            kept.remove()
            raise
        finally:
            held.close()
        children.end(process, 0)
        kept.remove()
        taken = any(word in said for word in _IN_USE)
        if taken and port:
            raise _taken(host, port)
        if not taken:
            break
    raise CannotRun(
        "proxy-not-started",
        f"{name} did not start" if ended else f"{name} does not answer after {_BOOT_S:g} s, and was ended",
        evidence=tuple(("said", line[:300]) for line in _last_lines(said)),
        fixes=("labctl proxy",),
    )


def _listens(process: children.Kept, place: Place, secure: bool) -> bool:
    """Whether it answers now: Apache's first process listens before it knows whether it will serve."""
    deadline = time.monotonic() + _BOOT_S
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe, contextlib.suppress(ConnectionError):
            probe.settimeout(0.1)
            probe.connect((place.host, place.port))
            # Refused by the proxy itself, no app hears of it: what is no request, or what is no TLS.
            probe.sendall(b"GET / HTTP/1.0\r\n\r\n" if secure else b"?\r\n\r\n")
            while process.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(TimeoutError):
                    if probe.recv(1):
                        return True
                    break
        time.sleep(0.005)
    return False


@contextlib.contextmanager
def _free_port(host: str) -> Iterator[int]:
    """A free port; on Linux nobody else is given it until the proxy has it.

    There, sockets with SO_REUSEADDR may be bound to one port as long as none listens, and the proxies set it. Without
    that, somebody else could take the port meanwhile, and would be taken for the proxy as soon as he answers.
    """
    with socket.socket() as holding:
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holding.bind((host, 0))
        port = int(holding.getsockname()[1])
        if not sys.platform.startswith("linux"):
            holding.close()
        yield port


def _expect_free(host: str, port: int) -> None:
    """Raises CannotRun port-in-use at once: nginx tries for seconds."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise _taken(host, port) from error


def _taken(host: str, port: int) -> CannotRun:
    from labctl import ports

    who = ports.holder(port, host, "tcp")
    return CannotRun(
        "port-in-use",
        f"port {port} is already taken",
        evidence=(("tried", f"bind {host}:{port}"), *((("held by", who),) if who else ())),
        fixes=(f"labctl port {port}",),
    )


def _log(folder: Path) -> str:
    found = [folder / name for name in ("log", "error.log")]
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in found if path.exists())


def _last_lines(said: str) -> list[str]:
    lines = list(dict.fromkeys(line.strip() for line in said.splitlines() if line.strip()))
    return lines[-3:] or ["nothing"]
