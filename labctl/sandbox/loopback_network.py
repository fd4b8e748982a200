"""What both weak networks share: client and server on this machine's own loopback, no namespaces, no wire."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from labctl.errors import CannotRun
from labctl.kernel_view.lost_segments import ignore_lost
from labctl.network import Direction, Network, Rule, Side
from labctl.protocols.tcp_segments import Segment
from labctl.sandbox.loopback_script import LoopbackScript
from labctl.sandbox.watched_socket import WatchedSocket

_HOST = "127.0.0.1"


class LoopbackNetwork(Network):
    """Sockets on 127.0.0.1 that are watched. What is watched for is the subclasses' matter.

    Nothing of the host is changed: settings can be read, not written.
    """

    client_address = _HOST
    server_address = _HOST
    # A loopback has no distance; what is measured there is the machine's own work.
    rtt_ms = 0.0

    def __init__(self) -> None:
        self._script = LoopbackScript()
        self._listeners: dict[int, WatchedSocket] = {}
        self._servers: set[WatchedSocket] = set()

    def client_socket(
        self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0
    ) -> socket.socket:
        return self._socket(family, kind, protocol)

    def server_socket(
        self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0
    ) -> socket.socket:
        sock = self._socket(family, kind, protocol)
        if isinstance(sock, WatchedSocket):
            self._servers.add(sock)
        return sock

    def on_client(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def on_server(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def script(self, *rules: Rule) -> AbstractContextManager[None]:
        return self._script.holding(*rules)

    def sysctl(self, name: str, value: str | None = None, side: Side = "client") -> str:
        if value is not None:
            raise CannotRun(
                "needs-box",
                f"The setting {name} is the whole machine's here, and is left alone",
                evidence=(("tried", f"{name} = {value}"),),
                fixes=("labctl doctor",),
            )
        try:
            with open("/proc/sys/" + name.replace(".", "/"), encoding="ascii") as file:
                return file.read().strip()
        except OSError as error:
            seen = f"{errno.errorcode.get(error.errno or 0, '?')}: {error.strerror}"
            raise CannotRun(
                "no-sysctl", f"This kernel has no setting {name}", evidence=(("seen", seen),)
            ) from error

    def move_away(self, rtt_ms: float) -> None:
        raise CannotRun(
            "needs-box",
            "A loopback has no distance that could be changed",
            evidence=(("tried", f"{rtt_ms:g} ms there and back"),),
            fixes=("labctl doctor",),
        )

    def begin_with(self, segments: int) -> None:
        raise CannotRun(
            "needs-box",
            "How many segments a connection begins with is the whole machine's here, and is left alone",
            evidence=(("tried", f"initcwnd {segments}"),),
            fixes=("labctl doctor",),
        )

    def _socket(self, family: int, kind: int, protocol: int) -> socket.socket:
        if kind & ~(
            socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC if hasattr(socket, "SOCK_NONBLOCK") else 0
        ) != (socket.SOCK_STREAM) or family not in (socket.AF_INET, socket.AF_INET6):
            other = socket.socket(family, kind, protocol)
            other.settimeout(self.timeout)
            return other
        sock = WatchedSocket(self, family, kind, protocol)
        ignore_lost(sock)
        return sock

    # What sockets tell (watched_socket.Watcher). Subclasses add to it.

    def bound(self, sock: WatchedSocket) -> None:
        self._listeners[sock.getsockname()[1]] = sock

    def connecting(self, sock: WatchedSocket, address: Any) -> None:
        pass

    @contextmanager
    def first_syn(self, sock: WatchedSocket, address: Any) -> Iterator[None]:
        listener = self._listeners.get(address[1])
        with contextlib.ExitStack() as stack:
            syn = _about_to_be_sent((self.client_address, 0), address, "S")
            self.losing(sock, stack.enter_context(self._script.sending(sock, syn, "to-server")))
            if listener is not None and listener.fileno() >= 0:
                answer = _about_to_be_sent(address, (self.client_address, 0), "SA")
                stack.enter_context(self._script.sending(listener, answer, "to-client"))
            yield

    def losing(self, sock: WatchedSocket, lost: bool) -> None:
        """What `sock` is about to send is lost on purpose, or is not."""

    def syn_again(self, sock: WatchedSocket) -> None:
        pass

    def connected(self, sock: WatchedSocket, error: int) -> None:
        pass

    def accepted(self, sock: WatchedSocket, listener: WatchedSocket) -> None:
        self._servers.add(sock)

    @contextmanager
    def sending(self, sock: WatchedSocket, data: bytes) -> Iterator[None]:
        with self._judged(sock, "PA", data):
            yield

    def sent(self, sock: WatchedSocket, data: bytes) -> None:
        pass

    @contextmanager
    def finishing(self, sock: WatchedSocket) -> Iterator[None]:
        with self._judged(sock, "FA"):
            yield

    def used(self, sock: WatchedSocket, error: OSError | None = None) -> None:
        pass

    @contextmanager
    def closing(self, sock: WatchedSocket) -> Iterator[None]:
        yield

    def closed(self, sock: WatchedSocket) -> None:
        self._servers.discard(sock)
        for port in [p for p, s in self._listeners.items() if s is sock]:
            del self._listeners[port]

    @contextmanager
    def _judged(self, sock: WatchedSocket, flags: str, data: bytes = b"") -> Iterator[None]:
        try:
            own, peer = sock.getsockname(), sock.getpeername()
        except OSError:
            yield
            return
        direction: Direction = "to-client" if sock in self._servers else "to-server"
        segment = _about_to_be_sent(own, peer, flags, data)
        with self._script.sending(sock, segment, direction) as lost:
            self.losing(sock, lost)
            yield


def _about_to_be_sent(source: Any, target: Any, flags: str, data: bytes = b"") -> Segment:
    """What a rule is shown: who, to whom, flags and bytes. The rest nobody knows yet."""
    unknown = ("ack", "ip_id", "options", "seq", "ttl", "window")
    ports = source[1], target[1]
    return Segment(0, source[0], ports[0], target[0], ports[1], 0, 0, flags, 0, data, unknown=unknown)
