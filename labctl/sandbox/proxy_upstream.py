"""The apps behind a reverse proxy: whose turn it is, and who is left alone for a while because it did not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from labctl.sandbox.web_stream import PlainStream

# Where an app listens: IPv4 and port.
Address = tuple[str, int]
_CONNECT_S = 5.0


@dataclass
class Backend:
    """One app. `asked` counts requests and `failed` those that it did not take; seconds are the upstream's clock."""

    address: Address
    asked: int = 0
    failed: int = 0
    alone_until: float = 0.0

    @property
    def name(self) -> str:
        """As Host has it: "127.0.0.1:8001"."""
        return f"{self.address[0]}:{self.address[1]}"


class Upstream:
    """Round robin with passive health: who fails once is not asked for `fail_timeout_s` (nginx's max_fails=1).

    `transparent`: connect from the client's address, as a transparent proxy does. `habits` are faults.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        *,
        fail_timeout_s: float = 10.0,
        habits: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.backends = [Backend(address) for address in addresses]
        self._fail_timeout_s = fail_timeout_s
        self._habits = habits
        self._clock = clock
        self._turn = 0

    def in_turn(self) -> Iterator[Backend]:
        """Whom to ask, best first. When all are left alone, all are asked again."""
        now = self._clock()
        notices = "proxy-never-notices" not in self._habits
        well = [each for each in self.backends if each.alone_until <= now or not notices] or self.backends
        turn = 0 if "proxy-sticks-to-first" in self._habits else self._turn % len(well)
        self._turn += 1
        order = well[turn:] + well[:turn]
        yield from order if notices else order[:1]

    def failed(self, backend: Backend) -> None:
        """It did not take the connection."""
        backend.failed += 1
        backend.alone_until = self._clock() + self._fail_timeout_s

    async def connect(self, peer: str) -> tuple[Backend, PlainStream] | None:
        """A connection to the first that takes one; None when nobody does."""
        for backend in self.in_turn():
            backend.asked += 1
            try:
                return backend, await self._open(backend, peer)
            except OSError:  # TimeoutError is one
                self.failed(backend)
        return None

    async def _open(self, backend: Backend, peer: str) -> PlainStream:
        loop = asyncio.get_running_loop()
        made: list[PlainStream] = []
        async with asyncio.timeout(_CONNECT_S):
            source = (peer, 0) if "proxy-transparent" in self._habits else None
            await loop.create_connection(
                lambda: PlainStream(made.append), *backend.address, local_addr=source
            )
        return made[0]
