"""A loss on purpose on one connection of the town's servers: on the wire of a box, else by its TTL on the loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from labctl.errors import CannotRun
from labctl.network import Rule
from labctl.protocols.tcp_segments import Segment
from labs.http.peer import Desk, Peer

# When everything is on its way, one segment is lost, and so is what repeats it for a while. Seconds.
AFTER_S, FOR_S = 0.07, 0.1


def losing(desk: Desk, peer: Peer) -> AbstractContextManager[None]:
    """Inside, something that the server sends on this connection does not arrive at first.

    In a box it is one segment; elsewhere all that is sent within FOR_S. Raises CannotRun needs-box where neither can.
    """
    network = desk.internet.network
    if network is not None and in_a_box(desk):
        return network.script(Rule(_one_segment(desk, peer), "drop", "to-client", nth=0))
    return _by_ttl(desk, peer)


def in_a_box(desk: Desk) -> bool:
    """Whether there is a wire: then it is one segment that is lost, else all of a while."""
    network = desk.internet.network
    return network is not None and network.client_address != network.server_address


def _one_segment(desk: Desk, peer: Peer) -> Callable[[Segment], bool]:
    port = peer.stream.socket.getsockname()[1]
    clock = desk.internet.clock
    begun = clock()
    victim: list[tuple[int, float]] = []

    def match(segment: Segment) -> bool:
        now = clock()
        if segment.target_port != port or not segment.length or now - begun < AFTER_S:
            return False
        if not victim:
            victim.append((segment.seq, now))
        seq, first = victim[0]
        return segment.seq == seq and now - first < FOR_S

    return match


@contextmanager
def _by_ttl(desk: Desk, peer: Peer) -> Iterator[None]:
    from labctl.kernel_view.lost_segments import can_lose, ignore_lost, lose

    server = desk.web.socket_to(peer.stream.socket.getsockname()[1]) if can_lose() else None
    if server is None or not ignore_lost(peer.stream.socket):
        raise CannotRun(
            "needs-box", "no segment can be lost on purpose on this system without a wire of our own"
        )
    over = threading.Event()

    def work() -> None:
        over.wait(AFTER_S)
        lose(server)
        over.wait(FOR_S)
        lose(server, False)

    thread = threading.Thread(target=work, name="loses segments")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
