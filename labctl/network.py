"""The interface to a network of two sides that a lab on packets works on: a box, or this machine's loopback.

A lab opens real sockets on the client's and on the server's side and asks afterwards which segments crossed. What
a network cannot do it refuses with CannotRun "needs-box", so that the lab can say what it leaves out.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from labctl.events import Evidence

if TYPE_CHECKING:
    from labctl.protocols.tcp_segments import Segment

Side = Literal["client", "server"]
Direction = Literal["to-server", "to-client", "both"]
Action = Literal["drop", "delay", "blackhole"]


@dataclass(frozen=True)
class Rule:
    """What the wire does to a segment: the `nth` (from 1) that goes in `direction` and that `match` accepts.

    `drop` swallows that one, `delay` holds it back for `delay_ms` more (later ones overtake it: that is how
    segments are reordered), `blackhole` swallows it and every later match. `nth` 0 means every match. Counting
    begins when the script does, and retransmissions count like any other segment.
    """

    match: Callable[[Segment], bool]
    action: Action = "drop"
    direction: Direction = "both"
    nth: int = 1
    delay_ms: float = 0.0


class Network(ABC):
    """Two sides and what lies between them. Sockets are the caller's to close; the network is its internet's."""

    # The best kind of evidence that `segments` gives.
    evidence: Evidence
    client_address: str
    server_address: str
    # The round trip between the two addresses, in milliseconds, without what the machine itself needs.
    rtt_ms: float
    # Seconds that its sockets wait before they raise TimeoutError; a lab may set another on each.
    timeout: float = 10.0

    @abstractmethod
    def client_socket(
        self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0
    ) -> socket.socket:
        """A socket that lives on the client's side: blocking, with `timeout` set, not yet bound."""

    @abstractmethod
    def server_socket(
        self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0
    ) -> socket.socket:
        """A socket that lives on the server's side; bind it to `server_address`, any port, 80 in a box."""

    @abstractmethod
    def on_client(self) -> AbstractContextManager[None]:
        """What this thread does inside happens on the client's side: sockets, /proc/thread-self/net, programs."""

    @abstractmethod
    def on_server(self) -> AbstractContextManager[None]:
        """The same for the server's side."""

    @abstractmethod
    def script(self, *rules: Rule) -> AbstractContextManager[None]:
        """The rules hold inside. Raises CannotRun "needs-box" where segments cannot be touched."""

    @abstractmethod
    def segments(self, *, port: int | None = None, settle_ms: float | None = None) -> list[Segment]:
        """What has crossed since the last call, in time order; only segments from or to `port` when given.

        Waits until nothing has crossed for `settle_ms` (default: one round trip and a little), so that the last
        acknowledgement is there; never longer than a second. What other ports exchanged is forgotten too.
        """

    @abstractmethod
    def sysctl(self, name: str, value: str | None = None, side: Side = "client") -> str:
        """The kernel's setting `name` (`net.ipv4.tcp_syn_retries`) on one side; set first when `value` is given.

        Raises CannotRun "needs-box" where it cannot be set, and "no-sysctl" where this kernel has none of the name.
        """

    @abstractmethod
    def move_away(self, rtt_ms: float) -> None:
        """From now on everything of the internet's side is `rtt_ms` milliseconds there and back away.

        Raises CannotRun "needs-box" where there is no distance.
        """

    @abstractmethod
    def begin_with(self, segments: int) -> None:
        """From now on connections of the server's side begin by sending so many segments (Linux: initcwnd).

        Raises CannotRun "needs-box" where it cannot be set.
        """

    @property
    @abstractmethod
    def capture_complete(self) -> bool:
        """False when the kernel dropped something that should have been captured; then say so."""

    def close(self) -> None:  # noqa: B027  # most have nothing of their own to close
        """Let go of what it holds. Idempotent."""
