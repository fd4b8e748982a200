"""Files of the host that the box sees differently: bound over in our mount namespace, never changed.

The new files live on a tmpfs that nobody can reach by a path afterwards. Where a file is not there, or is a link
that leads nowhere, its directory is covered by a copy made of bind mounts, to which the file is added.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Mapping, Sequence

from labctl.internet import HostFiles
from labctl.sandbox.namespace import mount, step, umount

_BIND, _REC = 0x1000, 0x4000
# Where daemons of the host listen that look names up for whoever asks: glibc asks nscd before it reads
# nsswitch.conf, resolvectl asks systemd-resolved over D-Bus. Other sockets with a path stay: the display, the sound,
# the agents of ssh and gpg belong to the user whose programs run here unmodified, and none of them resolves names.
# Sockets without a path (abstract ones) are the network namespace's own.
_RESOLVER_SOCKETS = (
    "/run/nscd",
    "/run/systemd/resolve",
    "/run/avahi-daemon",
    "/run/dbus",
    "/run/nslcd",
    "/run/lwresd",
    "/run/samba/winbindd",
    "/var/lib/sss/pipes",
    "/var/lib/sss/mc",
    *(f"/var/run/{name}" for name in ("nscd", "avahi-daemon", "dbus", "nslcd", "lwresd")),
)
_SCRATCH = ("/mnt", "/srv", "/media", "/opt", "/var/tmp", "/tmp", "/dev/shm", "/boot")  # noqa: S108
# Where systems keep the certificates that programs trust.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)


def cover_host_files(files: HostFiles) -> None:
    """Names are looked up as the town's files say, and no daemon of the host is asked. Raises StepFailed."""
    with step("hide the host's resolver daemons"):
        # /var/run is a link to /run, as a rule.
        for directory in dict.fromkeys(map(os.path.realpath, _RESOLVER_SOCKETS)):
            if os.path.isdir(directory):
                mount("none", directory, "tmpfs")
    with step("bind the town's files over the host's"):
        cover(
            {
                "/etc/resolv.conf": files.resolv_conf.encode(),
                "/etc/nsswitch.conf": files.nsswitch.encode(),
                "/etc/hosts": files.hosts.encode(),
            }
        )


def trust(pem: str) -> tuple[str, ...]:
    """Programs trust this certificate authority, and no other: the world's have nothing to say in here.

    Returns the bundles that were covered. Raises StepFailed.
    """
    bundles = tuple(bundle for bundle in BUNDLES if os.path.isfile(bundle)) or BUNDLES[:1]
    with step("bind the certificate bundle over the host's"):
        cover(dict.fromkeys(bundles, pem.encode()))
    return bundles


def fresh_proc() -> bool:
    """Mount a /proc of our own process ids. False where that is not allowed: the host's stays then."""
    try:
        mount("proc", "/proc", "proc")
    except OSError:
        return False
    return True


def cover(contents: Mapping[str, bytes]) -> None:
    """These paths hold these bytes, for whoever is in this mount namespace. Raises OSError."""
    targets = {os.path.realpath(path): content for path, content in contents.items()}
    # A directory that is there and leads to none of them, nor to what this program is loaded from: another thread
    # may be importing. It is covered only while the files are made.
    needed = [*targets, *map(os.path.realpath, (*sys.path, sys.prefix, sys.base_prefix, os.getcwd()))]
    scratch = _scratch(needed)
    mount("none", scratch, "tmpfs")
    try:
        for number, (target, content) in enumerate(targets.items()):
            source = f"{scratch}/{number}"
            with open(source, "wb") as file:
                file.write(content)
            os.chmod(source, 0o644)
            if not os.path.isfile(target):
                _make_room(target)
            mount(source, target, flags=_BIND)
    finally:
        umount(scratch)


def _scratch(needed: Sequence[str]) -> str:
    """The first directory for making files that none of these paths leads through. Raises OSError."""
    for place in _SCRATCH:
        real = os.path.realpath(place)
        if os.path.isdir(real) and not any(f"{path}/".startswith(f"{real}/") for path in needed):
            return real
    raise OSError(errno.ENOENT, "no directory that could be covered for a moment", " ".join(_SCRATCH))


def _make_room(target: str) -> None:
    """An empty file at `target`, on a copy of the nearest directory that is there."""
    directory = os.path.dirname(target)
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    _mirror(directory)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb"):
        pass


def _mirror(directory: str) -> None:
    """Cover a directory with a tmpfs on which everything that was in it is bound."""
    with os.scandir(directory) as listing:
        entries = [(e.name, e.is_symlink(), e.is_dir(follow_symlinks=False)) for e in listing]
    # The old directory stays reachable through its descriptor.
    old = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        mount("none", directory, "tmpfs")
        os.chmod(directory, os.fstat(old).st_mode & 0o7777)
        for name, is_link, is_directory in entries:
            here, there = f"{directory}/{name}", f"/proc/self/fd/{old}/{name}"
            if is_link:
                os.symlink(os.readlink(there), here)
                continue
            if is_directory:
                os.mkdir(here)
            else:
                with open(here, "wb"):
                    pass
            with contextlib.suppress(OSError):  # what we may not even name is not missed
                mount(there, here, flags=_BIND | _REC)
    finally:
        os.close(old)
