"""TIME-WAIT as the two kernels list it in /proc/net/tcp."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Measure
from labctl.network import Side
from labctl.protocols.tcp_ladder import Conversation
from labs.tcp.claims import TIME_WAIT
from labs.tcp.stage import Stage

# What Linux keeps a connection for (TCP_TIMEWAIT_LEN), in seconds; there is no setting for it.
LENGTH_S = 60
# A kernel sends the last ACK first and moves the connection into its table then: so long it may take, at most.
_MOVES_WITHIN_S = 0.2


class Waiting(NamedTuple):
    """One connection in TIME-WAIT: which side keeps it, its two ports, and what is left in seconds."""

    side: Side
    port: int
    peer_port: int
    left_s: float


def listed(stage: Stage) -> list[Waiting]:
    """Everything in TIME-WAIT on both sides. Empty where the kernel cannot be read."""
    from labctl.kernel_view.socket_table import socket_table

    found = []
    # Outside of a box one kernel keeps both sides: an entry's own port says whose it is.
    sides: tuple[Side, ...] = ("client", "server") if stage.boxed else ("client",)
    for side in sides:
        with stage.network.on_client() if side == "client" else stage.network.on_server():
            rows = socket_table()
        found += [
            Waiting(side, row.local[1], row.remote[1], row.expires_s)
            for row in rows
            if row.state == "TIME-WAIT"
        ]
    return found


def of(stage: Stage, conversation: Conversation) -> dict[Side, Waiting]:
    """Who keeps this connection."""
    client, server = conversation.client[1], conversation.server[1]
    kept: dict[Side, Waiting] = {}
    for each in listed(stage):
        if (each.port, each.peer_port) == (client, server):
            kept["client"] = each
        elif (each.port, each.peer_port) == (server, client):
            kept["server"] = each
    return kept


def judged(stage: Stage, conversation: Conversation) -> Iterator[Event]:
    """Measure and verdict: the side that sent the first FIN keeps it, the other does not."""
    fin = next((r for r in conversation.rows if "F" in r.segment.flags), None)
    if fin is None or any("R" in r.segment.flags for r in conversation.rows):
        yield TIME_WAIT.not_seen("The connection was not closed by two FINs.")
        return
    first, kept = fin.sender, of(stage, conversation)
    until = time.monotonic() + _MOVES_WITHIN_S
    while not kept and stage.network.evidence == "captured" and time.monotonic() < until:
        time.sleep(0.005)
        kept = of(stage, conversation)
    other: Side = "server" if first == "client" else "client"
    if first in kept:
        left = round(kept[first].left_s, 1)
        yield Measure(
            f"The {first} closed first and keeps the connection.", "tcp.time_wait.side", f"the {first}"
        )
        yield Measure(f"Its kernel will keep it for {left} s more.", "tcp.time_wait.left", left, "s")
    if first in kept and other not in kept:
        yield TIME_WAIT.judged(
            True,
            f"The {first} closed first and has {kept[first].left_s:.1f} s left; the {other} has nothing.",
        )
    elif stage.network.evidence == "captured" or kept:
        names = " and ".join(kept) or "neither side"
        yield TIME_WAIT.judged(False, f"The {first} closed first; in TIME-WAIT is {names}.")
    else:
        yield TIME_WAIT.not_seen("This machine does not list its connections.")
