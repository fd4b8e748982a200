"""Namespaces of our own, with and without root: enter them, make more network namespaces, step into those.

An ordinary user gets a user namespace first, mapped to their own uid (not to root: tcpdump would try to change
user, and a browser would refuse its sandbox), and ambient capabilities, so that unmodified programs keep what
the namespace allows. Root needs none. Linux only; user_namespaces(7), capabilities(7).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import struct
from collections.abc import Callable, Iterator

NEWNS, NEWUSER, NEWPID, NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_MNT_DETACH = 2
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAPABILITY_VERSION_3 = 0x20080522
# CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN: without one of them root too needs a user namespace, which gives them all.
_NEEDED = 1 << 12 | 1 << 13 | 1 << 21
# One spelling with the probe in `capabilities`, so that its advice fits what the box met.
UNSHARE = "unshare user, network and mount namespaces"


class StepFailed(OSError):
    """The kernel refused a step. `step` names it, `errno` and `strerror` are the kernel's."""

    def __init__(self, step: str, number: int) -> None:
        super().__init__(number, os.strerror(number))
        self.step = step

    def __str__(self) -> str:
        return f"{self.step}: {errno.errorcode.get(self.errno or 0, self.errno)}: {self.strerror}"


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Errors of the operating system inside become StepFailed of this name."""
    try:
        yield
    except StepFailed:
        raise
    except OSError as error:
        raise StepFailed(name, error.errno or errno.EIO) from error


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library of this process, with errno kept."""
    return ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> None:
    """Raise OSError when a call of the C library says -1."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def unshare(flags: int) -> None:
    """unshare(2). Raises OSError; with CLONE_NEWUSER, EINVAL in a process that has a second thread."""
    ours: Callable[[int], None] | None = getattr(os, "unshare", None)  # Python 3.12
    if ours is not None:
        ours(flags)
    else:
        checked(libc().unshare(flags))


def setns(namespace: int, kind: int = NEWNET) -> None:
    """setns(2): this thread goes into the namespace of that file descriptor. Raises OSError."""
    ours: Callable[[int, int], None] | None = getattr(os, "setns", None)  # Python 3.12
    if ours is not None:
        ours(namespace, kind)
    else:
        checked(libc().setns(namespace, kind))


def mount(source: str, target: str, kind: str | None = None, flags: int = 0) -> None:
    """mount(2) without data. Raises OSError."""
    kind_ = None if kind is None else kind.encode()
    checked(libc().mount(os.fsencode(source), os.fsencode(target), kind_, ctypes.c_ulong(flags), None))


def umount(target: str) -> None:
    """umount2(2), at once for new lookups; what still uses it goes on. Raises OSError."""
    checked(libc().umount2(os.fsencode(target), _MNT_DETACH))


def enter() -> None:
    """Leave the host: the network, mounts and, for children from now on, process ids are our own.

    Call it in a process with one thread. Mounts are private from then on. Raises StepFailed. `fork` next: only a
    child is inside the new process ids, and when it ends the kernel ends everything that it started.
    """
    kinds = NEWNET | NEWNS | NEWPID
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0 or not _has_all(_NEEDED) or not _unshared(kinds):
        with step(UNSHARE):
            unshare(kinds | NEWUSER)
        with step("write /proc/self/setgroups"):
            _write("/proc/self/setgroups", "deny")
        with step("write /proc/self/uid_map"):
            _write("/proc/self/uid_map", f"{uid} {uid} 1")
        with step("write /proc/self/gid_map"):
            _write("/proc/self/gid_map", f"{gid} {gid} 1")
        with step("raise ambient capabilities"):
            _keep_capabilities()
    with step("make mounts private"):
        mount("none", "/", flags=_MS_REC | _MS_PRIVATE)


def _has_all(wanted: int) -> bool:
    """Whether these capabilities are in effect: root of a container or of a service may have lost some."""
    sets = (ctypes.c_uint32 * 6)()
    checked(libc().capget(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), sets))
    return wanted & ~(sets[0] | sets[3] << 32) == 0


def _unshared(kinds: int) -> bool:
    """Whether it works without a user namespace: for root with the capabilities that the box needs."""
    try:
        unshare(kinds)
    except OSError:
        return False
    return True


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _keep_capabilities() -> None:
    """Make the capabilities survive an exec by a uid that is not 0: inheritable first, then ambient."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    # Two halves of effective, permitted, inheritable.
    sets = (ctypes.c_uint32 * 6)()
    checked(libc().capget(header, sets))
    sets[2], sets[5] = sets[1], sets[4]
    checked(libc().capset(header, sets))
    permitted = sets[1] | sets[4] << 32
    for capability in range(64):
        if permitted >> capability & 1:
            checked(libc().prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def own_network() -> int:
    """A file descriptor of this thread's network namespace; the caller closes it."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def new_network() -> int:
    """A file descriptor of a new, empty network namespace. This thread stays where it is. Raises StepFailed."""
    here = own_network()
    try:
        with step("unshare another network namespace"):
            unshare(NEWNET)
        try:
            return own_network()
        finally:
            setns(here)
    finally:
        os.close(here)


@contextlib.contextmanager
def inside(network: int) -> Iterator[None]:
    """This thread, and threads and processes that it starts, work in that network namespace.

    A socket stays for ever in the namespace in which it was made.
    """
    here = own_network()
    try:
        setns(network)
        try:
            yield
        finally:
            setns(here)
    finally:
        os.close(here)
