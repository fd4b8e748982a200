"""One program of a service: how it is started, what it says, and of what it died."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from labctl import children

What = Literal["worker", "server", "stream"]
Kind = Literal["started", "ready", "died", "restarted"]
_NAMES: Mapping[What, str] = {"worker": "Worker", "server": "The web server", "stream": "The stream server"}
_READ_BYTES = 65536
# Of a process that dies before it is ready: 0.2, 0.4 .. 5 s.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
# Who lived so long was well.
_LONG_S = 10.0


class ServiceEvent(NamedTuple):
    """What happened to one process. `at` is time.time(); `why` says of what it died, "" for the other kinds."""

    at: float
    kind: Kind
    what: What
    name: str
    pid: int
    why: str = ""

    def sentence(self) -> str:
        """One sentence for a person."""
        who = f"{_NAMES[self.what]} {self.name}" if self.what == "worker" else _NAMES[self.what]
        rest = {
            "started": "was started.",
            "ready": "is ready.",
            "died": f"died: {self.why}.",
            "restarted": "was started again.",
        }
        return f"{who} (pid {self.pid}) {rest[self.kind]}"


@dataclass(frozen=True)
class Program:
    """What to run. `tells`: it prints the line "ready" when it is; the others are ready once they run."""

    what: What
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    descriptors: tuple[int, ...] = ()
    tells: bool = True


class Supervised:
    """A program that runs, or will again. `due`: not before then, in time.monotonic(). Not thread safe."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: children.Kept | None = None
        self.output = -1
        self.ready = False
        self.starts = 0
        self.failures = 0
        self.due = 0.0
        self.said = ""
        self._partial = b""
        self._began = 0.0

    @property
    def pid(self) -> int:
        """Of the program itself, not of its keeper; 0 while it does not run."""
        return self.process.program if self.process is not None else 0

    def start(self) -> None:
        """Raises OSError when it cannot be started."""
        program = self.program
        output, theirs = os.pipe()
        os.set_blocking(output, False)
        try:
            self.process = children.keep(
                program.command,
                stdout=theirs,
                stderr=theirs,
                env=program.environment,
                cwd=program.folder,
                pass_fds=program.descriptors,
            )
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(theirs)
        self.output, self._partial, self.said = output, b"", ""
        self.starts, self._began = self.starts + 1, time.monotonic()
        self.ready = not program.tells

    def read(self) -> list[str] | None:
        """The lines that it printed since the last call; None at the end of all that it prints."""
        try:
            data = os.read(self.output, _READ_BYTES)
        except BlockingIOError:
            return []
        *lines, self._partial = (self._partial + data).split(b"\n")
        if not data:
            lines, self._partial = [self._partial], b""
            if not lines[0]:
                return None
        told = []
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            if text == "ready" and self.program.tells:
                self.ready, self.failures = True, 0
            elif text:
                self.said = text
                told.append(text)
        return told

    def close(self) -> None:
        """Read no more."""
        if self.output >= 0:
            os.close(self.output)
            self.output = -1

    def reaped(self, status: int) -> None:
        """It is gone, with this exit status: when it may be started again."""
        self.close()
        self.process = None
        if time.monotonic() - self._began > _LONG_S:
            self.failures = 0
        if self.ready and status <= 0:
            self.due = 0.0
        else:
            self.failures += 1
            pause_s = min(_FIRST_PAUSE_S * 2 ** (self.failures - 1), _LONGEST_PAUSE_S)
            self.due = time.monotonic() + pause_s
        self.ready = False

    def event(self, kind: Kind, pid: int = 0, why: str = "") -> ServiceEvent:
        return ServiceEvent(time.time(), kind, self.program.what, self.program.name, pid or self.pid, why)

    def why(self, status: int) -> str:
        """Of what it died, as the end of a sentence."""
        if status < 0:
            with contextlib.suppress(ValueError):
                return f"it was ended by {signal.Signals(-status).name}"
            return f"it was ended by signal {-status}"
        said = f" after it had said: {self.said[:200].rstrip('.')}" if self.said else ""
        return f"it ended with status {status}{said}"
