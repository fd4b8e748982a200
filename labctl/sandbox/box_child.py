"""The process inside, which `box.Box` starts: it enters the box, builds it, and does one job in it.

Lines of JSON on two pipes, whose file descriptors are the arguments. In comes first what box it shall be, then the
job; when that pipe comes to its end, everything ends. Out goes `{"box": "ready"}`, or `{"refused": STEP, "errno": N}`,
then events, files, an error, the end.

Three kinds of processes: this one, which leaves the host and waits; its child, which is process 1 of the box and has
the wire, the servers and the lab; and what that one starts. When one of the first two dies, the kernel ends all.
"""

from __future__ import annotations

import contextlib
import os
import sys

from labctl.children import die_with_parent
from labctl.sandbox.namespace import StepFailed, enter, step


def main() -> int:
    """Returns the exit code of the job: 0, or a command's own."""
    come, go = (int(argument) for argument in sys.argv[1:3])
    parent = os.getppid()
    die_with_parent(parent)
    try:
        enter()
        # Entering changes credentials, and with them the kernel forgets who we wanted to die with.
        die_with_parent(parent)
        with step("fork into the new process ids"):
            child = os.fork()
    except StepFailed as refused:
        refused_by(refused, go)
        return 0
    if child:
        return _wait_for(child, come, go)
    die_with_parent()
    from labctl.sandbox.box_job import work

    # The caller ends the process at once: threads of a lab that did not end must not keep the box open.
    return work(come, go)


def refused_by(refused: StepFailed, go: int) -> None:
    """Tell outside at which step the kernel refused."""
    import json

    line = {"refused": refused.step, "errno": refused.errno}
    with contextlib.suppress(OSError):
        os.write(go, json.dumps(line).encode() + b"\n")


def _wait_for(child: int, *pipes: int) -> int:
    """Wait without holding the pipes, which end when the child does. Signals of the terminal are for the child."""
    import signal

    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    for pipe in pipes:
        os.close(pipe)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
