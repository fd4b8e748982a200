"""A stream server on a thread, over a scripted store, and clients that speak to it byte by byte."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from jobs.scripted_store import ScriptedStore, settings_in

from labctl.jobs.access import Access, make_tokens
from labctl.jobs.doorbell import ring
from labctl.jobs.feed import Feed
from labctl.jobs.settings import Settings
from labctl.jobs.stream_server import StreamServer
from labctl.jobs.stream_server_connection import Limits
from labctl.jobs.stream_server_gate import Gate


class Standing:
    """A server on a thread of its own."""

    def __init__(self, settings: Settings, store: ScriptedStore, limits: Limits) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.settings = settings
        self.store = store
        self._limits = limits
        self.tokens = make_tokens(Path(settings.folder), ["ann", "bob"])
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._begun.wait(20)

    async def _serve(self) -> None:
        feed = Feed(self.store, self.settings)
        gate = Gate(self.store, Access(self.settings))
        self.server = StreamServer(self.settings, self.store, gate, feed, self._limits)
        self._begun.set()
        await self.server.serve(self.listener)

    def end(self) -> None:
        if self._thread.is_alive():
            self.server.loop.call_soon_threadsafe(self.server.end)
        self._thread.join()

    def ask(self, target: str, *, user: str = "ann", **fields: str) -> Client:
        """As this user; "" is nobody, any other name a token that nobody has."""
        signed = {"Authorization": f"Bearer {self.tokens.get(user, user)}"} if user else {}
        return Client(self.port, target, {"Host": "jobs.test", **signed, **fields})


class Client:
    """One connection."""

    def __init__(self, port: int, target: str, fields: Mapping[str, str], method: str = "GET") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        lines = [
            f"{method} {target} HTTP/1.1",
            *(f"{n.replace('_', '-')}: {v}" for n, v in fields.items() if v),
        ]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        self.got = b""

    def until(self, wanted: bytes) -> Client:
        while wanted not in self.got:
            data = self.socket.recv(65536)
            assert data, self.got
            self.got += data
        return self

    def whole(self) -> bytes:
        """All that comes until the server ends it."""
        with self.socket:
            while data := self.socket.recv(65536):
                self.got += data
        return self.got

    def status(self) -> int:
        return int(self.whole().split(b" ", 2)[1])

    def ids(self) -> list[int]:
        return [int(number) for number in re.findall(rb"^id: ?(\d+)$", self.got, re.M)]


@contextmanager
def standing(folder: Path, limits: Limits = Limits(), **changes: object) -> Iterator[Standing]:  # noqa: B008
    settings = settings_in(folder, hosts=("jobs.test",), **changes)
    store = ScriptedStore()
    store.add("j1")
    server = Standing(settings, store, limits)
    try:
        yield server
    finally:
        server.end()


def put(server: Standing, job_id: str, type: str = "progress", *, last: bool = False) -> None:
    server.store.put(job_id, type)
    if last:
        server.store.end(job_id)
    ring(server.settings, job_id)


def eventually(so: Callable[[], bool]) -> None:
    tried = threading.Event()
    for _ in range(2000):
        if so():
            return
        tried.wait(0.01)
    raise AssertionError("it did not become so")
