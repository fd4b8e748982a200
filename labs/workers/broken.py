"""The lab's faults where they are made: in the child, before gunicorn forks. Nothing of this runs in labctl itself.

`prepare` gets the habits that a fault switches on, and changes classes of gunicorn or of the lab's application.
"""

from __future__ import annotations

import mmap
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any


def prepare(habits: frozenset[str]) -> None:
    """Make each of these habits true in this process and in what it forks."""
    for habit in habits:
        if habit in _CHANGES:
            _CHANGES[habit]()


def _sync() -> Any:
    from gunicorn.workers.sync import SyncWorker

    return SyncWorker


def _gthread() -> Any:
    from gunicorn.workers.gthread import ThreadWorker

    return ThreadWorker


def _arbiter() -> Any:
    from gunicorn.arbiter import Arbiter

    return Arbiter


def _shop() -> Any:
    from labs.workers.apps import shop

    return shop


def _worker_starts_threads() -> None:
    worker = _sync()
    handle = worker.handle

    def in_a_thread(self: Any, listener: Any, client: Any, addr: Any) -> None:
        threading.Thread(target=handle, args=(self, listener, client, addr), daemon=True).start()

    worker.handle = in_a_thread


def _master_never_looks() -> None:
    _arbiter().murder_workers = lambda self: None


def _gthread_reports_when_idle() -> None:
    worker = _gthread()
    notify = worker.notify

    def when_idle(self: Any) -> None:
        if not self.nr_conns:
            notify(self)

    worker.notify = when_idle


def _workers_open_their_own() -> None:
    """The master only has the address: it is bound, and does not listen."""
    from gunicorn.sock import BaseSocket

    arbiter = _arbiter()
    spawn = arbiter.spawn_worker
    options = BaseSocket.set_options

    def with_reuse(self: Any, sock: socket.socket, bound: bool = False) -> Any:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # It came to us listening: from here on it only has the address.
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
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(listener.getsockname())
    made.listen(64)
    made.setblocking(False)
    other = object.__new__(type(listener))
    other.__dict__.update(listener.__dict__, sock=made)
    return other


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


def _worker_accepts_ahead() -> None:
    worker = _sync()
    accept_one = worker.accept

    def accept(self: Any, listener: Any) -> None:
        """All that wait, then one after the other."""
        held = self.__dict__.setdefault("held", [])
        while True:
            try:
                held.append(listener.accept())
            except BlockingIOError:
                break
        if not held:
            accept_one(self, listener)  # raises what the loop expects
            return
        client, addr = held.pop(0)
        client.setblocking(True)
        self.handle(listener, client, addr)

    worker.accept = accept


def _master_never_respawns() -> None:
    arbiter = _arbiter()
    spawn_workers = arbiter.spawn_workers

    def once(self: Any) -> None:
        if not self.__dict__.get("spawned"):
            self.spawned = True
            spawn_workers(self)

    arbiter.spawn_workers = once


def _worker_dies_of_exceptions() -> None:
    worker = _sync()
    handle_error = worker.handle_error

    def handle(self: Any, *arguments: Any) -> None:
        handle_error(self, *arguments)
        os._exit(1)

    worker.handle_error = handle


def _hup_ends_at_once() -> None:
    import signal

    arbiter = _arbiter()
    reload = arbiter.reload

    def at_once(self: Any) -> None:
        for pid in list(self.WORKERS):
            os.kill(pid, signal.SIGKILL)
        reload(self)

    arbiter.reload = at_once


def _counter_is_shared() -> None:
    """A number in an anonymous mapping, which fork shares: all workers add to the same one."""
    import fcntl
    import tempfile

    shared = mmap.mmap(-1, 8)
    lock_name = tempfile.NamedTemporaryFile().name  # noqa: SIM115  # each process opens its own

    def add(self: Any) -> int:
        with open(lock_name, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (value,) = struct.unpack("q", shared[:8])
            shared[:8] = struct.pack("q", value + 1)
        return int(value) + 1

    _shop().Counter.add = add


def _workers_load_again() -> None:
    from gunicorn.workers.base import Worker

    load = Worker.load_wsgi

    def again(self: Any) -> None:
        preloaded = sys.modules.get("labs.workers.apps.shop")
        load(self)
        if preloaded is not None:
            from importlib import reload

            reload(preloaded)

    Worker.load_wsgi = again


def _catalogue_in_one_block() -> None:
    os.environ["LABCTL_WORKERS_BLOCK"] = "yes"


def _backlog_without_end() -> None:
    from gunicorn.sock import BaseSocket

    options = BaseSocket.set_options

    def listen_to_many(self: Any, sock: socket.socket, bound: bool = False) -> Any:
        made = options(self, sock, bound)
        made.listen(4096)
        return made

    BaseSocket.set_options = listen_to_many


def _worker_waits_for_whole_requests() -> None:
    """What a buffering proxy does for a worker: nobody is served before all of the request is there."""
    import select

    worker = _sync()
    handle = worker.handle

    def whole_first(self: Any, listener: Any, client: Any, addr: Any) -> None:
        parked = self.__dict__.setdefault("parked", [])
        parked.append((client, addr))
        for each in list(parked):
            sock = each[0]
            if not select.select([sock], [], [], 0.01)[0]:
                continue
            seen = sock.recv(65536, socket.MSG_PEEK)
            if not seen or b"\r\n\r\n" in seen:
                parked.remove(each)
                handle(self, listener, *each)

    worker.handle = whole_first


def _pool_of_one() -> None:
    from concurrent.futures import ThreadPoolExecutor

    _gthread().get_thread_pool = lambda self: ThreadPoolExecutor(max_workers=1)


def _loop_outside_of_python() -> None:
    shop = _shop()
    shop.WORK["/loop"] = shop.digest


def _digest_in_small_pieces() -> None:
    import hashlib

    def small(milliseconds: float) -> None:
        piece = bytes(2000)
        end = time.thread_time_ns() + int(milliseconds * 1e6)
        while time.thread_time_ns() < end:
            found = hashlib.sha256()
            for _ in range(200):
                found.update(piece)

    _shop().WORK["/digest"] = small


def _loop_that_sleeps() -> None:
    shop = _shop()
    shop.WORK["/loop"] = shop.wait


def _web_concurrency() -> None:
    os.environ["WEB_CONCURRENCY"] = "4"


_CHANGES: dict[str, Callable[[], None]] = {
    "web-concurrency": _web_concurrency,
    "worker-starts-threads": _worker_starts_threads,
    "master-never-looks": _master_never_looks,
    "gthread-reports-when-idle": _gthread_reports_when_idle,
    "workers-open-their-own": _workers_open_their_own,
    "master-answers-too": _master_answers_too,
    "worker-accepts-ahead": _worker_accepts_ahead,
    "master-never-respawns": _master_never_respawns,
    "worker-dies-of-exceptions": _worker_dies_of_exceptions,
    "hup-ends-at-once": _hup_ends_at_once,
    "counter-is-shared": _counter_is_shared,
    "workers-load-again": _workers_load_again,
    "catalogue-in-one-block": _catalogue_in_one_block,
    "backlog-without-end": _backlog_without_end,
    "worker-waits-for-whole-requests": _worker_waits_for_whole_requests,
    "pool-of-one": _pool_of_one,
    "loop-outside-of-python": _loop_outside_of_python,
    "digest-in-small-pieces": _digest_in_small_pieces,
    "loop-that-sleeps": _loop_that_sleeps,
}
