"""Processes that cannot outlive us, also when we are ended by `kill -9`.

`start` makes a child in a process group of its own, and the kernel kills it when the thread that started it ends
(Linux): start long-lived ones from the main thread. A child of ours on any system calls `end_with(pipe)`: when the
other end of the pipe is gone, so is the child. `keep` is for programs that fork, such as gunicorn, nginx and an
application that nobody knows: none of their processes outlives us either.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_PR_SET_PDEATHSIG = 1
_KEEPERS_PATIENCE = 5.0
_LINUX = sys.platform.startswith("linux")


@functools.cache
def _prctl() -> Any:
    return ctypes.CDLL(None, use_errno=True).prctl


def die_with_parent(parent: int | None = None) -> None:
    """Ask the kernel to kill this process when the thread that started it ends (prctl(2)); Linux, else nothing.

    `parent` is who should be our parent: when it is already gone, this process ends here. A change of
    credentials, such as entering a user namespace, makes the kernel forget: ask again afterwards.
    """
    if not _LINUX:
        return
    _prctl()(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def end_with(pipe: IO[bytes]) -> threading.Thread:
    """End this process, at once and without clean-up, when `pipe` comes to its end. Anything read is ignored."""

    def watch() -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(pipe.fileno(), 4096):
                pass
        os._exit(1)

    # A daemon thread: it waits for something that may never come, and holds nothing.
    thread = threading.Thread(target=watch, name="end with parent", daemon=True)
    thread.start()
    return thread


def start(
    arguments: Sequence[str],
    *,
    stdin: int | IO[Any] | None = subprocess.DEVNULL,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    own_group: bool = True,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program that dies with us. Raises OSError when it cannot be started.

    `own_group` False leaves it in our process group, so that Ctrl-C reaches it too.
    """
    if _LINUX:
        _prctl()  # looked up here: between fork and exec there must be nothing to import
        parent: int | None = os.getpid()
    else:
        parent = None
    return subprocess.Popen(  # noqa: S603  # whoever calls us chose the program
        list(arguments),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=None if env is None else dict(env),
        cwd=cwd,
        pass_fds=tuple(pass_fds),
        process_group=0 if own_group else None,
        # Only a system call happens between fork and exec, so other threads' locks do not matter.
        preexec_fn=functools.partial(die_with_parent, parent) if _LINUX else None,
    )


class Kept(subprocess.Popen[bytes]):
    """A program under a keeper. `pid` is the keeper's and `program` the program's; the exit status is the program's.

    When it has been waited for, no process is left of all that the program ever started (Linux; elsewhere: of its
    process group).
    """

    program: int = 0
    life: IO[bytes] | None = None

    def let_go(self) -> None:
        """Close the pipe that keeps the program alive. The keeper kills all, at once."""
        if self.life is not None:
            with contextlib.suppress(OSError):
                self.life.close()


def keep(
    arguments: Sequence[str],
    *,
    stdin: int | IO[Any] | None = subprocess.DEVNULL,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    pass_fds: Sequence[int] = (),
) -> Kept:
    """Start a program that dies with us, with all that it forks, from any thread. Raises OSError like `start`.

    It leads a process group of its own. `end` works for it: SIGTERM to the program alone, then SIGKILL to everything.
    A process that a keeper cannot reach is one that its own user may not signal. It costs about 15 ms.
    """
    environment = None if env is None else dict(env)
    if os.name != "posix":
        plain = Kept(list(arguments), stdin=stdin, stdout=stdout, stderr=stderr, env=environment, cwd=cwd)
        plain.program = plain.pid
        return plain
    # The interpreter behind the virtual environment's link: see keeper.py about names.
    python = getattr(sys, "_base_executable", "")
    if not os.access(python, os.X_OK):
        python = sys.executable
    life, ours = os.pipe()
    told, status = os.pipe()
    try:
        process = Kept(
            [python, "-I", "-S", "-c", _keeper(), str(life), str(status), *map(str, pass_fds)],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=cwd,
            pass_fds=(life, status, *pass_fds),
            process_group=0,
        )
    except BaseException:
        os.close(ours)
        os.close(told)
        raise
    finally:
        os.close(life)
        os.close(status)
    process.life = os.fdopen(ours, "wb", buffering=0)
    try:
        with os.fdopen(told, "rb") as answers:
            process.life.write(b"".join(os.fsencode(w) + b"\0" for w in (str(len(arguments)), *arguments)))
            kind, _, number = answers.readline().decode().strip().partition(" ")
    except BaseException:
        end(process, 0)
        raise
    if kind != "pid":
        end(process, 0)
        problem = int(number) if number.isdigit() else errno.ECHILD
        raise OSError(problem, os.strerror(problem), arguments[0])
    process.program = int(number)
    return process


@functools.cache
def _keeper() -> str:
    """The keeper's source, without its documentation: `ps` shows it."""
    source = Path(__file__).with_name("keeper.py").read_text(encoding="utf-8")
    return "".join(source.partition("from __future__")[1:])


def end(process: subprocess.Popen[bytes], patience: float = 2.0) -> int:
    """Close its pipes, ask its group to end, kill it after `patience` seconds. Returns its exit status.

    Of a kept program only the first process is asked; `patience` 0 kills at once. When this returns, all are gone.
    """
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    if isinstance(process, Kept):
        return _end_kept(process, patience)
    for number in (signal.SIGTERM, signal.SIGKILL):
        _signal(process, number)
        try:
            return process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    return process.wait()


def _end_kept(process: Kept, patience: float) -> int:
    if patience > 0 and process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    process.let_go()
    try:
        return process.wait(_KEEPERS_PATIENCE)
    except subprocess.TimeoutExpired:
        # It is stopped or stuck: what is left to do without it.
        for group in (process.program, process.pid):
            if group:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)
        return process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To the whole group when it leads one, to the process alone otherwise."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
