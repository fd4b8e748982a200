"""Faults of gunicorn's master, and of the socket that it opens. Runs in the child, before the fork."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any


def _arbiter() -> Any:
    from gunicorn.arbiter import Arbiter

    return Arbiter


def _master_never_looks() -> None:
    _arbiter().murder_workers = lambda self: None


def _workers_open_their_own() -> None:
    """The master only has the address: it is bound, and does not listen."""
    from gunicorn.sock import BaseSocket

    arbiter = _arbiter()
    spawn = arbiter.spawn_worker
    options = BaseSocket.set_options
    held: list[socket.socket] = []

    def with_reuse(self: Any, sock: socket.socket, bound: bool = False) -> Any:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # It came to us listening: from here on it only has the address. A port that the kernel chose is given back
        # by shutdown(), and another program could get it before the workers do: a second socket holds it.
        held.append(_bound(sock))
        sock.shutdown(socket.SHUT_RDWR)
        return options(self, sock, bound)

    def spawn_worker(self: Any) -> Any:
        shared = self.LISTENERS
        self.LISTENERS = [_another(each) for each in shared]
        try:
            return spawn(self)
        finally:
            for each in self.LISTENERS:
                each.close()
            self.LISTENERS = shared

    BaseSocket.set_options = with_reuse
    BaseSocket._is_listening = staticmethod(lambda sock: True)
    arbiter.spawn_worker = spawn_worker


def _another(listener: Any) -> Any:
    """A listening socket of the same address, in an object of gunicorn's."""
    made = _bound(listener)
    made.listen(64)
    made.setblocking(False)
    other = object.__new__(type(listener))
    other.__dict__.update(listener.__dict__, sock=made)
    return other


def _bound(listener: Any) -> socket.socket:
    """Another socket of the same address, which does not listen."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(listener.getsockname())
    return made


def _master_answers_too() -> None:
    arbiter = _arbiter()
    start = arbiter.start

    def and_serve(self: Any) -> None:
        start(self)
        for listener in self.LISTENERS:
            threading.Thread(target=_serve, args=(listener.sock,), daemon=True).start()

    arbiter.start = and_serve


def _serve(listening: socket.socket) -> None:
    """Answer who comes, as a very small server."""
    body = b'{"pid": %d}' % os.getpid()
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    while True:
        try:
            client, _ = listening.accept()
        except BlockingIOError:
            time.sleep(0.001)
            continue
        except OSError:
            return
        with client:
            client.setblocking(True)
            client.settimeout(1.0)
            try:
                client.recv(65536)
                client.sendall(head % len(body) + body)
            except OSError:
                continue


def _master_never_respawns() -> None:
    arbiter = _arbiter()
    spawn_workers = arbiter.spawn_workers

    def once(self: Any) -> None:
        if not self.__dict__.get("spawned"):
            self.spawned = True
            spawn_workers(self)

    arbiter.spawn_workers = once


def _hup_ends_at_once() -> None:
    import signal

    arbiter = _arbiter()
    reload = arbiter.reload

    def at_once(self: Any) -> None:
        for pid in list(self.WORKERS):
            os.kill(pid, signal.SIGKILL)
        reload(self)

    arbiter.reload = at_once


def _backlog_without_end() -> None:
    from gunicorn.sock import BaseSocket

    options = BaseSocket.set_options

    def listen_to_many(self: Any, sock: socket.socket, bound: bool = False) -> Any:
        made = options(self, sock, bound)
        made.listen(4096)
        return made

    BaseSocket.set_options = listen_to_many


def _web_concurrency() -> None:
    os.environ["WEB_CONCURRENCY"] = "4"


MASTER: Mapping[str, Callable[[], None]] = {
    "master-never-looks": _master_never_looks,
    "workers-open-their-own": _workers_open_their_own,
    "master-answers-too": _master_answers_too,
    "master-never-respawns": _master_never_respawns,
    "hup-ends-at-once": _hup_ends_at_once,
    "backlog-without-end": _backlog_without_end,
    "web-concurrency": _web_concurrency,
}
