"""A scripted origin, a raw client and a clock of their own, around an edge: all in one loop, without sleeping."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from labctl.protocols.http1 import (
    BodyReader,
    Fields,
    MessageError,
    RequestHead,
    get,
    read_request_head,
    read_response_head,
    request_framing,
    response_framing,
    write_chunk,
    write_response_head,
)
from labctl.protocols.http_dates import write_http_date
from labctl.sandbox.edge import Edge

EPOCH = 1_800_000_000.0
# A date relative to the clock: "@+60" in a field value.
_MOMENT = re.compile(r"@([+-][0-9]+)")


class Gives(NamedTuple):
    """What the origin answers when it is asked. `framing` "none" sends no response and closes."""

    status: int = 200
    fields: Fields = ()
    body: bytes | None = None
    framing: str = "length"  # length, chunked, close, none, raw
    date: bool = True
    trailers: Fields = ()
    interim: tuple[tuple[int, Fields], ...] = ()
    reason: str = "Fine"


class Got(NamedTuple):
    """A response as the client saw it."""

    status: int
    reason: str
    fields: Fields
    body: bytes
    trailers: Fields
    interim: tuple[Any, ...]
    version: str = "1.1"

    def get(self, name: str) -> str | None:
        return get(self.fields, name)


class Asked(NamedTuple):
    """A request as the origin saw it."""

    head: RequestHead
    body: bytes
    trailers: Fields

    def get(self, name: str) -> str | None:
        return get(self.head.fields, name)


class World:
    """An edge with its origin and one client connection."""

    def __init__(self) -> None:
        self.now = EPOCH
        self.asked: list[Asked] = []
        self.gives: Gives = Gives()
        self.script: Callable[[Asked], Gives] | None = None
        # Tests that want to be asked wait for it, and let the origin answer when they like.
        self.arrived = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.connections = 0
        self.edge: Edge
        self.port = 0
        self.origin_port = 0
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, profile: str = "rfc9111", **settings: Any) -> None:
        loop = asyncio.get_running_loop()
        origin = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.origin_port = origin.sockets[0].getsockname()[1]
        settings.setdefault(
            "connect", lambda factory: loop.create_connection(factory, "127.0.0.1", self.origin_port)
        )
        self.edge = Edge(profile, upstream_name="origin.test", clock=lambda: self.now, seed=1, **settings)
        server = await loop.create_server(self.edge.protocol, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._servers = [origin, server]

    async def close(self) -> None:
        self.may_answer.set()
        for server in self._servers:
            server.close()
        await self.edge.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        await asyncio.sleep(0)

    def value(self, text: str) -> str:
        """A field value with its moments as dates."""
        return _MOMENT.sub(lambda found: write_http_date(self.now + int(found[1])), text)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with suppress(OSError, MessageError, asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = b""
        while True:
            while (found := read_request_head(buffer)) is None:
                data = await reader.read(65536)
                if not data:
                    return
                buffer += data
            head, end = found
            body = BodyReader(request_framing(head))
            content = body.feed(buffer[end:]) if not body.done else b""
            if body.done and not content:
                buffer = buffer[end:]
            while not body.done:
                data = await reader.read(65536)
                if not data:
                    return
                content += body.feed(data)
            if content:
                buffer = body.excess
            asked = Asked(head, content, body.trailers)
            self.asked.append(asked)
            gives = self.script(asked) if self.script is not None else self.gives
            serial = len(self.asked)
            self.arrived.set()
            await self.may_answer.wait()
            if not await self._answer(writer, head, gives, serial):
                return

    async def _answer(
        self, writer: asyncio.StreamWriter, head: RequestHead, gives: Gives, serial: int
    ) -> bool:
        if gives.framing == "none":
            writer.transport.abort()
            return False
        if gives.framing == "raw":
            writer.write(gives.body or b"")
            await writer.drain()
            return False
        for status, extra in gives.interim:
            writer.write(write_response_head(status, "Interim", extra))
        fields = tuple((name, self.value(value)) for name, value in gives.fields)
        fields = (("X-Serial", str(serial)), *fields)
        if gives.date and get(fields, "Date") is None:
            fields = (("Date", write_http_date(self.now)), *fields)
        body = gives.body if gives.body is not None else f"body {serial}".encode()
        bare = head.method == "HEAD" or gives.status in (204, 304)
        if gives.framing == "length" and gives.status not in (204, 304):
            fields = (*fields, ("Content-Length", str(len(body))))
        elif gives.framing == "chunked" and not bare:
            fields = (*fields, ("Transfer-Encoding", "chunked"))
        raw = write_response_head(gives.status, gives.reason, fields)
        if not bare:
            if gives.framing == "chunked":
                half = len(body) // 2
                raw += write_chunk(body[:half]) + write_chunk(body[half:]) + b"0\r\n"
                raw += b"".join(f"{n}: {v}\r\n".encode() for n, v in gives.trailers) + b"\r\n"
            else:
                raw += body
        writer.write(raw)
        await writer.drain()
        return gives.framing != "close"

    async def client(self) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        return Client(reader, writer)

    async def ask(self, method: str, target: str, fields: Fields = (), body: bytes = b"") -> Got:
        """One request on a connection of its own."""
        client = await self.client()
        try:
            return await client.ask(method, target, tuple((n, self.value(v)) for n, v in fields), body)
        finally:
            await client.close()

    async def quiet(self) -> None:
        """Until no question to the origin is under way."""
        while self.edge.running:
            await asyncio.sleep(0)


class Client:
    """A raw HTTP/1.1 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.buffer = b""

    async def ask(self, method: str, target: str, fields: Fields = (), body: bytes = b"") -> Got:
        if get(fields, "Host") is None:
            fields = (("Host", "site.test"), *fields)
        if body and get(fields, "Transfer-Encoding") is None:
            fields = (*fields, ("Content-Length", str(len(body))))
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        self.writer.write(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body)
        return await self.answer(method)

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def answer(self, method: str = "GET") -> Got:
        """The next final response. Raises MessageError when it breaks off, EOFError when nothing comes."""
        interim = []
        while True:
            while (found := read_response_head(self.buffer)) is None:
                data = await self.reader.read(65536)
                if not data:
                    raise EOFError
                self.buffer += data
            head, end = found
            self.buffer = self.buffer[end:]
            if head.status >= 200:
                break
            interim.append(head)
        body = BodyReader(response_framing(method, head))
        content = b""
        if not body.done:
            content = body.feed(self.buffer)
            self.buffer = b""
        while not body.done:
            data = await self.reader.read(65536)
            if not data:
                body.end_of_input()
                break
            content += body.feed(data)
        self.buffer = body.excess or self.buffer
        return Got(
            head.status, head.reason, head.fields, content, body.trailers, tuple(interim), head.version
        )

    async def at_end(self) -> bool:
        """Whether the edge has closed the connection, with nothing more to say."""
        return not self.buffer and await self.reader.read(1) == b""

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


def within(scene: Callable[[World], Awaitable[None]], profile: str = "rfc9111", **settings: Any) -> World:
    """Play a scene with an edge, then end everything. Returns the world, to be looked at."""

    async def play() -> World:
        world = World()
        await world.open(profile, **settings)
        try:
            async with asyncio.timeout(20):
                await scene(world)
        finally:
            await world.close()
        return world

    return asyncio.run(play())
