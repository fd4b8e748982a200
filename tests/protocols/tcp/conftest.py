"""Segments of one connection written down by hand, in relative numbers."""

import pytest

from labctl.protocols.tcp_ladder import Conversation
from labctl.protocols.tcp_options import sack, window_scale
from labctl.protocols.tcp_segments import Segment

CLIENT = ("192.0.2.10", 54022)
SERVER = ("203.0.113.10", 80)


class Line:
    """Each side's numbers begin close to 2**32, so that everything here also crosses the end of the circle."""

    def __init__(self, client_isn=2**32 - 3, server_isn=2**32 - 200):
        self.isns = {CLIENT: client_isn, SERVER: server_isn}
        self.segments = []
        self.now = 0

    def _say(
        self, own, peer, flags, seq, ack, size, *, after=1.0, sacks=(), window=1000, options=(), **fields
    ):
        self.now += int(after * 1e6)
        blocks = [tuple((self.isns[peer] + edge) % 2**32 for edge in block) for block in sacks]
        segment = Segment(
            at_ns=self.now,
            source=own[0],
            source_port=own[1],
            target=peer[0],
            target_port=peer[1],
            seq=(self.isns[own] + seq) % 2**32,
            ack=(self.isns[peer] + ack) % 2**32 if "A" in flags else 0,
            flags=flags,
            window=window,
            payload=b"x" * size,
            options=(*options, *((sack(*blocks),) if blocks else ())),
            **fields,
        )
        self.segments.append(segment)
        return segment

    def client(self, flags, seq, ack=0, size=0, **more):
        return self._say(CLIENT, SERVER, flags, seq, ack, size, **more)

    def server(self, flags, seq, ack=0, size=0, **more):
        return self._say(SERVER, CLIENT, flags, seq, ack, size, **more)

    def handshake(self):
        self.client("S", 0, options=(window_scale(7),))
        self.server("SA", 0, 1, options=(window_scale(7),))
        self.client("A", 1, 1)
        return self

    def conversation(self, **more):
        return Conversation(self.segments, **more)

    @property
    def labels(self):
        return [row.label for row in self.conversation().rows]


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def opened():
    return Line().handshake()
