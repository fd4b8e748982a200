"""What process 1 of a box does: build it, then run a lab or a command in it, and tell about it line by line."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from labctl.children import end_with
from labctl.codec import encode
from labctl.errors import INTERNAL, LabctlError
from labctl.sandbox import mounts
from labctl.sandbox.box_child import refused_by
from labctl.sandbox.box_internet import BoxInternet, addresses_of
from labctl.sandbox.layout import build
from labctl.sandbox.namespace import StepFailed, setns, step

Line = Mapping[str, Any]
# The town's servers have two hundred, and labs some.
_SOCKETS = 500


def work(come_from: int, go_to: int) -> int:
    """Do the job that comes by one pipe, and tell about it on the other. Returns the exit code."""
    come, go = os.fdopen(come_from, "rb"), os.fdopen(go_to, "wb")
    os.set_inheritable(come_from, False)
    os.set_inheritable(go_to, False)
    # Shorter turns: the wire must not wait for 5 ms behind a lab that computes.
    sys.setswitchinterval(0.0005)
    out = _Lines(go)
    try:
        return _work(come, out)
    except StepFailed as refused:
        refused_by(refused, go_to)
    except BrokenPipeError:
        pass  # nobody listens any more
    except Exception as error:
        import traceback

        out.say({"mistake": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()})
    return INTERNAL


def _work(come: IO[bytes], out: _Lines) -> int:
    line = come.readline()
    if not line:
        return 0
    with contextlib.closing(_build(json.loads(line))) as internet:
        out.say({"box": "ready"})
        line = come.readline()
        if not line:
            return 0
        job = json.loads(line)
        end_with(come)
        if "command" in job:
            from labctl.sandbox.box_command import run_command

            return run_command(job["command"], internet)
        _run_lab(job, internet, out)
    return 0


class Internet(BoxInternet):
    """The box's internet, whose files are written by whoever is outside."""

    out: _Lines

    def save_file(self, path: str, data: bytes) -> None:
        self.out.say({"file": path, "base64": base64.b64encode(data).decode()})


class _Lines:
    """Lines of JSON for whoever is outside; threads may share it."""

    def __init__(self, go: IO[bytes]) -> None:
        self._go = go
        self._lock = threading.Lock()

    def say(self, line: Line) -> None:
        with self._lock:
            self._go.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
            self._go.flush()


def _build(wanted: Line) -> Internet:
    from labctl.sandbox.faults import town_under

    town = town_under(wanted["fault"])
    mounts.fresh_proc()
    layout = build(addresses_of(town))
    mounts.cover_host_files(town.host_files)
    _make_room_for_sockets()
    with step("start the wire and the servers"):
        internet = Internet(
            town, layout, fault=wanted["fault"], seed=wanted["seed"], distance=wanted["distance"]
        )
    internet.timeout = wanted["timeout"]
    # From now on this process is on the client's side.
    setns(layout.client)
    return internet


def _make_room_for_sockets() -> None:
    """Let the kernel's table of descriptors grow now: in a process with threads it takes 10 ms each time."""
    with contextlib.suppress(OSError):
        os.close(fcntl.fcntl(0, fcntl.F_DUPFD, _SOCKETS))


def _run_lab(job: Line, internet: Internet, out: _Lines) -> None:
    internet.out = out
    # The terminal's Ctrl-C is for the process that shows things; it closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        events: Iterator[Any] = iter(_function(job["run"])(internet, **job["arguments"]))
        out.say({"arguments": "read"})
        for event in events:
            out.say(encode(event))
    except LabctlError as error:
        out.say({"error": _plain(error)})
    else:
        out.say({"end": True})


def _function(path: str) -> Callable[..., Any]:
    """`package.module:name` is that function."""
    from importlib import import_module

    module, _, names = path.partition(":")
    found: Any = import_module(module)
    for name in names.split("."):
        found = getattr(found, name)
    return found  # type: ignore[no-any-return]


def _plain(error: LabctlError) -> Line:
    return {
        "exit_code": error.exit_code,
        "code": error.code,
        "headline": error.headline,
        "evidence": error.evidence,
        "fixes": error.fixes,
    }
