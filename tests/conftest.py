"""What tests of several folders need: sandboxes without a trace, and a box or a good reason to skip."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from labctl.sandbox.loopback import LoopbackInternet

# How wide the terminal is that the tests were started from must not matter (readline sets these under pytest-xdist).
for _name in ("COLUMNS", "LINES"):
    os.environ.pop(_name, None)
# A shell that starts something in the background has it ignore Ctrl-C, and all of its children, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes `-n auto` is: one more than there are processors, since most tests wait for somebody."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ours + 1


@pytest.fixture(scope="session")
def _box_refused() -> str:
    """Why this machine has no box; "" when it has."""
    from labctl.sandbox.box import Box, BoxRefused

    if not sys.platform.startswith("linux"):
        return "boxes are made of Linux's namespaces"
    try:
        with Box() as box:
            box.wait_until_ready()
    except BoxRefused as refused:
        return str(refused)
    return ""


@pytest.fixture
def needs_box(_box_refused: str) -> None:
    """Skips where namespaces are refused, with the step and the errno; LABCTL_REQUIRE_BOX=1 makes it a failure."""
    if not _box_refused:
        return
    if os.environ.get("LABCTL_REQUIRE_BOX") == "1":
        pytest.fail(f"no box here: {_box_refused}")
    pytest.skip(f"no box here: {_box_refused}")


NOBODY = 65534


@pytest.fixture(scope="session")
def python_for_everybody() -> str:
    """A Python that the user nobody can start, with our modules; needs root, who can become nobody."""
    import subprocess

    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return sys.executable
    for python in (sys.executable, "/usr/bin/python3"):
        if not os.path.exists(python):
            continue
        tried = (
            subprocess.run(
                [python, "-c", "import sys, labctl.sandbox.box; assert sys.version_info >= (3, 11)"],
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                env={"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "PYTHONDONTWRITEBYTECODE": "1"},
                cwd="/",
                capture_output=True,
                check=False,
            )
            if _may_be_started(python)
            else None
        )
        if tried is not None and tried.returncode == 0:
            return python
    reason = f"an ordinary user cannot start a Python with our modules: {Path(sys.executable).resolve()}"
    if os.environ.get("LABCTL_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def _may_be_started(python: str) -> bool:
    """Whether every directory on the way to it is open to everybody."""
    return all(folder.stat().st_mode & 0o001 for folder in Path(python).resolve().parents)


@pytest.fixture
def opened() -> Iterator[Callable[..., LoopbackInternet]]:
    """Opens sandboxes without latency; at the end they are closed, nothing crashed and no thread is left."""
    from labctl.sandbox.faults import town_under
    from labctl.sandbox.loopback import LoopbackInternet

    before = set(threading.enumerate())
    made: list[LoopbackInternet] = []

    def open_(fault: str = "", *, latency: bool = False) -> LoopbackInternet:
        made.append(LoopbackInternet(town_under(fault), fault=fault, latency=latency))
        return made[-1]

    yield open_
    crashes = [crash for internet in made for crash in internet.crashes]
    for internet in made:
        internet.close()
    assert not crashes
    assert set(threading.enumerate()) <= before


@pytest.fixture(scope="module")
def standing() -> Iterator[LoopbackInternet]:
    """One healthy sandbox without latency for all tests of a file; in the end nothing crashed and no thread is left."""
    from labctl.sandbox.faults import town_under
    from labctl.sandbox.loopback import LoopbackInternet

    before = set(threading.enumerate())
    internet = LoopbackInternet(town_under(""), latency=False)
    yield internet
    crashes = internet.crashes
    internet.close()
    assert not crashes
    assert set(threading.enumerate()) <= before
