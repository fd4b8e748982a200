"""The two sides on which a demonstration plays: real sockets, a server program in a thread, what crossed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from labctl.network import Network, Rule
from labctl.protocols.tcp_segments import Segment
from labctl.sandbox.town import TcpManners

# The lab's first client port; each connection takes the next, so that a run can be told from its picture.
FIRST_PORT = 40001
# What a server program is given, and what it may raise: whatever a peer does to a socket.
Program = Callable[[socket.socket], None]


RIGHT = TcpManners()


@dataclass
class Stage:
    """A network, and the manners of this world. `boxed`: both sides are ours alone, with all ports."""

    network: Network
    manners: TcpManners = RIGHT
    _next_port: int = FIRST_PORT
    # What went wrong in server programs, for whoever wants to know; the segments tell the same.
    failures: list[str] = field(default_factory=list)
    # Where every segment is kept besides, for --pcap; None keeps none.
    keep: list[Segment] | None = None
    # What is chosen here is chosen from it, so that two runs can be compared.
    seed: int = 1

    @property
    def boxed(self) -> bool:
        return self.network.client_address != self.network.server_address

    @property
    def rtt_ms(self) -> float:
        return self.network.rtt_ms

    def listener(
        self, port: int = 80, *, backlog: int = 5, reuse: bool = True, address: str = ""
    ) -> socket.socket:
        """A listening socket on the server's side; outside of a box on any free port, and without another address."""
        if not self.boxed or not address:
            address = self.network.server_address
        listening = self.network.server_socket(family_of(address))
        if reuse:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port if self.boxed else 0))
        listening.listen(backlog)
        return listening

    def client(self, *, timeout: float | None = None, family: int = socket.AF_INET) -> socket.socket:
        """A client's socket, not connected; in a box its port is the next one of the lab's."""
        made = self.network.client_socket(family)
        if self.boxed:
            own = self.network.client_address if family == socket.AF_INET else "::"
            made.bind((own, self._next_port))
            self._next_port += 1
        if timeout is not None:
            made.settimeout(timeout)
        if self.manners.client_sends_at_once:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.manners.client_holds_first_ack:
            # Pretends that an answer is about to be written: the kernel saves the bare ACK.
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        return made

    @contextmanager
    def serving(self, program: Program, listening: socket.socket, *, connections: int = 1) -> Iterator[None]:
        """The program answers `connections` one after the other, in a thread that has ended afterwards.

        On leaving, a program that still waits for a connection is told that none will come.
        """

        def serve() -> None:
            for _ in range(connections):
                try:
                    accepted, _ = listening.accept()
                except OSError:
                    return
                with accepted:
                    accepted.settimeout(self.network.timeout)
                    try:
                        program(accepted)
                    except OSError as error:
                        self.failures.append(f"{type(error).__name__}: {error}")

        thread = threading.Thread(target=serve, name="server program")
        thread.start()
        try:
            yield
        finally:
            if thread.is_alive():
                thread.join(self.network.timeout / 4)
            if thread.is_alive():
                # Wakes a blocked accept; the program's own recv ends by its time-out.
                listening.shutdown(socket.SHUT_RDWR)
            thread.join()

    def crossed(self, *, port: int | None = None, settle_ms: float | None = None) -> list[Segment]:
        """The segments since the last call, from or to `port`."""
        if settle_ms is None:
            # What a program sent just now is still on its way to whoever captures it.
            time.sleep(0.003 + self.rtt_ms / 1000)
        found = self.network.segments(port=port, settle_ms=settle_ms)
        if self.keep is not None:
            self.keep += found
        return found

    def scripted(self, *rules: Rule) -> ExitStack:
        """The rules hold inside (raises CannotRun where there is no wire)."""
        stack = ExitStack()
        if rules:
            stack.enter_context(self.network.script(*rules))
        return stack


def family_of(address: str) -> int:
    """AF_INET6 for an address with colons."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def converse(
    stage: Stage,
    program: Program,
    client: Callable[[socket.socket], None],
    *rules: Rule,
    port: int = 80,
    timeout: float | None = None,
    settle_ms: float | None = None,
    prepare: Callable[[socket.socket], None] = lambda listening: None,
    address: str = "",
) -> list[Segment]:
    """One connection: `program` on the server's side, `client` on the other, and the segments that crossed.

    The server stands at `address` (default: the network's). The client's socket is closed when it returns. What
    a peer does to either of them is no error.
    """
    with stage.listener(port, address=address) as listening:
        prepare(listening)
        there, number = listening.getsockname()[:2]
        with (
            stage.scripted(*rules),
            stage.serving(program, listening),
            stage.client(timeout=timeout, family=listening.family) as connecting,
        ):
            try:
                connecting.connect((there, number))
                client(connecting)
            except OSError as error:
                stage.failures.append(f"{type(error).__name__}: {error}")
    return stage.crossed(port=number, settle_ms=settle_ms)
