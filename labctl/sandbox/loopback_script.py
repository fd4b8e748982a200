"""A network's script where there is no wire: a segment is lost by its TTL, judged before its socket sends it.

Only what a program causes can be judged: SYN, the SYN ACK, data of one send() (one segment here), the FIN of
shutdown(). Sequence numbers are not known yet.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from labctl.errors import CannotRun
from labctl.kernel_view.lost_segments import can_lose, lose
from labctl.network import Direction, Rule
from labctl.protocols.tcp_segments import Segment


@dataclass
class _Counted:
    rule: Rule
    seen: int = 0
    done: bool = False


class LoopbackScript:
    """The rules that hold now, and the sockets that they have silenced."""

    def __init__(self) -> None:
        self._rules: list[_Counted] = []
        self._silenced: list[socket.socket] = []

    @contextmanager
    def holding(self, *rules: Rule) -> Iterator[None]:
        """The rules hold inside. A rule that met no segment that can be lost here raises "needs-box" at the end."""
        for rule in rules:
            if rule.action == "delay":
                raise _needs_box("nothing can be held back here: that needs a wire of our own")
        if rules and not can_lose():
            raise _needs_box("no segment can be lost on purpose on this system without a wire of our own")
        counted = [_Counted(rule) for rule in rules]
        self._rules += counted
        try:
            yield
        finally:
            self._rules = [c for c in self._rules if c not in counted]
            for sock in self._silenced:
                lose(sock, False)
            self._silenced.clear()
        if any(not c.done for c in counted):
            raise _needs_box(
                "the segment that was to be lost is none that a program sends: that needs a wire"
            )

    def silences(self, sock: socket.socket) -> bool:
        """Whether everything that `sock` sends is lost for now."""
        return sock in self._silenced

    @contextmanager
    def sending(self, sender: socket.socket, segment: Segment, direction: Direction) -> Iterator[bool]:
        """Around the call that makes `sender` send `segment`. Yields whether it is lost."""
        lost = for_good = False
        for counted in self._rules:
            rule = counted.rule
            if rule.direction not in ("both", direction) or not rule.match(segment):
                continue
            counted.seen += 1
            if rule.action == "blackhole" and counted.seen >= rule.nth:
                lost = for_good = counted.done = True
            elif rule.action == "drop" and rule.nth in (0, counted.seen):
                lost = counted.done = True
        silent = sender in self._silenced
        if lost:
            lose(sender)
            if for_good and not silent:
                self._silenced.append(sender)
        try:
            yield lost or silent
        finally:
            if lost and not for_good and not silent:
                lose(sender, False)


def _needs_box(headline: str) -> CannotRun:
    return CannotRun("needs-box", headline, fixes=("labctl doctor",))
