"""Whether a box can be made, a private network in namespaces of our own: tried in a short-lived child.

The child does what the box does and names the step that failed. facts/packets.md has the table of what stands in
the way where: Ubuntu's AppArmor lets `unshare` succeed and refuses the write to uid_map after it, Docker's seccomp
filter refuses `unshare` itself. Root needs no user namespace, and is tried without one first.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

from labctl.capabilities import container
from labctl.capabilities.found import Capability

NAME = "box"

# A child with one thread: unshare(CLONE_NEWUSER) in a process with several is EINVAL. os.unshare is of Python
# 3.12. The last step asks rtnetlink(7) for a veth pair, which the wire of the box is made of.
_CHILD = """
import ctypes, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
uid, gid = os.geteuid(), os.getegid()
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
def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)
def veth():
    link = attribute(1, b"veth\\0") + attribute(2, attribute(1, bytes(16) + attribute(3, b"labctl1\\0")))
    body = bytes(16) + attribute(3, b"labctl0\\0") + attribute(18, link)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        s.settimeout(5)
        s.send(struct.pack("=IHHII", 16 + len(body), 16, 0x605, 1, 0) + body)
        number = -struct.unpack_from("=i", s.recv(65536), 16)[0]
    if number:
        raise OSError(number, "")
NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
kinds = NEWNET | NEWNS | NEWPID | NEWUTS | NEWIPC
with open("/proc/self/status") as f:
    rights = int(next(line for line in f if line.startswith("CapEff:")).split()[1], 16)
# CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN: root of a container may lack some, and a user namespace gives them.
needed = 1 << 12 | 1 << 13 | 1 << 21
how = "root"
if uid or needed & ~rights or libc.unshare(kinds):
    how = "user"
    step("unshare user, network and mount namespaces", lambda: call(libc.unshare, NEWUSER | kinds))
    step("write /proc/self/setgroups", lambda: write("/proc/self/setgroups", "deny"))
    step("write /proc/self/uid_map", lambda: write("/proc/self/uid_map", f"{uid} {uid} 1"))
    step("write /proc/self/gid_map", lambda: write("/proc/self/gid_map", f"{gid} {gid} 1"))
step("make mounts private", lambda: call(libc.mount, b"none", b"/", None, 0x4000 | 0x40000, None))
step("open a packet socket inside", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close())
step("make a veth pair inside", veth)
print("ok", how, sep="|")
"""


def box() -> Capability:
    """Try it in a child."""
    if not sys.platform.startswith("linux"):
        text = f"A private network cannot be made here: {sys.platform} has no namespaces."
        return Capability(NAME, False, text, "look for namespaces", "only Linux has them")
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
        step, _, rest = done.stdout.strip().rpartition("|")
    except (OSError, subprocess.SubprocessError) as error:
        return Capability(NAME, False, "The probe for namespaces did not run.", "start a child", str(error))
    if step == "ok":
        with_what = "as root" if rest == "root" else "no root needed"
        return Capability(NAME, True, f"A private network with real packets can be made here, {with_what}.")
    return judged(step, int(rest) if rest.isdigit() else 0)


def judged(
    step: str,
    number: int,
    proc: Path = Path("/proc/sys"),
    *,
    in_docker: bool = False,
    runtime: str | None = None,
    filtered: bool | None = None,
) -> Capability:
    """The capability from what the child said: the step it failed at and its errno.

    `proc` is where the kernel's settings are read. `runtime` is the container's, "" outside of one, `filtered`
    whether a seccomp filter is on this process; both are found out when they are not given.
    """
    if runtime is None:
        runtime = "docker" if in_docker else container.runtime()
    if filtered is None:
        filtered = _filtered()
    named = (
        f"{errno.errorcode[number]}: {os.strerror(number)}"
        if number in errno.errorcode
        else "the child said nothing"
    )
    text, fix = _why(step, number, proc, runtime, filtered)
    return Capability(
        NAME, False, f"A private network cannot be made here: {text}.", step or "run the child", named, fix
    )


def _why(step: str, number: int, proc: Path, runtime: str, filtered: bool) -> tuple[str, str]:
    """(what stands in the way, the command that changes it; "" when none of ours would)."""
    if step.startswith("make a veth"):
        return "this kernel has no virtual network cables (veth)", "sudo modprobe veth"
    if step.startswith("unshare") and number == errno.EINVAL:
        return "this kernel was built without some kind of namespace", ""
    for path, bad, change, text in _SETTINGS:
        if _read(proc / path) == bad:
            return text, f"sudo sysctl -w {change}"
    if number in (errno.EPERM, errno.EACCES):
        if runtime:
            text = f"the filters of {runtime} refuse namespaces"
            return text, container.run_with(runtime, container.NAMESPACES)
        if step.startswith("unshare") and filtered:
            return "a seccomp filter on this process refuses namespaces", ""
    return "namespaces are not allowed", ""


_SETTINGS = (
    (
        "kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1",
        "the kernel keeps user namespaces from ordinary users",
    ),
    (
        "user/max_user_namespaces", "0", "user.max_user_namespaces=15000",
        "the kernel's limit of user namespaces is 0",
    ),
    (
        "user/max_net_namespaces", "0", "user.max_net_namespaces=15000",
        "the kernel's limit of network namespaces is 0",
    ),
    (
        "kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0",
        "AppArmor takes all rights away in the namespaces of ordinary users",
    ),
)  # fmt: skip


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text().strip()
    return ""


def _filtered(status: Path = Path("/proc/self/status")) -> bool:
    """`Seccomp: 2`: a filter judges the system calls of this process (proc_pid_status(5))."""
    lines = (line.split() for line in _read(status).splitlines())
    return any(words[:1] == ["Seccomp:"] and words[1:] == ["2"] for words in lines)
