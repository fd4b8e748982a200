"""What the options of `labctl jobs serve` and `work` mean: a folder, an engine, limits, a place to listen."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from pathlib import Path

from labctl.errors import UsageError


def folder_of(given: Path | None) -> Path:
    """Where a service keeps what it has: what was said, or a folder of the user's."""
    from labctl.directories import directory

    return (given.expanduser() if given is not None else directory("data") / "jobs").absolute()


def place_of(listen: str, host_names: Sequence[str]) -> tuple[str, int]:
    """The address and port of `--listen`. Raises UsageError bind-invalid, host-name-needed."""
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535 or address is None:
        raise UsageError(
            "bind-invalid",
            f"{listen!r} is no place to listen",
            evidence=(("wanted", "IP:PORT, such as 127.0.0.1:8000 or [::1]:8000"),),
            fixes=("labctl jobs serve --listen 127.0.0.1:8000",),
        )
    if not address.is_loopback and not host_names:
        raise UsageError(
            "host-name-needed",
            f"on {listen} other machines reach the service, and by which name is not known",
            evidence=(("needed by", "the check of Host, which keeps other sites' names away"),),
            fixes=(f"labctl jobs serve --listen {listen} --host-name {socket.gethostname()}",),
        )
    return str(address), int(port)


def jobs_file_of(given: Path | None) -> str:
    """The absolute path of `--jobs`. Raises UsageError jobs-file-missing."""
    if given is None:
        return ""
    path = given.expanduser().absolute()
    if not path.is_file():
        raise UsageError(
            "jobs-file-missing",
            f"--jobs {given}: there is no such file",
            evidence=(("tried", str(path)),),
        )
    return str(path)


def engine_words(database: str) -> str:
    """What keeps the jobs, for a person; no password."""
    if database.startswith("sqlite:"):
        return f"SQLite, {database.removeprefix('sqlite:///')}"
    from urllib.parse import urlsplit

    parts = urlsplit(database)
    where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    return f"PostgreSQL, {where}{parts.path}"


def machine_name(given: str) -> str:
    """What the ids of this machine's workers begin with. Raises UsageError name-invalid."""
    name = given or socket.gethostname()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
        raise UsageError(
            "name-invalid",
            f"{name!r} cannot begin the ids of workers",
            evidence=(("wanted", "letters, digits, dots and hyphens, 63 at most"),),
            fixes=("the same command with --name m1",),
        )
    return name


def worker_names(machine: str, workers: int) -> tuple[str, ...]:
    """`w1, w2 ..`, with the machine's name before them when there may be others."""
    return tuple(f"{machine}-w{n + 1}" if machine else f"w{n + 1}" for n in range(workers))
