"""Who has a port, and why bind() says "Address already in use".

`look(port)` asks the kernel and really tries bind(); `listeners()` lists who serves; `holder(port)` is the line of
evidence for an error. The parts that decide (rule.py, reason.py, words.py, protocols/proc_net_tcp.py) do no IO.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labctl.ports import words
from labctl.ports.owners import Process, processes_of, user_of
from labctl.ports.reason import Fix, Held, Machine, Reason, judge
from labctl.ports.sockets import all_sockets, bound_sockets, readable
from labctl.ports.trials import Trial, ephemeral_range, free_port, lowest_unprivileged, try_all
from labctl.protocols.proc_net_tcp import SocketLine

__all__ = [
    "Fix", "Held", "Look", "Machine", "Process", "Reason", "Trial",
    "holder", "listeners", "look", "readable",
]  # fmt: skip

_ORDER = ("LISTEN", "BOUND", "ESTABLISHED")


@dataclass(frozen=True)
class Look:
    """What was found out about one port. `towards` counts this machine's connections to that port, by state."""

    port: int
    held: tuple[Held, ...]
    towards: tuple[tuple[str, int], ...]
    trials: tuple[Trial, ...]
    reason: Reason
    tables: bool


def look(port: int) -> Look:
    """Everything about one port, 1 to 65535."""
    every = all_sockets()
    here = [line for line in every if line.local_port == port] + bound_sockets(port)
    towards: dict[str, int] = {}
    for line in every:
        if line.transport == "tcp" and line.remote_port == port and line.local_port != port:
            towards[line.state] = towards.get(line.state, 0) + 1
    trials = tuple(try_all(port))
    held = tuple(sorted(_held(here), key=_place_in_list))
    tables = readable()
    needs_other = any(not trial.works for trial in trials)
    machine = Machine(
        free_port(port) if needs_other else None,
        lowest_unprivileged(),
        ephemeral_range(),
        tables,
        frozenset(line.local_port for line in every if line.transport == "tcp" and line.state == "LISTEN"),
    )
    return Look(
        port,
        held,
        tuple(sorted(towards.items())),
        trials,
        judge(port, held, trials, machine),
        tables,
    )


def listeners() -> tuple[Held, ...]:
    """TCP sockets that listen and UDP sockets that anybody may send to: own ones first, then by port."""
    lines = [
        line
        for line in all_sockets()
        if (line.transport == "tcp" and line.state == "LISTEN")
        or (line.transport == "udp" and not line.remote_port)
    ]
    me = _me()
    return tuple(
        sorted(
            _held(lines),
            key=lambda each: (
                each.line.transport,
                not any(p.mine for p in each.processes) and each.line.uid != me,
                each.line.local_port,
                each.line.local,
            ),
        )
    )


def holder(port: int, address: str = "", transport: str = "") -> str:
    """Who has the port, as evidence for an error: `flask run, pid 4312, yours, ...`; "" when nobody can say.

    `address` and `transport` narrow it to what collides with a socket on that address.
    """
    every = all_sockets(local_port=port) + bound_sockets(port)
    anywhere = ("0.0.0.0", "::", "")  # noqa: S104
    near = [
        line
        for line in every
        if transport in ("", line.transport)
        and (address in anywhere or line.local in (address, *anywhere, f"::ffff:{address}"))
    ]
    found = sorted(_held(near), key=_place_in_list)
    if not found:
        return ""
    first = found[0]
    return first.owner if first.processes or first.line.owned else f"{first.line.state}, {first.owner}"


def _held(lines: Sequence[SocketLine]) -> Iterable[Held]:
    processes = processes_of(line.inode for line in lines)
    me = _me()
    for line in lines:
        holding = tuple(processes.get(line.inode, ()))
        yield Held(line, holding, words.owner(line, holding, me=me, user=user_of(line.uid)))


def _me() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else -1


def _place_in_list(each: Held) -> tuple[object, ...]:
    line = each.line
    rank = _ORDER.index(line.state) if line.state in _ORDER else len(_ORDER)
    return line.transport, rank, line.state, line.family, line.local, line.remote, line.remote_port
