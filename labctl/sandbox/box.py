"""The box from outside: start it, run a lab in it, hear its events. The caller's process enters nothing."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from labctl import children, errors
from labctl.codec import decode
from labctl.events import Event
from labctl.lab import Lab

Line = dict[str, Any]
Save = Callable[[str, bytes], None]

# Wide enough that a lab is not held up in the middle by a reader who takes their time.
_PIPE = 1 << 20
_F_SETPIPE_SZ = 1031
# The first line that comes says where modules are: there, as here.
_BOOT = (
    "import json, os, sys; "
    "sys.path[:] = json.loads(open(int(sys.argv[1]), 'rb', 0, closefd=False).readline()); "
    "from labctl.sandbox.box_child import main; os._exit(main())"
)


class BoxRefused(Exception):
    """There is no box on this machine: the step at which the kernel refused, and its errno."""

    def __init__(self, step: str, number: int) -> None:
        super().__init__(f"{step}: {errno.errorcode.get(number, number)}: {os.strerror(number)}")
        self.step = step
        self.number = number


class BoxMistake(RuntimeError):
    """A mistake of ours happened inside; the message holds the traceback from there."""


class Box:
    """A running box that will do one job. Close it, or use it as a context manager."""

    def __init__(
        self,
        *,
        fault: str = "",
        seed: int = 1,
        timeout: float | None = None,
        distance: bool = True,
        terminal: bool = False,
    ) -> None:
        """Starts it; `wait_until_ready` waits. `terminal`: standard streams are handed through for a command.

        Raises BoxRefused where processes cannot be started.
        """
        come, self._give = os.pipe()
        hear, go = os.pipe()
        with contextlib.suppress(OSError):
            import fcntl

            fcntl.fcntl(go, _F_SETPIPE_SZ, _PIPE)
        self._hear = os.fdopen(hear, "rb")
        program = [sys.executable, "-P", "-c", _BOOT, str(come), str(go)]
        try:
            self._process = children.start(
                program,
                stdin=None if terminal else subprocess.DEVNULL,
                stdout=None if terminal else subprocess.DEVNULL,
                own_group=not terminal,
                pass_fds=(come, go),
            )
        except OSError as error:
            self._hear.close()
            os.close(self._give)
            raise BoxRefused("start a process", error.errno or 0) from error
        finally:
            os.close(come)
            os.close(go)
        self._closed = False
        self._say(sys.path)
        self._say({"fault": fault, "seed": seed, "timeout": timeout, "distance": distance})

    def wait_until_ready(self) -> None:
        """Return when the town is there. Raises BoxRefused with the step that failed."""
        line = self._line()
        self._raise_if_bad(line)
        if "refused" in line:
            self.close()
            raise BoxRefused(line["refused"], line["errno"])

    def run(self, lab: Lab, arguments: Mapping[str, Any], *, save: Save) -> Iterator[Event]:
        """Run the lab inside. Its arguments have been read when this returns; errors of ours are raised.

        `save` writes the files that the lab hands out.
        """
        run = lab.run
        self._say({"run": f"{run.__module__}:{run.__qualname__}", "arguments": dict(arguments)})
        line = self._line()
        self._raise_if_bad(line)
        return self._events(save)

    def command(self, words: Sequence[str]) -> int:
        """Run a program in it (no words: a shell) on this process's terminal. Returns its exit code as a shell's."""
        self._say({"command": list(words)})
        return self._process.wait()

    def _events(self, save: Save) -> Iterator[Event]:
        try:
            while "end" not in (line := self._line()):
                self._raise_if_bad(line)
                if "file" in line:
                    save(line["file"], base64.b64decode(line["base64"]))
                else:
                    yield decode(line)
        finally:
            self.close()

    def _raise_if_bad(self, line: Line) -> None:
        if "error" in line:
            self.close()
            raise _error(line["error"])
        if "mistake" in line:
            self.close()
            raise BoxMistake(f"{line['mistake']}\n\ninside the box:\n{line['trace']}")

    def _say(self, line: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # what became of it, the next line that we read says
            os.write(self._give, json.dumps(line).encode() + b"\n")

    def _line(self) -> Line:
        line = self._hear.readline()
        if not line:
            self.close()
            raise errors.CannotRun(
                "box-ended",
                "the box ended before the lab did",
                evidence=(("its process", f"exit status {self._process.returncode}"),),
                fixes=("labctl doctor",),
            )
        found: Line = json.loads(line)
        return found

    def close(self) -> None:
        """End everything inside and wait for it. Idempotent."""
        if self._closed:
            return
        self._closed = True
        os.close(self._give)
        self._hear.close()
        # Nothing in there needs a last word: the kernel takes namespaces, interfaces and mounts away.
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Box:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def boxed(lab: Lab, box: Box) -> Lab:
    """The same lab, which runs in the box instead of in this process."""

    def run(internet: Any, **arguments: Any) -> Iterator[Event]:
        return box.run(lab, arguments, save=internet.save_file)

    # What a command line is made of stays the original's.
    run.__wrapped__ = lab.run  # type: ignore[attr-defined]
    run.__annotations__ = dict(lab.run.__annotations__)
    return dataclasses.replace(lab, run=run)


def run_in_box(
    lab: Lab,
    arguments: Mapping[str, Any],
    *,
    fault: str = "",
    seed: int = 1,
    save: Save,
    distance: bool = True,
) -> Iterator[Event]:
    """Run one lab in a box of its own. Raises BoxRefused before the first event."""
    box = Box(fault=fault, seed=seed, distance=distance)
    try:
        box.wait_until_ready()
        return box.run(lab, arguments, save=save)
    except BaseException:
        box.close()
        raise


def _error(plain: Line) -> errors.LabctlError:
    kinds = {kind.exit_code: kind for kind in (errors.UsageError, errors.CannotRun, errors.Malformed)}
    return kinds.get(plain["exit_code"], errors.LabctlError)(
        plain["code"],
        plain["headline"],
        evidence=tuple((label, text) for label, text in plain["evidence"]),
        fixes=tuple(plain["fixes"]),
    )
