"""The edge over sockets, asked like the few-line cache of tests/protocols/caching: same questions, same answers.

A loop in a thread runs the edge and an origin that answers as each request says. The clock stands still until a
test moves it.
"""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import socket
import threading
from typing import NamedTuple

import pytest
from cache_asking import URL, Seen, StandingClock

from labctl.protocols import caching
from labctl.protocols.caching_model import by_name
from labctl.protocols.http1 import (
    BodyReader,
    read_request_head,
    read_response_head,
    request_framing,
    response_framing,
)
from labctl.sandbox.edge import Edge

HERE = pathlib.Path(__file__).parent
_SOON = 10.0


class Plan(NamedTuple):
    """How the origin answers. It says 304 to a condition that is not the client's own."""

    own: dict[str, str]
    status: int
    answers: tuple[tuple[str, str], ...]
    body: bytes
    down: bool
    delay: float
    not_modified: bool
    again: caching.CacheResponse | None
    modified: frozenset[str]


class EdgeCache(StandingClock):
    """An edge and its origin. `close` it."""

    def __init__(self, profile: str) -> None:
        super().__init__()
        self.profile = profile
        self.asked: list[dict[str, str]] = []
        self.background: list[dict[str, str]] = []
        self.plan: Plan | None = None
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="edge-rules")
        self.thread.start()
        self._connections: set[asyncio.Task[None]] = set()
        self._do(self._start())

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_SOON)

    async def _start(self) -> None:
        self.origin = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self.origin.sockets[0].getsockname()
        self.edge = Edge(
            self.profile,
            lambda factory: self.loop.create_connection(factory, host, port),
            upstream_name="origin",
            clock=lambda: self.now,
        )
        self.front = await self.loop.create_server(self.edge.protocol, "127.0.0.1", 0)
        self.address = self.front.sockets[0].getsockname()

    def close(self) -> None:
        """End everything that was started."""
        self._do(self._stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _stop(self) -> None:
        self.front.close()
        await self.edge.close()
        self.origin.close()
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b""
        while True:
            while (read := read_request_head(data)) is None:
                more = await reader.read(65536)
                if not more:
                    return
                data += more
            head, at = read
            body = BodyReader(request_framing(head))
            body.feed(data[at:])
            while not body.done:
                body.feed(await reader.read(65536))
            data = body.excess
            plan = self.plan
            assert plan is not None
            asked = {**by_name(head.fields), ":method": head.method}
            self.asked.append(asked)
            self.now += plan.delay
            if plan.down:
                return
            status, answers, content = self._response(plan, asked)
            empty = head.method == "HEAD" or status in (204, 304)
            if not empty and not any(name.lower() == "content-length" for name, _ in answers):
                answers = (*answers, ("Content-Length", str(len(content))))
            lines = "".join(f"{name}: {value}\r\n" for name, value in answers)
            writer.write(f"HTTP/1.1 {status} As Planned\r\n{lines}\r\n".encode("latin-1"))
            if not empty:
                writer.write(content)
            await writer.drain()

    def _response(self, plan: Plan, asked: dict[str, str]) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        condition = "if-none-match" in asked and asked["if-none-match"] != plan.own.get("if-none-match")
        since = asked.get("if-modified-since")
        condition = condition or (since is not None and since in plan.modified)
        if condition and plan.not_modified:
            return 304, plan.answers, b""
        if plan.again is not None and not condition and "range" not in asked:
            return plan.again.status, plan.again.fields, plan.body
        return plan.status, plan.answers, plan.body

    @property
    def kept(self) -> dict[str, list[object]]:
        found: dict[str, list[object]] = {URL: []}
        for entry in self.edge.store:
            found.setdefault(entry.stored.url, []).append(entry)
        return found

    def ask(
        self,
        *fields: tuple[str, str],
        method: str = "GET",
        url: str = URL,
        status: int = 200,
        answers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"0123456789",
        down: bool = False,
        delay: float = 0.0,
        not_modified: bool = True,
        again: caching.CacheResponse | None = None,
    ) -> Seen:
        """One request on a connection of its own; the same arguments as the few-line cache's."""
        modified = frozenset(
            value
            for entry in self.edge.store
            if (value := entry.stored.named.get("last-modified")) is not None
        )
        self.plan = Plan(by_name(fields), status, answers, body, down, delay, not_modified, again, modified)
        before = len(self.asked)
        host, _, path = url.partition("://")[2].partition("/")
        length = () if method in ("GET", "HEAD") else (("Content-Length", "0"),)
        lines = "".join(f"{name}: {value}\r\n" for name, value in (("Host", host), *fields, *length))
        with socket.create_connection(self.address, timeout=_SOON) as sock:
            sock.sendall(f"{method} /{path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
            data = b""
            while (read := read_response_head(data)) is None:
                data += self._more(sock)
            head, at = read
            reader = BodyReader(response_framing(method, head))
            content = reader.feed(data[at:])
            while not reader.done:
                content += reader.feed(self._more(sock))
        self._do(self._idle())
        decision = self.edge.decisions[-1]
        asked = self.asked[before:]
        if decision.word == "UPDATING":
            self.background += asked
            asked = []
        because = caching.Because(decision.because, decision.rule)
        # Which of the two errors of a gateway it is makes no difference to caching.
        shown = 504 if head.status == 502 else head.status
        return Seen(shown, by_name(head.fields), content, decision.word, asked[0] if asked else None, because)

    async def _idle(self) -> None:
        """Come back when nothing is asked of the origin any more."""
        while self.edge.running:
            await asyncio.sleep(0.001)

    @staticmethod
    def _more(sock: socket.socket) -> bytes:
        more = sock.recv(65536)
        assert more, "the edge ended the connection"
        return more


@pytest.fixture
def shared():
    cache = EdgeCache("rfc9111")
    yield cache
    cache.close()


@pytest.fixture
def cloudflare():
    cache = EdgeCache("cloudflare")
    yield cache
    cache.close()


def pytest_collection_modifyitems(config, items):
    """Of the tables that are borrowed, those about a browser and those without a cache are not for an edge."""
    here = [item for item in items if item.path.parent == HERE]
    left_out = [item for item in here if not {"shared", "cloudflare"} & set(item.fixturenames)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
