"""/proc/net/tcp and tcp6 of Linux: every TCP socket of this network namespace, whoever owns it.

Readable by anyone; inode and uid are there, the process is not.
"""

from __future__ import annotations

import ipaddress
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from labctl.kernel_view.tcp_info import LINUX_STATES
from labctl.protocols.tcp_states import State

Timer = Literal["", "retransmission", "keep-alive", "time-wait", "window-probe"]
_TIMERS: dict[int, Timer] = {1: "retransmission", 2: "keep-alive", 3: "time-wait", 4: "window-probe"}
# The unit of times in /proc: USER_HZ, 100 on every Linux.
_TICKS = 100
# The thread's own namespace: /proc/net is that of the process's first thread.
_PROC = Path("/proc/thread-self/net")


@dataclass(frozen=True, slots=True)
class SocketRow:
    """One socket. For a listening one `receive_queue` counts the connections that wait for accept().

    `expires_s` is when the timer runs out: of a TIME-WAIT, what is left of its minute. `inode` is 0 for a
    connection that no process holds any more.
    """

    local: tuple[str, int]
    remote: tuple[str, int]
    state: State
    send_queue: int
    receive_queue: int
    timer: Timer
    expires_s: float
    retransmits: int
    uid: int
    inode: int


def socket_table(port: int | None = None, *, proc: Path = _PROC) -> list[SocketRow]:
    """IPv4's rows, then IPv6's; only those with `port` at either end when given. Empty where there is no /proc."""
    rows: list[SocketRow] = []
    for name in ("tcp", "tcp6"):
        try:
            text = (proc / name).read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        rows += read_table(text)
    return [r for r in rows if port is None or port in (r.local[1], r.remote[1])]


def read_table(text: str) -> list[SocketRow]:
    """The rows of such a file. Lines that are none are left out."""
    return [row for line in text.splitlines() if (row := _read_line(line)) is not None]


def _read_line(line: str) -> SocketRow | None:
    cells = line.split()
    try:
        local, remote = _endpoint(cells[1]), _endpoint(cells[2])
        send, receive = (int(part, 16) for part in cells[4].split(":"))
        timer, when = (int(part, 16) for part in cells[5].split(":"))
        return SocketRow(
            local=local,
            remote=remote,
            state=LINUX_STATES[int(cells[3], 16)],
            send_queue=send,
            receive_queue=receive,
            timer=_TIMERS.get(timer, ""),
            expires_s=when / _TICKS,
            retransmits=int(cells[6], 16),
            uid=int(cells[7]),
            inode=int(cells[9]),
        )
    except (IndexError, ValueError, KeyError):
        return None


def _endpoint(text: str) -> tuple[str, int]:
    """`0100007F:1F90` is 127.0.0.1 port 8080: the address in 32-bit words of the machine's own byte order."""
    address, port = text.split(":")
    raw = bytes.fromhex(address)
    if len(raw) not in (4, 16):
        raise ValueError(text)
    order = "<" if sys.byteorder == "little" else ">"
    words = struct.unpack(f"{order}{len(raw) // 4}I", raw)
    return str(ipaddress.ip_address(struct.pack(f">{len(words)}I", *words))), int(port, 16)
