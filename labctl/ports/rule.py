"""When bind() says "Address already in use", as a rule, and the situations in which it is asked. Pure.

Linux: net/ipv4/inet_connection_sock.c (inet_csk_get_port) decides so; socket(7) and tcp(7) say it in parts.
"""

from __future__ import annotations

from dataclasses import dataclass

OPTIONS = ("", "SO_REUSEADDR", "SO_REUSEPORT")


@dataclass(frozen=True)
class Situation:
    """What is left of the OLD socket on the port. `holds`: something of it still has the port."""

    id: str
    title: str
    holds: bool
    listens: bool
    # States of the sockets that should then have the port, as /proc/net/tcp says them.
    states: tuple[str, ...]


SITUATIONS = (
    Situation("listening", "a listener is alive", True, True, ("LISTEN",)),
    Situation("bound", "bound, not listening", True, False, ()),
    Situation("established", "no listener, ESTABLISHED", True, False, ("ESTABLISHED",)),
    Situation("fin-wait-2", "no listener, FIN-WAIT-2", True, False, ("FIN-WAIT-2",)),
    Situation("close-wait", "no listener, CLOSE-WAIT", True, False, ("CLOSE-WAIT",)),
    Situation("time-wait-server", "TIME-WAIT, this side", True, False, ("TIME-WAIT",)),
    Situation("time-wait-client", "TIME-WAIT, the far side", False, False, ()),
    Situation("reset", "ended by RST", False, False, ()),
    Situation("source-port", "a client's source port", True, False, ("ESTABLISHED",)),
    Situation("source-port-time-wait", "the same in TIME-WAIT", True, False, ("TIME-WAIT",)),
)

RULE = (
    "The port is taken as long as any socket still has it, a connection in TIME-WAIT too, even when the listener is "
    "gone.",
    "It is shared only if the old and the new socket both set SO_REUSEADDR and the old one does not listen, or both "
    "set SO_REUSEPORT and belong to the same user.",
)


def allowed(situation: Situation, old: str, new: str) -> bool:
    """Whether bind() of a socket with the option `new` works when the old one had `old` (Linux, same user)."""
    if not situation.holds:
        return True
    if old != new or not old:
        return False
    return old == "SO_REUSEPORT" or not situation.listens
