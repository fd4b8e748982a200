"""Sockets of the name servers: one thread that receives for all of them, and one that holds answers back.

What a server answers once it keeps by the question's bytes without their id, so that the usual question costs
one dictionary look-up. An answer with a distance to travel waits in the delay line, where it blocks nobody.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from labctl.sandbox.delay_line import DelayLine
from labctl.sandbox.dns_stream import Listener

# How many answers one server keeps before it starts afresh: questions with cookies never repeat.
_KEPT = 4096
# How many datagrams are taken from one socket before the others have their turn.
_TURN = 64
Send = Callable[[bytes], None]


class Service(Protocol):
    """What answers. `handle` calls `send` once, now or later from any thread, or never.

    `keeps`: the answer to the same bytes is always the same.
    """

    @property
    def keeps(self) -> bool: ...

    def handle(self, wire: bytes, over_udp: bool, send: Send) -> None: ...


class NameServers:
    """All sockets of a sandbox. `crashes` holds what should never happen; tests look at it."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._delays = DelayLine()
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._drain)
        self._thread: threading.Thread | None = None
        self._holding = False
        self._closing = False
        self._sockets: list[socket.socket] = []
        self._datagrams: list[Datagrams] = []
        self._listeners: list[Listener] = []
        self.crashes: list[BaseException] = []

    def open_udp(self, address: tuple[str, int], service: Service | None, latency: float) -> int:
        """Answer datagrams at this address (port 0: any); `latency` in seconds. Returns the port.

        `service` None: the socket is there and nobody ever reads it. Raises OSError.
        """
        sock = socket.socket(_family(address), socket.SOCK_DGRAM)
        self._sockets.append(sock)
        sock.bind(address)
        if service is not None:
            sock.setblocking(False)
            datagrams = Datagrams(sock, service, latency, self._delays, self.crashes)
            self._datagrams.append(datagrams)
            self._watch(sock, datagrams.receive)
        port: int = sock.getsockname()[1]
        return port

    def open_tcp(self, address: tuple[str, int], service: Service | None, latency: float) -> int:
        """The same for streams (RFC 7766)."""
        sock = socket.socket(_family(address), socket.SOCK_STREAM)
        self._sockets.append(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(64)
        if service is not None:
            sock.setblocking(False)

            def answer(wire: bytes, send: Send) -> None:
                arrived = time.monotonic()

                def delayed(reply: bytes) -> None:
                    if latency:
                        self._delays.after(_left(service, latency, arrived), lambda: send(reply))
                    else:
                        send(reply)

                _guarded(service, wire, False, delayed, self.crashes)

            listener = Listener(sock, self._selector, answer, self._nudge)
            self._listeners.append(listener)
            self._watch(sock, listener.accept)
        port: int = sock.getsockname()[1]
        return port

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Many are opened inside: nothing is answered before they all are."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
            self._look()

    def _watch(self, sock: socket.socket, act: Callable[[], None]) -> None:
        self._selector.register(sock, selectors.EVENT_READ, act)
        if not self._holding:
            self._look()

    def _look(self) -> None:
        """Have the thread look at all sockets; it starts with the first."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sandbox name servers")
            self._thread.start()
        else:
            self._nudge()

    def _nudge(self) -> None:
        """Make the thread look at the selector again: not every system notices a new socket by itself."""
        with contextlib.suppress(OSError):
            self._wake.send(b"\0")

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select():
                key.data()

    def forget(self) -> None:
        """Throw away kept answers: their date has passed."""
        for datagrams in self._datagrams:
            datagrams.kept.clear()

    def close(self) -> None:
        """End both threads, close every socket. Idempotent."""
        if self._closing:
            return
        self._closing = True
        self._nudge()
        if self._thread is not None:
            self._thread.join()
        self._delays.close()
        for listener in self._listeners:
            listener.close()
        for sock in (*self._sockets, self._wake, self._woken):
            sock.close()
        self._selector.close()


class Datagrams:
    """One UDP socket and the answers that were given on it."""

    def __init__(
        self,
        sock: socket.socket,
        service: Service,
        latency: float,
        delays: DelayLine,
        crashes: list[BaseException],
    ) -> None:
        self._sock = sock
        self._service = service
        self._latency = latency
        self._delays = delays
        self._crashes = crashes
        self.kept: dict[bytes, bytes] = {}

    def receive(self) -> None:
        """Take what has arrived and answer it. The path of a known question is as short as it can be."""
        sock, kept, latency = self._sock, self.kept, self._latency
        receive = sock.recvfrom
        for _ in range(_TURN):
            try:
                wire, asker = receive(65_535)
            except BlockingIOError:
                return
            except OSError:  # an asker that has gone away, on systems that tell the server
                continue
            answer = kept.get(wire[2:])
            if answer is None:
                self._first_time(wire, asker)
            elif latency:
                self._send(wire[:2] + answer, asker, latency)
            else:
                try:
                    sock.sendto(wire[:2] + answer, asker)
                except OSError:
                    continue

    def _first_time(self, wire: bytes, asker: tuple[str, int]) -> None:
        arrived = time.monotonic()

        def send(answer: bytes) -> None:
            if self._service.keeps:
                if len(self.kept) >= _KEPT:
                    self.kept.clear()
                self.kept[wire[2:]] = answer[2:]
            self._send(answer, asker, _left(self._service, self._latency, arrived))

        _guarded(self._service, wire, True, send, self._crashes)

    def _send(self, answer: bytes, asker: tuple[str, int], seconds: float) -> None:
        def send() -> None:
            # Closed meanwhile, or the asker cannot be reached: the datagram is lost, as datagrams are.
            with contextlib.suppress(OSError):
                self._sock.sendto(answer, asker)

        if self._latency:
            self._delays.after(seconds, send)
        else:
            send()


def _family(address: tuple[str, int]) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def _left(service: Service, latency: float, arrived: float) -> float:
    """How long to hold an answer back. Thinking is no distance: what it took is taken off.

    A resolver's thinking is a walk, which took its time on the wire, and its own distance comes on top.
    """
    return latency - (time.monotonic() - arrived) if service.keeps else latency


def _guarded(service: Service, wire: bytes, over_udp: bool, send: Send, crashes: list[BaseException]) -> None:
    """Ask the service; a bug of ours becomes SERVFAIL and a note, and never ends the thread."""
    try:
        service.handle(wire, over_udp, send)
    except Exception as error:
        crashes.append(error)
        if len(wire) >= 12:
            send(wire[:2] + bytes([0x80 | wire[2] & 0x79, 2]) + bytes(8))
