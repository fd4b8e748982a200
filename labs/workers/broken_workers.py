"""Faults of gunicorn's workers. Runs in the child, before the fork."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any


def _sync() -> Any:
    from gunicorn.workers.sync import SyncWorker

    return SyncWorker


def _gthread() -> Any:
    from gunicorn.workers.gthread import ThreadWorker

    return ThreadWorker


def _worker_starts_threads() -> None:
    worker = _sync()
    handle = worker.handle

    def in_a_thread(self: Any, listener: Any, client: Any, addr: Any) -> None:
        threading.Thread(target=handle, args=(self, listener, client, addr), daemon=True).start()

    worker.handle = in_a_thread


def _gthread_reports_when_idle() -> None:
    worker = _gthread()
    notify = worker.notify

    def when_idle(self: Any) -> None:
        if not self.nr_conns:
            notify(self)

    worker.notify = when_idle


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


def _worker_dies_of_exceptions() -> None:
    worker = _sync()
    handle_error = worker.handle_error

    def handle(self: Any, *arguments: Any) -> None:
        handle_error(self, *arguments)
        os._exit(1)

    worker.handle_error = handle


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


WORKERS: Mapping[str, Callable[[], None]] = {
    "worker-starts-threads": _worker_starts_threads,
    "gthread-reports-when-idle": _gthread_reports_when_idle,
    "worker-accepts-ahead": _worker_accepts_ahead,
    "worker-dies-of-exceptions": _worker_dies_of_exceptions,
    "workers-load-again": _workers_load_again,
    "worker-waits-for-whole-requests": _worker_waits_for_whole_requests,
    "pool-of-one": _pool_of_one,
}
