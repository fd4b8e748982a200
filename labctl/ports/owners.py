"""Whose a socket is: the processes that hold it, found by inode in /proc/*/fd, as far as this user may look."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_INTERPRETERS = ("python", "node", "ruby", "perl", "php", "bash", "sh", "deno", "bun")


@dataclass(frozen=True)
class Process:
    """A process that holds a socket. `age` is in seconds since its start, None when unknown."""

    pid: int
    command: str
    uid: int
    user: str
    mine: bool
    age: float | None


def processes_of(inodes: Iterable[int], proc: Path = Path("/proc")) -> dict[int, list[Process]]:
    """Inode to the processes that hold it, in order of pid. What may not be read is left out."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes if inode}
    found: dict[int, list[Process]] = {}
    if not wanted:
        return found
    try:
        pids = sorted(int(name) for name in os.listdir(proc) if name.isdigit())
    except OSError:
        return found
    for pid in pids:
        held = _sockets_of(proc / str(pid) / "fd", wanted)
        if held and (process := _process(pid, proc)) is not None:
            for inode in held:
                found.setdefault(inode, []).append(process)
    return found


def _sockets_of(folder: Path, wanted: dict[str, int]) -> set[int]:
    held = set()
    try:
        with os.scandir(folder) as listing:
            for entry in listing:
                with suppress(OSError):  # closed meanwhile
                    inode = wanted.get(os.readlink(entry.path))
                    if inode is not None:
                        held.add(inode)
    except OSError:
        pass  # another user's, or gone
    return held


def _process(pid: int, proc: Path) -> Process | None:
    folder = proc / str(pid)
    try:
        uid = folder.stat().st_uid
        words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None  # it has just ended
    # The command stands in parentheses and may hold some itself (proc_pid_stat(5)).
    name, _, rest = stat.partition("(")[2].rpartition(")")
    with suppress(OSError, ValueError, IndexError):
        uptime = float((proc / "uptime").read_text().split()[0])
        age = max(0.0, uptime - int(rest.split()[19]) / os.sysconf("SC_CLK_TCK"))
        return Process(pid, command_of(words, name), uid, user_of(uid), uid == os.geteuid(), age)
    return Process(pid, command_of(words, name), uid, user_of(uid), uid == os.geteuid(), None)


def command_of(words: Sequence[str], name: str = "") -> str:
    """A command line as a person would type it: `flask run`, not `/usr/bin/python3 /usr/bin/flask run`."""
    kept = list(words)
    while kept and not kept[-1].strip():
        kept.pop()
    if not kept:
        return name
    # Some programs write a title into the place of their arguments, all in one piece: that stays whole.
    first = kept[0] if " " in kept[0] else kept[0].rpartition("/")[2]
    if len(kept) > 1 and first.rstrip("0123456789.") in _INTERPRETERS and kept[1][:1] not in ("-", ""):
        kept = [kept[1].rpartition("/")[2], *kept[2:]]
    else:
        kept[0] = first
    return " ".join(" ".join(kept).split())


def user_of(uid: int) -> str:
    """The user's name, or `uid 1234`."""
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return f"uid {uid}"
