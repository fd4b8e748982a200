"""The situations of rule.py made live on free loopback ports, and bind() tried in each: the matrix.

All connections but those in TIME-WAIT end with RST, so that nothing else is left behind. Takes some ten
milliseconds; no wait is longer than a second.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from labctl.ports.rule import OPTIONS, SITUATIONS, Situation, allowed
from labctl.ports.sockets import all_sockets, readable
from labctl.ports.trials import named, set_option

HOST = "127.0.0.1"
_PATIENCE = 1.0
_TRIES = 16


@dataclass(frozen=True)
class Cell:
    """One trial: the option on the OLD and on the NEW socket, the call that failed ("" when none), its errno.

    `as_rule` is False when the kernel decided otherwise than rule.py says of Linux.
    """

    situation: str
    old: str
    new: str
    call: str
    number: int
    error: str
    as_rule: bool

    @property
    def works(self) -> bool:
        return self.number == 0


@dataclass(frozen=True)
class Elsewhere:
    """A case in which bind() works and another call fails: one of the two exceptions."""

    call: str
    number: int
    error: str
    text: str


@dataclass(frozen=True)
class Matrix:
    """Every cell that could be tried, the situations that could not be made with the reason, and how long it took."""

    cells: tuple[Cell, ...]
    not_made: tuple[tuple[str, str], ...]
    elsewhere: tuple[Elsewhere, ...]
    seconds: float
    # Whether the states of the sockets were read from the kernel, and were those that the situation wants.
    states_checked: bool

    @property
    def as_rule(self) -> int:
        return sum(cell.as_rule for cell in self.cells)


class _Made:
    """Sockets of the matrix; `close` ends them with RST, which leaves nothing behind.

    Every port is one that nothing else has: connect() may give a client the source port of another connection that
    waits in TIME-WAIT, as long as their targets differ, and then two situations would be on one port.
    """

    def __init__(self) -> None:
        self._kept: list[socket.socket] = []
        self._ports = {line.local_port for line in all_sockets()}

    def open(self, option: str) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._kept.append(sock)
        sock.settimeout(_PATIENCE)
        set_option(sock, option)
        return sock

    def bound(self, option: str) -> socket.socket:
        return self._on_its_own_port(option, lambda sock: sock.bind((HOST, 0)))

    def connected(self, option: str, listener: socket.socket) -> tuple[socket.socket, socket.socket]:
        """(the client's socket, the server's)."""
        target = listener.getsockname()
        client = self._on_its_own_port(option, lambda sock: sock.connect(target))
        while True:
            # Clients that were given up for their port are still in the queue.
            server, peer = listener.accept()
            self._kept.append(server)
            server.settimeout(_PATIENCE)
            if peer == client.getsockname():
                return client, server
            server.close()

    def _on_its_own_port(self, option: str, take: Callable[[socket.socket], None]) -> socket.socket:
        for attempt in range(_TRIES):
            sock = self.open(option)
            take(sock)
            port: int = sock.getsockname()[1]
            if port not in self._ports or attempt == _TRIES - 1:
                self._ports.add(port)
                return sock
            reset(sock)
        raise AssertionError("unreachable")

    def close(self) -> None:
        for sock in self._kept:
            if sock.fileno() >= 0:
                with contextlib.suppress(OSError):
                    reset(sock)
                sock.close()


def reset(sock: socket.socket) -> None:
    """Make close() send RST instead of FIN (SO_LINGER with 0 seconds), and close."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def _listener(made: _Made, option: str) -> socket.socket:
    sock = made.bound(option)
    sock.listen(_TRIES)
    return sock


def _ends_first(first: socket.socket, second: socket.socket) -> None:
    """Close one side, and the other when it has heard of it: the first one gets TIME-WAIT."""
    first.close()
    with contextlib.suppress(ConnectionResetError):
        second.recv(1)
    second.close()


def _make(made: _Made, id: str, option: str) -> int:
    """Bring about the situation; the port that it is about."""
    if id == "bound":
        return _port(made.bound(option))
    if id == "listening":
        return _port(_listener(made, option))
    of_client = id.startswith("source-port")
    listener = _listener(made, "" if of_client else option)
    client, server = made.connected(option if of_client else "", listener)
    port = _port(client if of_client else listener)
    if id == "source-port":
        return port
    listener.close()
    if id == "fin-wait-2":
        server.close()
        client.recv(1)
    elif id == "close-wait":
        client.close()
        server.recv(1)
    elif id == "time-wait-server":
        _ends_first(server, client)
    elif id in ("time-wait-client", "source-port-time-wait"):
        _ends_first(client, server)
    elif id == "reset":
        reset(server)
        with contextlib.suppress(ConnectionResetError):
            client.recv(1)
        client.close()
    return port


def _port(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


def run_matrix(clock: Callable[[], float] = time.monotonic) -> Matrix:
    """Make everything, try everything, leave nothing but TIME-WAIT."""
    started = clock()
    with ExitStack() as stack:
        made = _Made()
        stack.callback(made.close)
        standing: list[tuple[Situation, str, int]] = []
        not_made: list[tuple[str, str]] = []
        options = [option for option in OPTIONS if not option or hasattr(socket, option)]
        for situation in SITUATIONS:
            for old in options:
                try:
                    standing.append((situation, old, _make(made, situation.id, old)))
                except OSError as error:
                    not_made.append((f"{situation.id} {old}".rstrip(), str(error)))
        checked = _settled(standing, clock)
        cells = [_tried(situation, old, new, port) for situation, old, port in standing for new in options]
        elsewhere = tuple(each for each in (_listen_fails(made), _connect_fails(made)) if each)
    return Matrix(tuple(cells), tuple(not_made), elsewhere, clock() - started, checked)


def _tried(situation: Situation, old: str, new: str, port: int) -> Cell:
    call, number, error = "", 0, ""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            call = "setsockopt"
            set_option(sock, new)
            call = "bind"
            sock.bind((HOST, port))
            call = "listen"
            sock.listen()
            call = ""
        except OSError as failed:
            number, error, _ = named(failed)
    return Cell(situation.id, old, new, call, number, error, (number == 0) == allowed(situation, old, new))


def _settled(standing: list[tuple[Situation, str, int]], clock: Callable[[], float]) -> bool:
    """Wait until the kernel says of each port what the situation wants: the last ACK may be on its way."""
    if not readable():
        return False
    until = clock() + _PATIENCE / 2
    while True:
        at: dict[int, list[str]] = {}
        for line in all_sockets():
            if line.transport == "tcp":
                at.setdefault(line.local_port, []).append(line.state)
        if all(sorted(at.get(port, [])) == sorted(each.states) for each, _, port in standing):
            return True
        if clock() > until:
            return False
        time.sleep(0.005)


def _listen_fails(made: _Made) -> Elsewhere | None:
    """Two sockets with SO_REUSEADDR are bound before either listens: the second listen() fails."""
    try:
        one, two = made.bound("SO_REUSEADDR"), made.open("SO_REUSEADDR")
        two.bind(one.getsockname())
        one.listen()
    except OSError:
        return None
    try:
        two.listen()
    except OSError as error:
        number, name, _ = named(error)
        text = (
            "listen() fails when two sockets were bound with SO_REUSEADDR and the other one listens already"
        )
        return Elsewhere("listen", number, name, text)
    return None


def _connect_fails(made: _Made) -> Elsewhere | None:
    """Two sockets share a source port and want the same target: the pair of addresses must be unique."""
    try:
        listener = _listener(made, "")
        one, two = made.bound("SO_REUSEADDR"), made.open("SO_REUSEADDR")
        two.bind(one.getsockname())
        one.connect(listener.getsockname())
    except OSError:
        return None
    try:
        two.connect(listener.getsockname())
    except OSError as error:
        number, name, _ = named(error)
        text = "connect() fails when another socket with the same source port is connected to the same target"
        return Elsewhere("connect", number, name, text)
    return None
