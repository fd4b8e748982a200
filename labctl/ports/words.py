"""How sockets, owners and errors of bind() are said. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.ports.owners import Process
from labctl.protocols.proc_net_tcp import SocketLine

# errno of Linux, of macOS and the BSDs, and of Windows: what it means at bind().
MEANINGS = {
    "EADDRINUSE": ("98", "48", "10048", "another socket still has this address and port"),
    "EACCES": ("13", "13", "10013", "this user may not take this port"),
    "EADDRNOTAVAIL": ("99", "49", "10049", "this machine does not have this address"),
    "EAFNOSUPPORT": ("97", "47", "10047", "this machine has no IPv6"),
    "ENOPROTOOPT": ("92", "42", "10042", "this system has no such option"),
}


def meaning(error: str) -> str:
    """`another socket still has ... (macOS 48, Windows 10048)`, or "" for an error that is not in the table."""
    known = MEANINGS.get(error.removeprefix("WSA"))
    if known is None:
        return ""
    linux, mac, windows, text = known
    others = f"macOS {mac}, Windows {windows}" if mac != linux else f"Windows {windows}"
    return f"{text} ({others})"


def age(seconds: float) -> str:
    """`4 s`, `14 min`, `3 h`, `2 days`, as in "started ... ago"."""
    for unit, size, until in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172800)):
        if seconds < until:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // 86400)} days"


def process(one: Process, room: int | None = None) -> str:
    """`flask run, pid 4312, yours, started 14 min ago`; a long command gives way to `room` characters in all."""
    told = f", pid {one.pid}, " + ("yours" if one.mine else f"of {one.user}")
    # Where there is no room for both, the command is worth more than its age.
    if one.age is not None and (room is None or room - len(told) >= 35):
        told += ", started just now" if one.age < 1 else f", started {age(one.age)} ago"
    command = one.command
    if room is not None and len(command) + len(told) > room:
        command = command[: max(room - len(told) - 3, 8)] + "..."
    return command + told


def owner(
    line: SocketLine, processes: Sequence[Process], *, me: int, user: str, room: int | None = None
) -> str:
    """Who holds a socket: its processes, or why none can be named. `user` is the name of the socket's uid."""
    if processes:
        more = f", and {len(processes) - 1} more" if len(processes) > 1 else ""
        return process(processes[0], None if room is None else room - len(more)) + more
    if not line.owned:
        return "no process: the kernel keeps it"
    if line.uid == me or me == 0:
        return f"owned by uid {line.uid} ({user}); its process is not visible here"
    return f"owned by uid {line.uid} ({user}); need root for the pid"


def place(address: str, port: int) -> str:
    """`127.0.0.1:5000`, `[::]:5000`."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def count(number: int, noun: str) -> str:
    """`1 connection`, `3 connections`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
