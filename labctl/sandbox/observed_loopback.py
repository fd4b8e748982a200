"""The network of two sides on the host's loopback without any privilege: what the kernel tells of its own sockets."""

from __future__ import annotations

import array
import errno
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from labctl.kernel_view.connection_story import ConnectionStory
from labctl.kernel_view.saved_syn import save_syns, saved_syn
from labctl.kernel_view.tcp_info import TcpInfo, tcp_info
from labctl.protocols.tcp_endpoint import Role
from labctl.protocols.tcp_segments import Segment
from labctl.sandbox.loopback_network import LoopbackNetwork
from labctl.sandbox.watched_socket import WatchedSocket

Place = tuple[str, int]


@dataclass
class _Watched:
    """One connection: its story, and the sockets of its two sides as long as they are open."""

    story: ConnectionStory
    client: WatchedSocket | None = None
    server: WatchedSocket | None = None
    told: int = 0


class ObservedLoopback(LoopbackNetwork):
    """Rows are `observed` (the SYN, whose bytes the kernel keeps) or `inferred` from counters and states.

    After each step of either program both kernels' counters are read, so that the order is that of the steps.
    """

    evidence = "observed"

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()
        self._connections: list[_Watched] = []
        self._of: dict[WatchedSocket, tuple[_Watched, Role]] = {}

    def server_socket(
        self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0
    ) -> socket.socket:
        sock = super().server_socket(family, kind, protocol)
        save_syns(sock)
        return sock

    def segments(self, *, port: int | None = None, settle_ms: float | None = None) -> list[Segment]:
        """As the interface says; nothing is under way on a loopback when the programs have done their steps."""
        found: list[Segment] = []
        with self._lock:
            for watched in self._connections:
                self._look(watched, "client")
                rows = watched.story.segments()
                fresh = rows[watched.told :]
                watched.told = len(rows)
                if port is None or port in (watched.story.client[1], watched.story.server[1]):
                    found += fresh
            self._connections = [w for w in self._connections if w.client or w.server or not w.story.is_over]
        return sorted(found, key=lambda s: s.at_ns)

    @property
    def capture_complete(self) -> bool:
        return True

    def close(self) -> None:
        """Forget everything. Idempotent."""
        self._connections.clear()
        self._of.clear()

    def connecting(self, sock: WatchedSocket, address: Any) -> None:
        # The client's own port is not known before the SYN has left.
        story = ConnectionStory(
            (self.client_address, 0), (address[0], address[1]), began_ns=time.time_ns(), both_sides=True
        )
        watched = _Watched(story, client=sock)
        with self._lock:
            self._of[sock] = watched, "client"

    def losing(self, sock: WatchedSocket, lost: bool) -> None:
        with self._lock:
            if sock in self._of:
                watched, role = self._of[sock]
                watched.story.lost_on_purpose(role, lost)

    def syn_again(self, sock: WatchedSocket) -> None:
        with self._lock:
            watched = self._begun(sock)
            # Sent again it is lost only if everything of this socket's is.
            watched.story.lost_on_purpose("client", self._script.silences(sock))
            watched.story.syn_again(time.time_ns())

    def connected(self, sock: WatchedSocket, error: int) -> None:
        with self._lock:
            watched = self._begun(sock)
            if error == errno.ECONNREFUSED:
                watched.story.refused(time.time_ns())
            elif error == 0:
                watched.story.lost_on_purpose("client", self._script.silences(sock))
                self._look(watched, "client")

    def accepted(self, sock: WatchedSocket, listener: WatchedSocket) -> None:
        super().accepted(sock, listener)
        with self._lock:
            client, server = sock.getpeername()[:2], sock.getsockname()[:2]
            watched = self._find(client, server)
            watched.server = sock
            watched.story.syn = saved_syn(sock, time.time_ns())
            self._of[sock] = watched, "server"
            self._look(watched, "server")

    def sent(self, sock: WatchedSocket, data: bytes) -> None:
        with self._lock:
            if sock in self._of:
                watched, role = self._of[sock]
                watched.story.wrote(role, data)

    def used(self, sock: WatchedSocket, error: OSError | None = None) -> None:
        now = time.time_ns()
        with self._lock:
            if sock not in self._of:
                return
            watched, role = self._of[sock]
            self._look(watched, role, now)
            watched.story.lost_on_purpose(role, self._script.silences(sock))
            if isinstance(error, ConnectionResetError):
                watched.story.reset("server" if role == "client" else "client", time.time_ns())

    @contextmanager
    def closing(self, sock: WatchedSocket) -> Iterator[None]:
        # One close at a time: whose FIN was the first is told by nothing else.
        with self._lock:
            if sock in self._of:
                self._before_close(sock)
            yield

    def _before_close(self, sock: WatchedSocket) -> None:
        watched, role = self._of[sock]
        self._look(watched, role)
        info = tcp_info(sock)
        alive = info is not None and info.state not in ("CLOSED", "SYN-SENT", "TIME-WAIT")
        if alive and (_unread(sock) or _lingers_not(sock)):
            watched.story.reset(role, time.time_ns())

    def closed(self, sock: WatchedSocket) -> None:
        now = time.time_ns()
        super().closed(sock)
        with self._lock:
            if sock not in self._of:
                return
            watched, role = self._of.pop(sock)
            if role == "client":
                watched.client = None
            else:
                watched.server = None
            self._look(watched, role, now)
            watched.story.closed(role, now)

    def _begun(self, sock: WatchedSocket) -> _Watched:
        watched, _ = self._of[sock]
        if watched not in self._connections:
            watched.story.client_is(sock.getsockname()[:2])
            self._connections.append(watched)
        return watched

    def _find(self, client: Place, server: Place) -> _Watched:
        for watched, role in self._of.values():
            # The server's thread may be faster than the return of connect().
            sock = watched.client
            if role == "client" and watched.server is None and sock is not None and _place_of(sock) == client:
                return self._begun(sock)
        for watched in reversed(self._connections):
            if (watched.story.client, watched.story.server) == (client, server) and watched.server is None:
                return watched
        # The client is no socket of this network.
        watched = _Watched(ConnectionStory(client, server, began_ns=time.time_ns(), both_sides=True))
        self._connections.append(watched)
        return watched

    def _look(self, watched: _Watched, caller: Role, at_ns: int | None = None) -> None:
        # Another thread may have waited for the lock since its step.
        now = time.time_ns() if at_ns is None else at_ns
        if not watched.story.is_over:
            watched.story.look(now, caller, _info(watched.client), _info(watched.server))


def _info(sock: WatchedSocket | None) -> TcpInfo | None:
    return None if sock is None or sock.fileno() < 0 else tcp_info(sock)


def _unread(sock: socket.socket) -> int:
    """Bytes that have arrived and were not read: close() answers them with RST (RFC 9293 section 3.10.4, RFC 1122)."""
    import fcntl
    import termios

    count = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.FIONREAD, count)
    return count[0]


def _lingers_not(sock: socket.socket) -> bool:
    on, seconds = struct.unpack("@ii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
    return bool(on) and seconds == 0


def _place_of(sock: socket.socket) -> Place | None:
    """Where a socket stands; None when another thread has closed it meanwhile."""
    try:
        address, port = sock.getsockname()[:2]
    except OSError:
        return None
    return address, port
