"""What a fault does to TCP connections: kernel settings of the two sides, a wire that swallows, a meddler.

The habits of the two programs are the lab's own to follow (`TcpManners`); everything else is done here, so that
what is judged is what really crossed.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType

from labctl.errors import CannotRun
from labctl.network import Network, Rule, Side
from labctl.protocols.tcp_segments import Segment, read_frame
from labctl.protocols.tcp_writing import write_packet
from labctl.sandbox.town import TcpManners

_ETH_P_IP = 0x0800
# How many bytes beyond what was sent the meddler acknowledges.
AHEAD = 1000


@contextmanager
def tcp_world(network: Network, manners: TcpManners) -> Iterator[None]:
    """Inside, the network is as these manners say. Raises CannotRun where it cannot be made so."""
    beyond_programs = (
        manners.client_sysctls
        or manners.server_sysctls
        or manners.swallowed
        or manners.meddler_acknowledges_ahead
    )
    if beyond_programs and network.client_address == network.server_address:
        # Both sides are the user's own machine, with everything else that runs on it.
        raise CannotRun(
            "needs-box",
            "this fault changes kernels or the wire, and here they are this machine's own",
            fixes=("labctl doctor",),
        )
    with ExitStack() as world:
        sides: tuple[tuple[Side, dict[str, str]], ...] = (
            ("client", dict(manners.client_sysctls)),
            ("server", dict(manners.server_sysctls)),
        )
        for side, settings in sides:
            for name, value in settings.items():
                world.enter_context(setting(network, name, value, side))
        rules = [_SWALLOWED[what] for what in sorted(manners.swallowed)]
        if rules:
            world.enter_context(network.script(*rules))
        if manners.meddler_acknowledges_ahead:
            world.enter_context(Meddler(network))
        yield


@contextmanager
def setting(network: Network, name: str, value: str, side: Side) -> Iterator[None]:
    """A kernel setting inside, and the old one afterwards. A kernel that has none of the name is left alone."""
    try:
        old = network.sysctl(name, side=side)
        network.sysctl(name, value, side)
    except CannotRun as error:
        if error.code != "no-sysctl":
            raise
        yield
        return
    try:
        yield
    finally:
        network.sysctl(name, old, side)


def _is_reset(segment: Segment) -> bool:
    return "R" in segment.flags


def _tells_of_a_gap(segment: Segment) -> bool:
    return bool(segment.sack) and not segment.payload


_SWALLOWED = {
    "resets": Rule(_is_reset, "drop", "to-client", nth=0),
    "repeated-acks": Rule(_tells_of_a_gap, "drop", "to-server", nth=0),
}


class Meddler:
    """Stands beside the server and acknowledges more than the client has sent, once per connection."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._met: set[int] = set()
        self._over, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._meddle, name="meddler")

    def __enter__(self) -> Meddler:
        network = self._network
        self._ear = network.server_socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP))
        self._mouth = network.server_socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._ear.setblocking(False)
        self._thread.start()
        return self

    def _meddle(self) -> None:
        while True:
            ready, _, _ = select.select([self._ear, self._over], [], [])
            if self._over in ready:
                return
            frame = self._ear.recv(65535)
            segment = read_frame(frame, 0)
            if isinstance(segment, Segment) and segment.target == self._network.server_address:
                self._answer(segment)

    def _answer(self, segment: Segment) -> None:
        if not segment.payload or segment.source_port in self._met:
            return
        self._met.add(segment.source_port)
        packet = write_packet(
            (segment.target, segment.target_port),
            (segment.source, segment.source_port),
            seq=segment.ack,
            ack=segment.end + AHEAD,
            flags="A",
        )
        self._mouth.sendto(packet, (segment.source, 0))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake.close()
        self._thread.join()
        for each in (self._ear, self._mouth, self._over):
            each.close()
