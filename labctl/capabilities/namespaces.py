"""Whether we may make namespaces of our own: tried in a short-lived child, which names the step that failed.

facts/packets.md has the table of what stands in the way where: Ubuntu's AppArmor lets `unshare` succeed and
refuses the write to uid_map after it, Docker's seccomp filter refuses `unshare` itself.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from labctl.capabilities.found import Capability

NAME = "user-namespaces"

# A child with one thread: unshare(CLONE_NEWUSER) in a process with several is EINVAL. os.unshare is of Python
# 3.12.
_CHILD = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
uid, gid = os.getuid(), os.getgid()
def step(name, act):
    try:
        act()
    except OSError as e:
        print(name, e.errno, sep="|")
        sys.exit()
def call(function, *arguments):
    if function(*arguments):
        raise OSError(ctypes.get_errno(), "")
def write(path, text):
    with open(path, "w") as f:
        f.write(text)
NEWNS, NEWUSER, NEWNET = 0x20000, 0x10000000, 0x40000000
step("unshare user, network and mount namespaces", lambda: call(libc.unshare, NEWUSER | NEWNET | NEWNS))
step("write /proc/self/setgroups", lambda: write("/proc/self/setgroups", "deny"))
step("write /proc/self/uid_map", lambda: write("/proc/self/uid_map", f"0 {uid} 1"))
step("write /proc/self/gid_map", lambda: write("/proc/self/gid_map", f"0 {gid} 1"))
step("make mounts private", lambda: call(libc.mount, b"none", b"/", None, 0x4000 | 0x40000, None))
step("open a packet socket inside", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close())
print("ok|0")
"""


def user_namespaces(proc: Path = Path("/proc/sys")) -> Capability:
    """Try it in a child. `proc` is where the kernel's settings are read, for the fix; tests give another."""
    if not sys.platform.startswith("linux"):
        return Capability(
            NAME, False, f"{sys.platform} has no namespaces.", "look for namespaces", "only Linux has them"
        )
    import subprocess

    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter, our own program
            [sys.executable, "-I", "-S", "-c", _CHILD],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        step, _, number = done.stdout.strip().rpartition("|")
    except (OSError, subprocess.SubprocessError) as error:
        return Capability(NAME, False, "The probe for namespaces did not run.", "start a child", str(error))
    return judged(step, int(number) if number.isdigit() else 0, proc, in_docker=Path("/.dockerenv").exists())


def judged(step: str, number: int, proc: Path, *, in_docker: bool = False) -> Capability:
    """The capability from what the child said: the step it failed at and its errno."""
    if step == "ok":
        return Capability(NAME, True, "A private network with its own addresses can be made here.")
    named = (
        f"{errno.errorcode[number]}: {os.strerror(number)}"
        if number in errno.errorcode
        else "the child said nothing"
    )
    text = "A private network cannot be made here: namespaces are not allowed."
    if step.startswith("unshare") and number == errno.EPERM and in_docker:
        text += " Docker's filter can be lifted with --security-opt seccomp=unconfined."
    return Capability(NAME, False, text, step or "run the child", named, _fix(proc))


def _fix(proc: Path) -> str:
    """The kernel setting that stands in the way, as the command that changes it; "" when none of ours
    explains it.
    """
    settings = (
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    )
    for path, bad, change in settings:
        try:
            value = proc.joinpath(path).read_text().strip()
        except OSError:
            continue
        if value == bad:
            return f"sudo sysctl -w {change}"
    return ""
