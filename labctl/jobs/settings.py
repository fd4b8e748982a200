"""What all processes of one jobs service share; it travels as JSON in the environment."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from labctl.errors import UsageError

VARIABLE = "LABCTL_JOBS"


@dataclass(frozen=True)
class Settings:
    """One service. `database` is `sqlite:////abs/path/jobs.db` or `postgresql://user:pw@host:port/name`; `folder` an
    absolute path (locks, doorbells, tokens, the effects ledger), made for us alone.

    `cap`: jobs queued and running in all; `per_user`: active jobs of one user; `running_per_user`: of those, running;
    `slots`: jobs at once in a worker. `threads` and `streams`: of a web process, and how many of the threads streams
    may hold. `max_attempts`: how often a job may be begun in all. `hosts`: accepted Host values. `jobs_file`: a Python
    file with jobs of the user's own, or "". Names end in their units.
    """

    database: str
    folder: str
    cap: int = 50
    per_user: int = 10
    running_per_user: int = 2
    slots: int = 4
    retention_s: float = 86400.0
    sweep_s: float = 30.0
    retry_ms: int = 1500
    heartbeat_s: float = 10.0
    threads: int = 32
    streams: int = 24
    streams_per_user: int = 6
    max_attempts: int = 5
    takeover_s: float = 0.5
    poll_s: float = 0.05
    stream_url: str = ""
    hosts: tuple[str, ...] = ()
    jobs_file: str = ""
    faults: frozenset[str] = frozenset()

    @property
    def embedded(self) -> bool:
        """The database is a file of this machine, SQLite."""
        return self.database.startswith("sqlite:")

    @property
    def path(self) -> Path:
        """Where the SQLite file is. Only when `embedded`."""
        return Path(self.database.removeprefix("sqlite:///"))

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "faults": sorted(self.faults)})

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Raises ValueError, TypeError, KeyError for what `to_json` did not write."""
        given = json.loads(text)
        return cls(**{**given, "faults": frozenset(given["faults"]), "hosts": tuple(given["hosts"])})

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings that a service hands to its processes. Raises KeyError outside of one."""
        return cls.from_json((os.environ if environment is None else environment)[VARIABLE])


def read_engine(text: str, folder: Path) -> str:
    """The database URL of an `--engine`: `sqlite` (a file in `folder`), `sqlite:///PATH`, `postgres://...`.

    Raises UsageError engine-invalid.
    """
    if text == "sqlite":
        return f"sqlite:///{folder.absolute() / 'jobs.db'}"
    if found := re.fullmatch(r"sqlite:///(.+)", text):
        return f"sqlite:///{Path(found[1]).expanduser().absolute()}"
    if re.match(r"postgres(ql)?://", text):
        return _postgres(text)
    raise _invalid(text, "that is no engine")


def _postgres(text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as problem:
        raise _invalid(without_password(text), str(problem)) from None
    if not parts.hostname or not parts.path.strip("/"):
        raise _invalid(without_password(text), "a host and the name of a database are needed")
    return "postgresql" + text[text.index("://") :]


def without_password(text: str) -> str:
    """A database URL that may be shown. (labctl.play has one for whole command lines, in a layer above.)"""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:...@", text)


def _invalid(text: str, why: str) -> UsageError:
    return UsageError(
        "engine-invalid",
        f"{text!r} does not name an engine: {why}",
        evidence=(("wanted", "sqlite, sqlite:///PATH, or postgres://USER:PASSWORD@HOST:PORT/NAME"),),
    )
