"""What Linux tells about processes: sockets, parents, memory. Empty or None where it does not tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from labctl.protocols.proc_net_tcp import SocketLine, read_sockets

_PROC = Path("/proc")


class Memory(NamedTuple):
    """Kilobytes of 1,000 bytes. Pss counts a page that n processes share as an n-th for each; Rss counts it n times."""

    pss_kb: float
    rss_kb: float


def _listeners(port: int) -> list[SocketLine]:
    """The sockets that listen on a port. Only lines with the port are parsed: a busy machine has many thousands."""
    mark, found = f":{port:04X} ", []
    for name in ("tcp", "tcp6"):
        try:
            text = (_PROC / "thread-self" / "net" / name).read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        head, *lines = text.splitlines() or [""]
        found += read_sockets("\n".join((head, *(line for line in lines if mark in line))))
    return [row for row in found if row.state == "LISTEN" and row.local_port == port]


def listening(port: int) -> tuple[int, ...]:
    """The inodes of the sockets that listen on a port."""
    return tuple(row.inode for row in _listeners(port))


def accept_queue(port: int) -> int | None:
    """How many connections are finished and wait for accept(), over all sockets that listen there."""
    rows = _listeners(port)
    return sum(row.receive_queue for row in rows) if rows else None


def sockets_of(pid: int) -> dict[int, int]:
    """File descriptor to inode, of every socket that a process holds."""
    found = {}
    try:
        names = list((_PROC / str(pid) / "fd").iterdir())
    except OSError:
        return {}
    for name in names:
        try:
            target = os.readlink(name)
        except OSError:
            continue
        if target.startswith("socket:["):
            found[int(name.name)] = int(target[8:-1])
    return found


def parent_of(pid: int) -> int | None:
    """The pid of its parent."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[1])


def memory_of(pid: int) -> Memory | None:
    """What a process has in memory (proc(5), smaps_rollup)."""
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = {line.split(":")[0]: line.split() for line in text.splitlines() if ":" in line}
    try:
        return Memory(float(found["Pss"][1]) * 1.024, float(found["Rss"][1]) * 1.024)
    except (KeyError, IndexError, ValueError):
        return None


def mb(kilobytes: float) -> str:
    """`249 MB`, `9.4 MB`."""
    return f"{kilobytes / 1000:,.0f} MB" if kilobytes >= 99_950 else f"{kilobytes / 1000:.1f} MB"
