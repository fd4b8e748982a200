"""hosts, nsswitch.conf, resolv.conf and the configured resolvers of the machine that this runs on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from labctl.internet import Endpoint, HostFiles
from labctl.protocols import host_files as parse

# A hosts file used as a block list can hold a hundred thousand lines; more than this is not read.
_LARGEST = 16 * 1024 * 1024


def read_host_files(root: Path = Path("/")) -> HostFiles:
    """The texts of the three files, "" where there is none or it may not be read. `root` is for tests."""
    if sys.platform == "win32":
        windows = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"))
        return HostFiles(hosts=_text(windows / "System32" / "drivers" / "etc" / "hosts"), platform="win32")
    etc = root / "etc"
    return HostFiles(
        hosts=_text(etc / "hosts"),
        nsswitch=_text(etc / "nsswitch.conf"),
        resolv_conf=_text(etc / "resolv.conf"),
        platform=sys.platform,
    )


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""


def configured_resolvers(files: HostFiles) -> tuple[tuple[Endpoint, ...], str]:
    """The resolvers in order, and the sentence of where they were read.

    On macOS the system's own list (`scutil --dns`) counts, and resolv.conf is a copy for old programs.
    Windows keeps them per network card in its registry, which is not read.
    """
    if files.platform == "win32":
        return (), "The resolvers of Windows are not read; name one with --server."
    if files.platform == "darwin" and (found := parse.parse_scutil(_scutil())):
        return tuple(map(Endpoint, found)), f"scutil --dns names {', '.join(found)}."
    conf = parse.parse_resolv_conf(files.resolv_conf)
    return tuple(map(Endpoint, conf.nameservers)), conf.text


def _scutil() -> str:
    import subprocess

    try:
        done = subprocess.run(
            ["/usr/sbin/scutil", "--dns"],
            capture_output=True,
            timeout=2,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace")
