"""Which address wins: Happy Eyeballs version 2 (RFC 8305), over `Internet.dial`.

The first address gets a head start. When it has not answered by then, or has failed, the next one is tried
beside it. The first connection wins, the others are called off.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from typing import Literal, NamedTuple

from labctl.fetch.dialling import CALLED_OFF
from labctl.internet import Dialled, Endpoint, Failure, Internet

# RFC 8305 section 5: "Connection Attempt Delay", 250 ms is recommended. Seconds.
HEAD_START = 0.25
# A name may have a hundred addresses; nobody tries them all.
MOST = 8


class Attempt(NamedTuple):
    """One address that was tried. Seconds on the internet's clock; `outcome` is "won", "called-off" or a failure."""

    address: str
    started_at: float
    ended_at: float
    outcome: Literal["won", "called-off", "timeout", "refused", "unreachable", "reset", "tls", "http"]
    detail: str = ""


class Connected(NamedTuple):
    """The connection, or why there is none. `attempts` in the order in which they began.

    `socket` is the caller's to close. `local` is our end. When nothing was reached, `failure` and `detail` are
    the last attempt's.
    """

    socket: socket.socket | None
    address: str
    port: int
    attempts: tuple[Attempt, ...]
    started_at: float
    connected_at: float
    failure: Failure = ""
    detail: str = ""
    local: str = ""

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds from the first attempt to the connection, or the giving up."""
        return (self.connected_at - self.started_at) * 1000


def race(
    internet: Internet,
    addresses: Sequence[str],
    port: int,
    *,
    head_start: float = HEAD_START,
    timeout: float = 10.0,
    side_by_side: bool = True,
) -> Connected:
    """Connect to the first of `addresses` that answers. Never raises for what a peer does.

    `head_start` is how long, in seconds, each address is alone before the next one is tried too; `timeout` is for
    all of them together. Without `side_by_side` an address is given up before the next one is tried, as clients did
    before RFC 6555.
    """
    wanted = tuple(dict.fromkeys(addresses))[:MOST]
    if not wanted:
        now = internet.clock()
        return Connected(None, "", port, (), now, now, "unreachable", "there is no address to connect to")
    if len(wanted) == 1:
        return _alone(internet, wanted[0], port, timeout)
    if not side_by_side:
        return _one_by_one(internet, wanted, port, head_start, timeout)
    return _Race(internet, wanted, port, head_start, timeout).run()


def _alone(internet: Internet, address: str, port: int, timeout: float) -> Connected:
    dialled = internet.dial(Endpoint(address, port), timeout=timeout)
    return _connected(dialled, address, port, (_attempt(address, dialled),), dialled.started_at)


def _one_by_one(
    internet: Internet, addresses: tuple[str, ...], port: int, patience: float, timeout: float
) -> Connected:
    started_at = internet.clock()
    attempts: list[Attempt] = []
    for place, address in enumerate(addresses):
        left = timeout - (internet.clock() - started_at)
        last = place == len(addresses) - 1
        dialled = internet.dial(
            Endpoint(address, port), timeout=max(0.001, left if last else min(left, patience))
        )
        attempts.append(_attempt(address, dialled))
        if dialled.socket is not None:
            break
    return _connected(dialled, address, port, tuple(attempts), attempts[0].started_at)


def _attempt(address: str, dialled: Dialled, *, won: bool = True) -> Attempt:
    times = dialled.started_at, dialled.connected_at
    if dialled.socket is not None:
        return Attempt(address, *times, "won" if won else "called-off")
    if dialled.detail == CALLED_OFF:
        return Attempt(address, *times, "called-off", dialled.detail)
    return Attempt(address, *times, dialled.failure or "unreachable", dialled.detail)


def _connected(
    dialled: Dialled, address: str, port: int, attempts: tuple[Attempt, ...], started_at: float
) -> Connected:
    return Connected(
        dialled.socket,
        address,
        port,
        attempts,
        started_at,
        dialled.connected_at,
        dialled.failure,
        dialled.detail,
        dialled.local,
    )


class _Race:
    """Dials in threads, one for each address; the caller's thread waits and starts the next."""

    def __init__(
        self, internet: Internet, addresses: tuple[str, ...], port: int, head_start: float, timeout: float
    ) -> None:
        self._internet = internet
        self._addresses = addresses
        self._port = port
        self._head_start = head_start
        self._timeout = timeout
        self._ended = threading.Condition()
        self._results: dict[int, Dialled] = {}
        self._raised: list[BaseException] = []
        self._call_off, self._called_off = socket.socketpair()

    def run(self) -> Connected:
        threads: list[threading.Thread] = []
        started_at = self._internet.clock()
        try:
            for place in range(len(self._addresses)):
                left = self._timeout - (self._internet.clock() - started_at)
                if left <= 0:
                    break
                thread = threading.Thread(target=self._try, args=(place, left), name="dials")
                thread.start()
                threads.append(thread)
                last = place == len(self._addresses) - 1
                self._wait(len(threads), None if last else min(left, self._head_start))
                if self._winner() is not None:
                    break
            self._wait(len(threads), None)
        finally:
            self._call_off.send(b"\0")
            for thread in threads:
                thread.join()
            self._call_off.close()
            self._called_off.close()
        if self._raised:
            for dialled in self._results.values():
                if dialled.socket is not None:
                    dialled.socket.close()
            raise self._raised[0]
        return self._told(started_at)

    def _try(self, place: int, left: float) -> None:
        to = Endpoint(self._addresses[place], self._port)
        try:
            dialled = self._internet.dial(to, timeout=left, until=self._called_off)
        except BaseException as error:  # handed on to the caller's thread
            with self._ended:
                self._raised.append(error)
                self._ended.notify_all()
            return
        with self._ended:
            self._results[place] = dialled
            self._ended.notify_all()

    def _wait(self, begun: int, seconds: float | None) -> None:
        """Until one has won or all that have begun have failed; `seconds` at most."""
        with self._ended:
            self._ended.wait_for(
                lambda: self._raised or self._winner() is not None or len(self._results) == begun, seconds
            )

    def _winner(self) -> int | None:
        made = [place for place, dialled in self._results.items() if dialled.socket is not None]
        return min(made, key=lambda place: self._results[place].connected_at) if made else None

    def _told(self, started_at: float) -> Connected:
        winner = self._winner()
        attempts = []
        for place in sorted(self._results):
            dialled = self._results[place]
            attempts.append(_attempt(self._addresses[place], dialled, won=place == winner))
            if dialled.socket is not None and place != winner:
                dialled.socket.close()
        chosen = max(self._results) if winner is None else winner
        first = min((dialled.started_at for dialled in self._results.values()), default=started_at)
        return _connected(self._results[chosen], self._addresses[chosen], self._port, tuple(attempts), first)
