"""The network of two sides on the host's loopback where this process may capture: real frames, no wire."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from labctl.kernel_view.lost_segments import LOST_TTL
from labctl.packet_capture import PacketCapture
from labctl.protocols.tcp_segments import Segment
from labctl.sandbox.loopback_network import LoopbackNetwork
from labctl.sandbox.watched_socket import WatchedSocket

_SETTLE_MS = 5.0


class CapturedLoopback(LoopbackNetwork):
    """Needs CAP_NET_RAW. Only the ports of its own sockets are captured, from the moment they have one.

    Truths about a loopback: the MSS is 65495, checksums are never computed, nothing takes time.
    """

    evidence = "captured"

    def __init__(self) -> None:
        super().__init__()
        self._ports: set[int] = set()
        self._capture = PacketCapture("lo", ())

    def bound(self, sock: WatchedSocket) -> None:
        super().bound(sock)
        self._watch(sock.getsockname()[1])

    def connecting(self, sock: WatchedSocket, address: Any) -> None:
        self._watch(address[1])

    def segments(self, *, port: int | None = None, settle_ms: float | None = None) -> list[Segment]:
        found = self._capture.drain(settle_ms=_SETTLE_MS if settle_ms is None else settle_ms)
        return [
            replace(s, dropped=True) if s.ttl == LOST_TTL else s
            for s in found
            if port is None or port in (s.source_port, s.target_port)
        ]

    @property
    def capture_complete(self) -> bool:
        return self._capture.complete

    def close(self) -> None:
        """End the capture. Idempotent."""
        self._capture.close()

    def _watch(self, port: int) -> None:
        if port not in self._ports:
            self._ports.add(port)
            self._capture.watch(self._ports)
