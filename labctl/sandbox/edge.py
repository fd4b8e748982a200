"""An edge: a caching reverse proxy for HTTP/1.1 in one asyncio loop, in front of one origin.

    edge = Edge("rfc9111", connect, upstream_name="127.0.0.1:8000")
    server = await loop.create_server(edge.protocol, "127.0.0.1", 8080)
    ...
    await edge.close()

The rules are those of `labctl.protocols.caching`, the syntax is that of `labctl.protocols.http1`; here is only what
connects them. Two profiles that are never mixed: `rfc9111` and `cloudflare` (`edge_profile`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from labctl.protocols.caching_model import Use
from labctl.protocols.http1 import MessageError, RequestHead
from labctl.sandbox import edge_answers
from labctl.sandbox.edge_connection import ClientConnection
from labctl.sandbox.edge_exchange import EdgeDecision, Exchange
from labctl.sandbox.edge_fetch import Fetch
from labctl.sandbox.edge_flow import Sink
from labctl.sandbox.edge_front import answer_for
from labctl.sandbox.edge_origin import Connect, Origin
from labctl.sandbox.edge_profile import Profile, profile_named
from labctl.sandbox.edge_question import Question
from labctl.sandbox.edge_store import Store
from labctl.sandbox.site import SiteAnswer, SiteRequest

SIZE_BYTES = 64 * 1024 * 1024
_SWEEP_S = 1.0
_MOST_DECISIONS = 1000


class Patience(NamedTuple):
    """How long a client may be silent, in seconds: within a head, between requests, and while it is to read."""

    head_s: float = 30.0
    idle_s: float = 75.0
    reading_s: float = 60.0


class Edge:
    """Make it inside the running loop. `connect(factory)` opens a connection to the origin with that protocol.

    `host_header` "" passes the client's Host on, a name replaces it. `clock` is POSIX seconds and decides about
    freshness. `size_bytes` bounds what is stored, `largest_bytes` one response (a quarter of it by default).
    """

    def __init__(
        self,
        profile: str | Profile,
        connect: Connect,
        *,
        upstream_name: str = "origin",
        host_header: str = "",
        clock: Callable[[], float] = time.time,
        size_bytes: int = SIZE_BYTES,
        largest_bytes: int | None = None,
        delay_s: float = 0.0,
        timeout_s: float = 60.0,
        seed: int | None = None,
        patience: Patience | None = None,
        on_decision: Callable[[EdgeDecision], None] | None = None,
    ) -> None:
        self.profile = profile if isinstance(profile, Profile) else profile_named(profile, seed)
        self.clock = clock
        self.store = Store(size_bytes, largest_bytes)
        self.origin = Origin(connect, name=upstream_name, delay_s=delay_s, timeout_s=timeout_s)
        self.host_header = host_header
        self.patience = patience or Patience()
        self.decisions: deque[EdgeDecision] = deque(maxlen=_MOST_DECISIONS)
        self.on_decision = on_decision
        # Questions to the origin: those that others may wait for, by URL, and all.
        self.fetches: dict[str, Question] = {}
        self.running: set[Question] = set()
        self._behind: set[Question] = set()
        self._clients: set[ClientConnection] = set()
        self._loop = asyncio.get_running_loop()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        # A coarse clock, so that a hit need not read one for its connection's patience.
        self.tick = self._loop.time()

    def protocol(self, scheme: str = "http") -> ClientConnection:
        """The protocol of one client's connection; `scheme` is what the client speaks, TLS or not."""
        return ClientConnection(self, scheme)

    async def respond(self, request: SiteRequest) -> SiteAnswer:
        """The answer to a request that came another way, such as HTTP/2."""
        return await answer_for(self, request)

    def purge(self, url: str) -> int:
        """Forget a URL, all variants. Returns how many stored responses are gone."""
        self._spoil(url)
        return self.store.drop(url)

    def purge_all(self) -> int:
        """Forget everything. Returns how many stored responses are gone."""
        for fetch in self.running:
            fetch.spoiled = True
        return self.store.clear()

    async def close(self) -> None:
        """End all connections, to clients and to the origin. Idempotent."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for client in tuple(self._clients):
            client.transport.abort()
        await self.origin.close()
        # Transports say goodbye in callbacks.
        await asyncio.sleep(0)

    # For connections, exchanges and fetches.

    def host_for(self, named: Mapping[str, str]) -> str:
        """The Host to send instead of the client's, "" to keep it."""
        return self.host_header or ("" if "host" in named else self.origin.name)

    def refresh_behind(self, exchange: Exchange, use: Use) -> None:
        """Ask the origin for a newer response, unless that is being done (RFC 5861 section 3)."""
        if all(use.stored is not fetch.use.stored for fetch in self._behind):
            fetch = Fetch(self, exchange, use, behind=True)
            self._behind.add(fetch)
            fetch.start(False)

    def refreshed(self, fetch: Question) -> None:
        """A question behind an answer is over."""
        self._behind.discard(fetch)

    def invalidate(self, url: str) -> int:
        """What a changing request does to a URL (RFC 9111 section 4.4)."""
        self._spoil(url)
        return self.store.drop(url)

    def _spoil(self, url: str) -> None:
        """What is under way for this URL may be from before: it is not kept."""
        for fetch in self.running:
            if fetch.request.url == url:
                fetch.spoiled = True

    def decided(self, decision: EdgeDecision) -> None:
        self.decisions.append(decision)
        if self.on_decision is not None:
            self.on_decision(decision)

    def decided_hit(self, now: float, url: str, because: str, rule: str, age: int, status: int) -> None:
        """The same for a prepared answer."""
        decision = EdgeDecision(now, "GET", url, "HIT", because, rule, age, False, status)
        self.decisions.append(decision)
        if self.on_decision is not None:
            self.on_decision(decision)

    def refuse(
        self, sink: Sink, head: RequestHead | None, error: MessageError, client: str, scheme: str
    ) -> None:
        """What is no HTTP message."""
        method, target = (head.method, head.target) if head is not None else ("?", "")
        self.decided(
            EdgeDecision(
                self.clock(), method, target, "NONE", error.sentence, "RFC 9112", None, False, error.status
            )
        )
        edge_answers.refuse_message(sink, self, head, error)

    def joined(self, client: ClientConnection) -> None:
        """A client has connected."""
        client.touched = self.tick = self._loop.time()
        self._clients.add(client)
        if self._closed:
            client.transport.abort()
        elif self._sweeper is None:
            self._sweeper = self._loop.call_later(self._period(), self._sweep)

    def left(self, client: ClientConnection) -> None:
        """A client is gone."""
        self._clients.discard(client)

    def _period(self) -> float:
        return min(_SWEEP_S, self.origin.timeout_s / 4, *(s / 4 for s in self.patience))

    def _sweep(self) -> None:
        self.tick = self._loop.time()
        for client in tuple(self._clients):
            client.sweep(self.tick)
        self.origin.sweep()
        busy = self._clients or self.origin.open
        self._sweeper = self._loop.call_later(self._period(), self._sweep) if busy else None
