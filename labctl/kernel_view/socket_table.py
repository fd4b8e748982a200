"""The TCP sockets of this thread's network namespace, whoever owns them: /proc/net/tcp and tcp6 of Linux.

For the labs: states in the words of `tcp_states.py`, the time that TIME-WAIT has left.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from labctl.protocols.proc_net_tcp import read_sockets
from labctl.protocols.tcp_states import STATES, State

# The thread's own namespace: /proc/net is that of the process's first thread.
_PROC = Path("/proc/thread-self/net")


class SocketRow(NamedTuple):
    """One socket. For a listening one `receive_queue` counts the connections that wait for accept().

    `expires_s` is when its timer goes off; of a TIME-WAIT, what is left of its minute. `inode` is 0 for a
    connection that no process holds any more.
    """

    local: tuple[str, int]
    remote: tuple[str, int]
    state: State
    send_queue: int
    receive_queue: int
    timer: str
    expires_s: float
    inode: int


def socket_table(port: int | None = None, *, proc: Path = _PROC) -> list[SocketRow]:
    """IPv4's rows, then IPv6's; only those with `port` at either end when given. Empty where there is no /proc."""
    rows: list[SocketRow] = []
    for name in ("tcp", "tcp6"):
        try:
            text = (proc / name).read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        for line in read_sockets(text):
            if port is None or port in (line.local_port, line.remote_port):
                rows.append(
                    SocketRow(
                        (line.local, line.local_port),
                        (line.remote, line.remote_port),
                        next((s for s in STATES if s == line.state), "SYN-RCVD"),
                        line.send_queue,
                        line.receive_queue,
                        line.timer,
                        line.timer_seconds,
                        line.inode,
                    )
                )
    return rows
