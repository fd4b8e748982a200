"""A relay between a client and a server on this machine, which can be cut, and closed for a while."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class CuttingRelay:
    """Passes each connection to `port` of this machine on to `server`. While it is `stopped`, it refuses all."""

    def __init__(self, port: int, server: tuple[str, int]) -> None:
        self._port, self._server = port, server
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None

    def start(self) -> None:
        """It takes connections."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._begin(self._accept, self._listener)

    def stop(self) -> None:
        """It refuses connections, and those that were open are cut."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def cut(self) -> int:
        """End what is open now; how many sockets that were."""
        with self._lock:
            held = list(self._open)
        for sock in held:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        return len(held)

    def close(self) -> None:
        self.stop()
        while self._threads:
            self._threads.pop().join()

    def _begin(self, target: object, *arguments: object) -> None:
        assert callable(target)
        self._threads.append(threading.Thread(target=target, args=arguments))
        self._threads[-1].start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                with self._lock:
                    gone = self._listener is not listener
                if gone:
                    near.close()
                    return
                self._begin(self._both_ways, near)
            except OSError:
                return

    def _both_ways(self, near: socket.socket) -> None:
        with near:
            try:
                far = socket.create_connection(self._server)
            except OSError:
                return
            with far:
                with self._lock:
                    self._open |= {near, far}
                back = threading.Thread(target=_pass_on, args=(far, near))
                back.start()
                _pass_on(near, far)
                back.join()
                with self._lock:
                    self._open -= {near, far}


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def relayed(port: int, server: tuple[str, int]) -> Iterator[CuttingRelay]:
    """A relay that runs."""
    relay = CuttingRelay(port, server)
    relay.start()
    try:
        yield relay
    finally:
        relay.close()
