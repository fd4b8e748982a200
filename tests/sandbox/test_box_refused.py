"""A machine that allows no namespaces: the step and its errno come out, and nothing else happens."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="boxes are made of Linux's namespaces"
)

_UNSHARE = {"x86_64": 272, "aarch64": 97}.get(platform.machine())
# Docker's way: a seccomp filter under which one system call fails with EPERM. It holds for the process and all
# that it starts, so a child installs it.
_FILTERED = """
import ctypes, json, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000
program = b"".join(struct.pack("=HBBI", *i) for i in (
    (LOAD, 0, 0, 0),
    (JUMP_IF_EQUAL, 0, 1, int(sys.argv[1])),
    (RETURN, 0, 0, FAIL | int(sys.argv[2])),
    (RETURN, 0, 0, ALLOW),
))
code = ctypes.create_string_buffer(program)
prog = ctypes.create_string_buffer(struct.pack("@HP", 4, ctypes.addressof(code)))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, prog) == 0
"""
_TRY = """
from labctl.sandbox.box import Box, BoxRefused
try:
    with Box() as box:
        box.wait_until_ready()
    print(json.dumps(["ready", 0]))
except BoxRefused as refused:
    print(json.dumps([refused.step, refused.number]))
"""


def filtered(
    program: str, number: int, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _FILTERED + program, str(_UNSHARE), str(number), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )


@pytest.mark.skipif(_UNSHARE is None, reason="the number of unshare(2) is not known for this machine")
@pytest.mark.parametrize("number", [1, 28])  # EPERM: a filter or AppArmor; ENOSPC: max_user_namespaces
def test_the_step_that_the_kernel_refuses_is_named_with_its_errno(number: int) -> None:
    done = filtered(_TRY, number)
    assert done.stderr == ""
    assert json.loads(done.stdout) == ["unshare user, network and mount namespaces", number]


@pytest.mark.skipif(_UNSHARE is None, reason="the number of unshare(2) is not known for this machine")
def test_the_shell_says_which_step_failed_and_how_and_exits_with_3() -> None:
    run = (
        "from labctl.cli import run\n"
        "from labctl.cli.failures import report\n"
        "try:\n    sys.exit(run(['shell', '--', 'true']))\n"
        "except Exception as error:\n    sys.exit(report(error, []))\n"
    )
    done = filtered(run, 1, env={"COLUMNS": "120"})
    assert done.returncode == 3
    assert "error[no-box]" in done.stderr
    assert "unshare user, network and mount namespaces" in done.stderr
    assert "EPERM" in done.stderr


def test_forced_away_there_is_no_box() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "labctl", "shell", "--", "true"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LABCTL_CAPABILITY_USER_NAMESPACES": "no"},
    )
    assert done.returncode == 3
    assert "LABCTL_CAPABILITY_USER_NAMESPACES" in done.stderr


@pytest.mark.parametrize("name", ["BOX", "USER_NAMESPACES"])
def test_forced_away_for_the_labs_too(name: str) -> None:
    def tcp(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "labctl", "tcp", "--plain", *words],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, f"LABCTL_CAPABILITY_{name}": "no", **more},
        )

    done = tcp()
    assert done.returncode == 0
    assert "No private network here" in done.stdout
    assert f"LABCTL_CAPABILITY_{name}" in done.stdout
    required = tcp("--require", "captured", LABCTL_CAPABILITY_RAW_CAPTURE="no")
    assert required.returncode == 3
    assert "captured-required" in required.stderr


@pytest.mark.usefixtures("needs_box")
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("setpriv"),
    reason="only root has capabilities to lose",
)
@pytest.mark.parametrize("lost", ["net_raw", "net_admin", "sys_admin"])
def test_root_that_has_lost_a_capability_gets_a_box_in_a_user_namespace(lost: str) -> None:
    program = (
        "from labctl import capabilities\n"
        "from labctl.sandbox.box import Box\n"
        "with Box() as box:\n    box.wait_until_ready()\n"
        "print(capabilities.probe('box').have)"
    )
    without = [f"--bounding-set=-{lost}", f"--inh-caps=-{lost}"]
    done = subprocess.run(
        ["setpriv", *without, sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
