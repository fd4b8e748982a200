"""What /proc/net/tcp, tcp6, udp and udp6 say: one line for each socket (proc(5), Linux).

Addresses stand there in hexadecimal, word by word in the byte order of the machine; times in clock ticks.
A socket that is bound and neither listens nor is connected has no line in the TCP tables.
"""

from __future__ import annotations

import ipaddress
import sys
from dataclasses import dataclass
from typing import Literal

# Numbers of include/net/tcp_states.h with the names of RFC 9293 section 3.3.2.
STATES = {
    1: "ESTABLISHED",
    2: "SYN-SENT",
    3: "SYN-RECEIVED",
    4: "FIN-WAIT-1",
    5: "FIN-WAIT-2",
    6: "TIME-WAIT",
    7: "CLOSED",
    8: "CLOSE-WAIT",
    9: "LAST-ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "SYN-RECEIVED",
}
# The first half of the field `tr tm->when`.
TIMERS = {0: "", 1: "retransmission", 2: "keep-alive", 3: "time-wait", 4: "zero-window probe"}
Transport = Literal["tcp", "udp"]


@dataclass(frozen=True)
class SocketLine:
    """One line. `timer` is a word of TIMERS, "" for none; `timer_seconds` is when it goes off, 0.0 for none.

    `inode` is 0 for a socket that no process holds: TIME-WAIT, and FIN-WAIT-2 after its process is gone.
    `uid` is then 0 as well, which means nothing. UDP sockets are "CLOSED" until they are connected.
    """

    transport: Transport
    family: Literal["ipv4", "ipv6"]
    local: str
    local_port: int
    remote: str
    remote_port: int
    state: str
    send_queue: int
    receive_queue: int
    timer: str
    timer_seconds: float
    retransmits: int
    uid: int
    inode: int

    @property
    def owned(self) -> bool:
        """Whether some process can hold it."""
        return self.inode != 0


def read_sockets(
    text: str,
    transport: Transport = "tcp",
    *,
    ticks_per_second: int = 100,
    byteorder: Literal["little", "big"] = sys.byteorder,
    local_port: int | None = None,
) -> list[SocketLine]:
    """The sockets of one such file. Lines that cannot be read are left out: a kernel may add others.

    With `local_port` only those of that port: of a hundred thousand lines all others are passed over quickly.
    """
    found = []
    mark = "" if local_port is None else f":{local_port:04X} "
    for line in text.splitlines()[1:]:
        # The local address ends with it; the remote one may, too.
        if mark and mark not in line[:52]:
            continue
        try:
            found.append(_socket(line.split(), transport, ticks_per_second, byteorder))
        except (ValueError, IndexError, KeyError):
            continue
    return found if local_port is None else [each for each in found if each.local_port == local_port]


def _socket(
    fields: list[str], transport: Transport, ticks: int, byteorder: Literal["little", "big"]
) -> SocketLine:
    local, local_port = _endpoint(fields[1], byteorder)
    remote, remote_port = _endpoint(fields[2], byteorder)
    send_queue, _, receive_queue = fields[4].partition(":")
    timer, _, when = fields[5].partition(":")
    kind = TIMERS.get(int(timer, 16), "")
    return SocketLine(
        transport=transport,
        family="ipv4" if len(fields[1].partition(":")[0]) == 8 else "ipv6",
        local=local,
        local_port=local_port,
        remote=remote,
        remote_port=remote_port,
        state=STATES[int(fields[3], 16)],
        send_queue=int(send_queue, 16),
        receive_queue=int(receive_queue, 16),
        timer=kind,
        timer_seconds=int(when, 16) / ticks if kind else 0.0,
        retransmits=int(fields[6], 16),
        uid=int(fields[7]),
        inode=int(fields[9]),
    )


def _endpoint(text: str, byteorder: Literal["little", "big"]) -> tuple[str, int]:
    """`0100007F:1388` on a little-endian machine is 127.0.0.1, port 5000."""
    address, _, port = text.partition(":")
    words = [int(address[at : at + 8], 16).to_bytes(4, byteorder) for at in range(0, len(address), 8)]
    read = ipaddress.ip_address(b"".join(words))
    mapped = read.ipv4_mapped if isinstance(read, ipaddress.IPv6Address) else None
    # Python writes these in two ways, by its version.
    return f"::ffff:{mapped}" if mapped else str(read), int(port, 16)
