"""The box as a `Network`: real sockets in two network namespaces, and the wire between them."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager

from labctl.errors import CannotRun
from labctl.network import Network, Rule, Side
from labctl.protocols.tcp_segments import Segment, read_frame
from labctl.sandbox.layout import CLIENT_ADDRESS, CLIENT_ADDRESS_6, SERVER_LINK, Layout
from labctl.sandbox.namespace import inside
from labctl.sandbox.netlink import Netlink
from labctl.sandbox.wire import Frame, Wire

# What a busy machine may add to a round trip before somebody must be said to be quiet. Milliseconds.
_SLACK_MS = 5.0
_LONGEST = 1.0


class BoxNetwork(Network):
    """Everything that crosses is captured, and a script decides what arrives."""

    evidence = "captured"
    client_address = CLIENT_ADDRESS

    def __init__(self, layout: Layout, wire: Wire, server_address: str, rtt_ms: float) -> None:
        self.server_address = server_address
        self.rtt_ms = rtt_ms
        self._layout = layout
        self._wire = wire

    def client_socket(
        self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0
    ) -> socket.socket:
        return self._socket(self._layout.client, family, kind, protocol)

    def server_socket(
        self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0
    ) -> socket.socket:
        return self._socket(self._layout.server, family, kind, protocol)

    def _socket(self, network: int, family: int, kind: int, protocol: int) -> socket.socket:
        with inside(network):
            sock = socket.socket(family, kind, protocol)
        sock.settimeout(self.timeout)
        return sock

    def on_client(self) -> AbstractContextManager[None]:
        return inside(self._layout.client)

    def on_server(self) -> AbstractContextManager[None]:
        return inside(self._layout.server)

    @contextlib.contextmanager
    def script(self, *rules: Rule) -> Iterator[None]:
        with self._wire.script(*rules):
            yield

    def segments(self, *, port: int | None = None, settle_ms: float | None = None) -> list[Segment]:
        quiet = self.rtt_ms + _SLACK_MS if settle_ms is None else settle_ms
        self._wire.wait_for_quiet(quiet / 1000, max(_LONGEST, quiet / 1000))
        found = (_segment(frame) for frame in self._wire.take())
        return [
            s for s in found if s is not None and (port is None or port in (s.source_port, s.target_port))
        ]

    def sysctl(self, name: str, value: str | None = None, side: Side = "client") -> str:
        path = "/proc/sys/" + name.replace(".", "/")
        with inside(self._layout.client if side == "client" else self._layout.server):
            try:
                if value is not None:
                    with open(path, "w") as file:
                        file.write(value)
                with open(path) as file:
                    return file.read().strip()
            except OSError as error:
                raise _no_sysctl(name, value, error) from error

    def move_away(self, rtt_ms: float) -> None:
        self._wire.move_away(rtt_ms / 2000)
        self.rtt_ms = rtt_ms

    def begin_with(self, segments: int) -> None:
        with inside(self._layout.server), Netlink() as link:
            link.initial_window(CLIENT_ADDRESS, 32, SERVER_LINK, segments)
            if self._layout.ipv6:
                link.initial_window(CLIENT_ADDRESS_6, 128, SERVER_LINK, segments)

    @property
    def capture_complete(self) -> bool:
        return self._wire.missed == 0


def _segment(frame: Frame) -> Segment | None:
    read = read_frame(frame.data, frame.at_ns)
    if not isinstance(read, Segment):
        return None
    if frame.dropped or frame.delay_ms:
        return dataclasses.replace(read, dropped=frame.dropped, delayed_ms=frame.delay_ms)
    return read


def _no_sysctl(name: str, value: str | None, error: OSError) -> CannotRun:
    tried = ("write" if value is not None else "read", f"{name}{'' if value is None else f' = {value}'}")
    said = ("got", f"{errno.errorcode.get(error.errno or 0, '')}: {error.strerror}")
    if error.errno == errno.ENOENT:
        return CannotRun("no-sysctl", f"this kernel has no setting {name}", evidence=(tried, said))
    return CannotRun("needs-box", f"the setting {name} cannot be changed here", evidence=(tried, said))
