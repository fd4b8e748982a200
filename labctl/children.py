"""Processes that cannot outlive us, also when we are ended by `kill -9`.

`start` makes a child in a process group of its own, and the kernel kills it when the thread that started it ends
(Linux): start long-lived ones from the main thread. A child of ours on any system calls `end_with(pipe)`: when the
other end of the pipe is gone, so is the child.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

_PR_SET_PDEATHSIG = 1
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


def end(process: subprocess.Popen[bytes], patience: float = 2.0) -> int:
    """Close its pipes, ask its group to end, kill it after `patience` seconds. Returns its exit status."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        _signal(process, number)
        try:
            return process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
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
